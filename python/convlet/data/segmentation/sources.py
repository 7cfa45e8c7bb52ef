"""Data sets for segmentation by name or path."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from convlet.data import shapes
from convlet.data._arguments import UINT64_MAX, whole
from convlet.data.segmentation.dataset import MaskedImages

__all__ = ["NAMES", "SegmentationData", "load"]

NAMES = ("shapes", "shapes-easy", "shapes-hard")

_TRAIN, _TEST = 2_000, 500  # drawn scenes


@dataclass(frozen=True)
class SegmentationData:
    """A data set for segmentation: a part to train on, a part to test on, and class names.

    Class 0 is the background where there is one.
    """

    name: str
    train: MaskedImages
    test: MaskedImages
    class_names: tuple[str, ...]


def load(source: str | os.PathLike[str] = "shapes", *, seed: int = 0) -> SegmentationData:
    """Load pictures with a class for each pixel, divided into a part to train and a part to test on.

    Args:
        source: `"shapes"`, `"shapes-easy"` or `"shapes-hard"`: 2,000 and 500 drawn scenes of 128x128
            pixels with many figures, which overlap, some small, some scenes empty.
        seed: Decides which scenes are drawn.

    Raises:
        ValueError: There is no such name.

    Example:
        >>> load("nothing")
        Traceback (most recent call last):
        ValueError: load: there is no nothing; the names are shapes, shapes-easy, shapes-hard
    """
    key = whole(seed, "load", "seed", maximum=UINT64_MAX)
    name = os.fspath(source)
    if name in NAMES:
        return _drawn(name, key)
    raise ValueError(f"load: there is no {name}; the names are {', '.join(NAMES)}")


def _drawn(name: str, seed: int) -> SegmentationData:
    level = name.partition("-")[2] or "medium"
    scenes = shapes.scenes(_TRAIN + _TEST, seed=seed, difficulty=level)
    masks = scenes.semantic
    images = np.ascontiguousarray(scenes.images)
    return SegmentationData(
        name,
        MaskedImages(images[:_TRAIN], masks[:_TRAIN]),
        MaskedImages(images[_TRAIN:], masks[_TRAIN:]),
        ("background", *shapes.CLASS_NAMES),
    )
