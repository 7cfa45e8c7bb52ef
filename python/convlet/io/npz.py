"""NumPy's archive of arrays, read with every size checked before memory is taken."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import struct
import zipfile
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np

from convlet.errors import FormatError
from convlet.io.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["opened", "read", "read_member", "write"]

METADATA = "__convlet__"
SEAL = b"convlet sha256 "  # the archive's comment, its last bytes, with so many digits
DIGITS = 64
MOST_METADATA = 64 * 2**20
VERSIONS = (b"\1\0", b"\2\0", b"\3\0")
LONGEST_HEADER = 10_000
BEST_RATIO = 1032  # deflate never packs tighter; more is a claim, not a file

# What zipfile lets through when it stumbles: RuntimeError is an encrypted member, OSError a seek
# to nowhere, the rest are broken fields and broken streams.
ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    OSError,
    RuntimeError,
    ValueError,
)

# A header as NumPy writes it, of one type of bool, int, uint or float; matched, never evaluated.
HEADER = re.compile(
    r"\{\s*'descr':\s*'([<>|=]?[buif]\d{1,2})',\s*'fortran_order':\s*(True|False),"
    r"\s*'shape':\s*\(((?:\d{1,19},\s*){0,31}(?:\d{1,19})?)\),?\s*\}\s*"
)


def write(path: Path, arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write arrays, and metadata as JSON in an array of bytes that NumPy can read too.

    The archive's comment, its last bytes, holds a checksum of all bytes before: a file that was cut,
    or of which any bit differs, is then known to be damaged.
    """
    text = json.dumps(metadata).encode()
    everything = {**arrays, METADATA: np.frombuffer(text, np.uint8)}
    with atomic_write(path) as file:
        with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
            archive.comment = SEAL + b"0" * DIGITS
            for name, array in everything.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)
        digits = _digest(file, file.seek(-DIGITS, os.SEEK_END))
        file.write(digits)


def read(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """Read arrays and metadata; anything that does not fit is a FormatError."""
    sealed = _is_sealed(path)
    arrays: dict[str, npt.NDArray[Any]] = {}
    with opened(path) as archive:
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name in arrays or name == info.filename:
                raise FormatError(f"{path} has a member {info.filename!r} too many")
            arrays[name] = read_member(archive, info, path)
    text = arrays.pop(METADATA, None)
    metadata = _metadata(text, path)
    if sealed != (text is not None):
        raise FormatError(f"{path} is not a whole .npz file: it has lost metadata or checksum")
    return arrays, metadata


def _is_sealed(path: Path) -> bool:
    """Whether a file ends with a checksum of its bytes, which then must be right."""
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END) - DIGITS
        file.seek(max(0, length - len(SEAL)))
        end = file.read()
        if not end.startswith(SEAL):
            return False
        if end[len(SEAL) :] != _digest(file, length):
            raise FormatError(f"{path} does not have its checksum; it is damaged")
    return True


def _digest(file: BinaryIO, length: int) -> bytes:
    """SHA-256, in hexadecimal digits, of the first bytes of a file; the position is behind them."""
    digest = hashlib.sha256()
    file.seek(0)
    while length > 0 and (chunk := file.read(min(length, 2**20))):
        digest.update(chunk)
        length -= len(chunk)
    return digest.hexdigest().encode()


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive to read from; whatever is broken in it is a FormatError."""
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                yield archive
        except FormatError:
            raise
        except ZIP_ERRORS as error:
            raise FormatError(f"{path} is not a whole .npz file: {error}") from error


def read_member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, *, most_bytes: int | None = None
) -> npt.NDArray[Any]:
    """Read one array, after its header was found to agree with the size that is there.

    Raises:
        FormatError: the header is wrong, the type is not plain numbers, the sizes differ, or
            there is more than `most_bytes`.
    """
    name = f"{path}: {info.filename}"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FormatError(f"{name} is compressed in a way that NumPy does not use")
    if info.compress_size > path.stat().st_size:
        raise FormatError(f"{name} claims to be packed into {info.compress_size} bytes")
    best = BEST_RATIO * (info.compress_size + 1)
    if info.file_size > (best if most_bytes is None else min(best, most_bytes)):
        raise FormatError(f"{name} claims to unpack to {info.file_size} bytes")
    with archive.open(info) as file:
        dtype, fortran, shape = _header(file, name)
        size, rest = math.prod(shape) * dtype.itemsize, info.file_size - file.tell()
        if size != rest:
            raise FormatError(
                f"{name} promises shape {shape} of {dtype}, the file has {rest} bytes"
            )
        values = bytearray(file.read(rest + 1))
    if len(values) != rest:
        raise FormatError(f"{name} ends after {len(values)} of {rest} bytes")
    array = np.frombuffer(values, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), order="C", copy=False)


def _header(file: IO[bytes], name: str) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    """Type, whether Fortran order, and shape."""
    head = file.read(8)
    version = head[6:]
    size = int.from_bytes(file.read(2 if version == VERSIONS[0] else 4), "little")
    if head[:6] != b"\x93NUMPY" or version not in VERSIONS or size > LONGEST_HEADER:
        raise FormatError(f"{name} is no array in NumPy's format")
    text = file.read(size).decode("latin-1")
    match = HEADER.fullmatch(text)
    if match is None:
        raise FormatError(f"{name} must hold plain numbers, its header is {text[:100]!r}")
    descr, fortran, extents = match.groups()
    try:
        dtype = np.dtype(descr)
    except TypeError as error:
        raise FormatError(f"{name} must hold plain numbers, got {descr}") from error
    return dtype, fortran == "True", tuple(int(n) for n in extents.split(",") if n.strip())


def _metadata(text: npt.NDArray[Any] | None, path: Path) -> dict[str, str]:
    if text is None:
        return {}
    try:
        if text.dtype != np.uint8 or text.size > MOST_METADATA:
            raise ValueError(f"{text.size} of {text.dtype}")
        values = json.loads(text.tobytes())
        if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
            raise ValueError("not text by name")
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} has metadata that cannot be read: {error}") from error
    return values
