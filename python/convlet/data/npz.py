"""NumPy's .npz files that hold pictures and labels; nothing in them is unpickled."""

from __future__ import annotations

import math
import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from convlet.data.labelled import LabelledImages, checked
from convlet.errors import FormatError

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

__all__ = ["load", "read"]

_MOST_BYTES = 1 << 32
# deflate cannot shrink anything more than this, so a larger claim is a lie.
_BEST_RATIO = 1032

# The names in use: ours, MedMNIST's, and those of Keras' mnist.npz.
_TRAIN_NAMES = (("images", "labels"), ("train_images", "train_labels"), ("x_train", "y_train"))
_TEST_NAMES = (("test_images", "test_labels"), ("x_test", "y_test"))

# What zipfile lets through when it stumbles: RuntimeError is an encrypted member, OSError a seek
# to nowhere, the rest are broken fields and broken streams.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
)

_VERSIONS = (b"\1\0", b"\2\0", b"\3\0")
_LONGEST_HEADER = 10_000
# A dictionary as NumPy writes it, of one type of bool, int, uint or float.
_HEADER = re.compile(
    r"\{\s*'descr':\s*'([<>|=]?[buif]\d{1,2})',\s*'fortran_order':\s*(True|False),"
    r"\s*'shape':\s*\(((?:\d{1,19},\s*){0,8}(?:\d{1,19})?)\),?\s*\}\s*"
)


def load(path: str | os.PathLike[str]) -> tuple[LabelledImages, LabelledImages | None]:
    """Read a .npz file of pictures and labels.

    Args:
        path: Holds `images` (N, H, W), (N, C, H, W) or (N, H, W, C) and `labels` (N,), and
            perhaps `test_images` and `test_labels`. `train_images` and `x_train`, with the
            labels' names alike, serve too.

    Returns:
        The part to train on, and the part to test on or None.

    Raises:
        FormatError: The file is damaged, lacks an array, or holds another kind of data.
        OSError: The file cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                members = {info.filename: info for info in archive.infolist()}
                train = _part(archive, members, _TRAIN_NAMES, path)
                test = _part(archive, members, _TEST_NAMES, path)
        except FormatError:
            raise
        except _ZIP_ERRORS as error:
            raise FormatError(f"{path}: not a whole .npz file ({error})") from error
    if train is None:
        names = ", ".join(sorted(members)) or "nothing"
        raise FormatError(f"{path}: must hold arrays named images and labels, it holds {names}")
    if test is not None and test.images.shape[1:] != train.images.shape[1:]:
        raise FormatError(
            f"{path}: pictures to test on must be {train.images.shape[1:]} as those to train on, "
            f"got {test.images.shape[1:]}"
        )
    return train, test


def _part(
    archive: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    candidates: tuple[tuple[str, str], ...],
    path: Path,
) -> LabelledImages | None:
    for images, labels in candidates:
        pair = [members.get(f"{images}.npy"), members.get(f"{labels}.npy")]
        if pair[0] is not None and pair[1] is not None:
            return checked(read(archive, pair[0], path), read(archive, pair[1], path), path)
    return None


def read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> npt.NDArray[Any]:
    """Read one array, after its header was found to agree with the size that is there.

    Raises:
        FormatError: The header is wrong, the type is not plain numbers, or the sizes differ.
    """
    name = f"{path}: {member.filename}"
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FormatError(f"{name} is compressed in a way that NumPy does not use")
    if member.file_size > min(_MOST_BYTES, member.compress_size * _BEST_RATIO + _BEST_RATIO):
        raise FormatError(f"{name} claims to unpack to {member.file_size} bytes")
    with archive.open(member) as file:
        dtype, fortran, shape = _read_header(file, name)
        size = math.prod(shape) * dtype.itemsize
        rest = member.file_size - file.tell()
        if size != rest:
            raise FormatError(
                f"{name} promises shape {shape} of {dtype}, the file has {rest} bytes of values"
            )
        values = bytearray(file.read(rest + 1))
    if len(values) != rest:
        raise FormatError(f"{name} ends after {len(values)} of {rest} bytes")
    array = np.frombuffer(values, dtype=dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(file: IO[bytes], name: str) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """Type, whether Fortran order, and shape; the text is matched, never evaluated."""
    head = file.read(8)
    version, size_bytes = head[6:], 2 if head[6:7] == b"\1" else 4
    size = int.from_bytes(file.read(size_bytes), "little")
    if head[:6] != b"\x93NUMPY" or version not in _VERSIONS or size > _LONGEST_HEADER:
        raise FormatError(f"{name} is no array in NumPy's format")
    text = file.read(size).decode("latin-1")
    match = _HEADER.fullmatch(text)
    if match is None:
        raise FormatError(f"{name} must hold plain numbers, its header is {text[:100]!r}")
    descr, fortran, sizes = match.groups()
    try:
        dtype = np.dtype(descr)
    except TypeError as error:
        raise FormatError(f"{name} must hold plain numbers, got {descr}") from error
    return dtype, fortran == "True", tuple(int(size) for size in sizes.split(",") if size.strip())
