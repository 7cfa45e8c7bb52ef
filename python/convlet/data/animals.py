"""Silhouettes of animals that the package animal-mnist carries; it is found, never imported."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.data.labelled import LabelledImages
from convlet.errors import FormatError
from convlet.io.installed import find
from convlet.io.pickled_arrays import load_arrays

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CLASS_NAMES", "available", "load"]

CLASS_NAMES = (
    "bear",
    "bird",
    "cat",
    "cow",
    "dog",
    "elephant",
    "giraffe",
    "horse",
    "sheep",
    "zebra",
)

_FOLDER = "data/Animal_MNIST"
_MOST_BYTES = 1 << 24


def available() -> bool:
    """Whether `load` will find its files."""
    return find("animal_mnist", f"{_FOLDER}/animal_data_version_3.gz") is not None


def load() -> LabelledImages:
    """10,000 silhouettes of animals, of ten classes.

    The files come with the package animal-mnist (MIT): pickles of arrays, which are read without
    running them.

    Returns:
        images, uint8 (10000, 1, 28, 28); labels, int64 (10000,).

    Raises:
        ImportError: animal-mnist is not installed; the message says how to install it.
        FormatError: The files are not those expected.
    """
    paths = [
        find("animal_mnist", f"{_FOLDER}/animal_{part}_version_3.gz") for part in ("data", "label")
    ]
    if paths[0] is None or paths[1] is None:
        raise ImportError(
            "The animals come with the package animal-mnist: pip install --no-deps animal-mnist"
        )
    images, labels = (_read(path) for path in paths if path is not None)
    if images.dtype != np.uint8 or images.shape != (len(images), 28, 28) or len(images) == 0:
        raise FormatError(
            f"{paths[0]}: images must be uint8 (N, 28, 28), got {images.dtype} {images.shape}"
        )
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise FormatError(
            f"{paths[1]}: labels must be integers ({len(images)},), got {labels.dtype} {labels.shape}"
        )
    if not 0 <= labels.min() <= labels.max() < len(CLASS_NAMES):
        raise FormatError(
            f"{paths[1]}: labels must be in [0, 10), got {labels.min()} to {labels.max()}"
        )
    return LabelledImages(images[:, None], labels.astype(np.int64))


def _read(path: Path) -> Any:
    try:
        with gzip.open(path) as file:
            data = file.read(_MOST_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: not a whole gzip file ({error})") from error
    if len(data) > _MOST_BYTES:
        raise FormatError(f"{path}: unpacks to more than {_MOST_BYTES} bytes")
    try:
        array = load_arrays(data)
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error
    if not isinstance(array, np.ndarray):
        raise FormatError(f"{path}: must hold an array, got {type(array).__name__}")
    return array
