"""What the sources give: pictures with their labels, and the two parts of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from convlet.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ImageData", "LabelledImages", "Pixels", "checked"]

Pixels: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.float32]

# More classes than any data set of pictures has; it bounds what a file can make us allocate.
_MOST_CLASSES = 65_536


class LabelledImages(NamedTuple):
    """Pictures (N, C, H, W), uint8 or float32, and their int64 labels (N,)."""

    images: Pixels
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class ImageData:
    """A data set for classification: a part to train on, a part to test on, and class names."""

    name: str
    train: LabelledImages
    test: LabelledImages
    class_names: tuple[str, ...]


def checked(images: npt.NDArray[Any], labels: npt.NDArray[Any], path: Path) -> LabelledImages:
    """What a file holds, as pictures and labels that belong together.

    Args:
        images: (N, H, W), (N, C, H, W) or (N, H, W, C) with C of 1, 3 or 4; uint8 or floating point.
        labels: Integers from 0, (N,) or (N, 1).
        path: The file to name in errors.

    Raises:
        FormatError: Shapes, types or values are not those.
    """
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[1] not in (1, 3, 4) and images.shape[3] in (1, 3, 4):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or 0 in images.shape:
        raise FormatError(
            f"{path}: images must be (N, H, W) or (N, C, H, W) and not empty, "
            f"got shape {images.shape}"
        )
    if images.dtype.kind == "f":
        images = images.astype(np.float32, copy=False)
    elif images.dtype != np.uint8:
        raise FormatError(f"{path}: images must be uint8 or floating point, got {images.dtype}")

    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (len(images),):
        raise FormatError(
            f"{path}: labels must be ({len(images)},) as there are {len(images)} images, "
            f"got shape {labels.shape}"
        )
    if labels.dtype.kind not in "iu":
        raise FormatError(f"{path}: labels must be integers, got {labels.dtype}")
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= _MOST_CLASSES:
        raise FormatError(
            f"{path}: labels must be in [0, {_MOST_CLASSES}), got {lowest} to {highest}"
        )
    return LabelledImages(images, labels.astype(np.int64))
