"""Pictures and labels in .npy files, mapped into memory: only what a batch reads is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.data.labelled import LabelledImages, checked
from convlet.errors import FormatError

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

__all__ = ["find", "load_folder", "read"]

TRAIN_NAMES = (("images", "labels"), ("train_images", "train_labels"), ("x_train", "y_train"))
TEST_NAMES = (("test_images", "test_labels"), ("x_test", "y_test"))


def read(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Map one .npy file into memory, read-only.

    Raises:
        FormatError: The file is damaged, cut short or holds objects.
        OSError: It cannot be opened.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "labels.npy"
        >>> np.save(path, [3, 1])
        >>> read(path).tolist()
        [3, 1]
    """
    path = Path(path)
    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise FormatError(f"{path}: not a .npy file")
    try:
        return np.asarray(np.lib.format.open_memmap(path, mode="r"))
    except (ValueError, TypeError, EOFError, SyntaxError, OverflowError) as error:
        raise FormatError(f"{path}: not a whole .npy file of numbers ({error})") from error


def find(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder holds pictures and labels to train on."""
    return any(
        all((Path(folder) / f"{name}.npy").is_file() for name in names) for names in TRAIN_NAMES
    )


def load_folder(folder: str | os.PathLike[str]) -> tuple[LabelledImages, LabelledImages | None]:
    """Map the arrays of a folder.

    Args:
        folder: Holds `images.npy` (N, H, W), (N, C, H, W) or (N, H, W, C) and `labels.npy` (N,),
            and perhaps `test_images.npy` and `test_labels.npy`; `train_images` and `x_train`, with
            the labels' names alike, serve too. uint8 and float32 are not copied.

    Returns:
        The part to train on, and the part to test on or None.

    Raises:
        FormatError: A file is damaged or holds something else.
        ValueError: There are no such files.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> np.save(folder / "images.npy", np.zeros((2, 8, 8), np.uint8))
        >>> np.save(folder / "labels.npy", [3, 1])
        >>> train, test = load_folder(folder)
        >>> train.images.shape, train.labels.tolist(), test
        ((2, 1, 8, 8), [3, 1], None)
    """
    folder = Path(folder)
    train, test = _part(folder, TRAIN_NAMES), _part(folder, TEST_NAMES)
    if train is None:
        raise ValueError(f"{folder}: found no images.npy with labels.npy")
    if test is not None and test.images.shape[1:] != train.images.shape[1:]:
        raise FormatError(
            f"{folder}: pictures to test on must be {train.images.shape[1:]} as those to train on, "
            f"got {test.images.shape[1:]}"
        )
    return train, test


def _part(folder: Path, candidates: tuple[tuple[str, str], ...]) -> LabelledImages | None:
    for names in candidates:
        images, labels = (folder / f"{name}.npy" for name in names)
        if images.is_file() and labels.is_file():
            return checked(read(images), read(labels), images)
    return None
