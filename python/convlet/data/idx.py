"""MNIST's own file format, IDX: a big-endian array with its shape in front, gzipped or not.

http://yann.lecun.com/exdb/mnist describes it: two zero bytes, the type of the values, the number
of dimensions, each dimension as a 32-bit integer, then the values with the last index fastest.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from convlet.data.labelled import LabelledImages, checked
from convlet.errors import FormatError

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

__all__ = ["find_images", "load_file", "load_folder", "read"]

_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 4
_MOST_BYTES = 1 << 32
# deflate cannot shrink anything more than this, so a larger claim is a lie.
_BEST_RATIO = 1032
_CHUNK = 1 << 20


def read(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """Read one IDX file.

    The claimed size is compared with the file's before memory is taken, and at most 4 GiB are.

    Args:
        path: An IDX file; gzip is recognised by its first two bytes, whatever the name.

    Returns:
        The array in the machine's byte order, of up to 4 dimensions.

    Raises:
        FormatError: The file is not IDX, is damaged, ends early or goes on after its values.
        OSError: The file cannot be opened.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
        >>> _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3]) + bytes([7, 2, 1]))  # 3 bytes, of one dimension
        >>> read(path).tolist()
        [7, 2, 1]
    """
    path = Path(path)
    stored = path.stat().st_size
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            return _read_array(file, path, stored, exact=True)
        try:
            with gzip.GzipFile(fileobj=file) as unzipped:
                # GzipFile is a binary reader in all but its declared type.
                return _read_array(unzipped, path, stored * _BEST_RATIO, exact=False)  # type: ignore[arg-type]
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise FormatError(f"{path}: not a whole gzip file ({error})") from error


def _read_array(file: BinaryIO, path: Path, available: int, *, exact: bool) -> npt.NDArray[Any]:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES:
        raise FormatError(f"{path}: not an IDX file, it begins with {head!r}")
    rank = head[3]
    if not 1 <= rank <= _MOST_DIMENSIONS:
        raise FormatError(f"{path}: must have 1 to {_MOST_DIMENSIONS} dimensions, got {rank}")
    sizes = file.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise FormatError(f"{path}: ends inside its header")
    shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * rank, 4))
    dtype = np.dtype(_TYPES[head[2]])
    # Python's integers do not overflow, so neither does this product.
    size = math.prod(shape) * dtype.itemsize
    claim = f"{path}: the header promises {size} bytes of values for shape {shape}"
    if size > _MOST_BYTES:
        raise FormatError(f"{claim}, more than the {_MOST_BYTES} that are read")
    rest = available - 4 - len(sizes)
    if size > rest or (exact and size < rest):
        raise FormatError(f"{claim}, the file has {'' if exact else 'at most '}{rest}")

    values = np.empty(size, dtype=np.uint8)
    filled = 0
    while filled < size:
        chunk = file.read(min(size - filled, _CHUNK))
        if not chunk:
            raise FormatError(f"{claim}, the file has {filled}")
        values[filled : filled + len(chunk)] = np.frombuffer(chunk, dtype=np.uint8)
        filled += len(chunk)
    # Reading to the very end also makes gzip compare its checksum.
    if file.read(1):
        raise FormatError(f"{claim}, the file goes on after them")
    return values.view(dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def load_file(path: str | os.PathLike[str]) -> LabelledImages:
    """Read an IDX file of images and the file of labels that lies beside it.

    Args:
        path: A file whose name contains `images-idx3` or `images.idx3`; the labels' name has
            `labels-idx1` or `labels.idx1` in that place.

    Raises:
        FormatError: One of them is damaged, or they do not belong together.
        ValueError: The name is not of that form, or the labels are missing.
        OSError: A file cannot be opened.
    """
    path = Path(path)
    stem = path.name.removesuffix(".gz")
    for mark in ("-", "."):
        labels = stem.replace(f"images{mark}idx3", f"labels{mark}idx1")
        for name in (labels, labels + ".gz"):
            if labels != stem and path.with_name(name).is_file():
                return checked(read(path), read(path.with_name(name)), path)
    raise ValueError(f"{path}: found no labels beside it, such as train-labels-idx1-ubyte")


def load_folder(
    folder: str | os.PathLike[str],
) -> tuple[LabelledImages, LabelledImages | None]:
    """Read a folder with the files of MNIST, as published.

    Args:
        folder: Holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, and perhaps the
            same with `t10k` for testing; each gzipped (`.gz`) or not.

    Returns:
        The part to train on, and the part to test on or None.

    Raises:
        FormatError: A file is damaged, or the parts differ in the size of their pictures.
        ValueError: There is no file of training images, or labels are missing.
        OSError: A file cannot be opened.
    """
    folder = Path(folder)
    first = find_images(folder, "train")
    if first is None:
        raise ValueError(f"{folder}: found no train-images-idx3-ubyte, with or without .gz")
    train = load_file(first)
    second = find_images(folder, "t10k") or find_images(folder, "test")
    if second is None:
        return train, None
    test = load_file(second)
    if test.images.shape[1:] != train.images.shape[1:]:
        raise FormatError(
            f"{second}: pictures must be {train.images.shape[1:]} as those to train on, "
            f"got {test.images.shape[1:]}"
        )
    return train, test


def find_images(folder: Path, part: str) -> Path | None:
    """The file of images for a part ("train", "t10k") of a folder, or None."""
    for mark in ("-", "."):
        for ending in ("", ".gz"):
            path = folder / f"{part}-images{mark}idx3-ubyte{ending}"
            if path.is_file():
                return path
    return None
