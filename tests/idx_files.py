"""Writes IDX files such as MNIST's."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def encoded(array: npt.NDArray[Any]) -> bytes:
    code = CODES[array.dtype.str[1:]]
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(path: Path, data: bytes, zipped: bool = False) -> Path:
    path.write_bytes(gzip.compress(data) if zipped else data)
    return path


def write_mnist(folder: Path, part: str, count: int, side: int = 5) -> None:
    images = np.arange(count * side * side, dtype=np.uint32).astype(np.uint8)
    write(folder / f"{part}-images-idx3-ubyte", encoded(images.reshape(count, side, side)))
    labels = (np.arange(count) % 3).astype(np.uint8)
    write(folder / f"{part}-labels-idx1-ubyte.gz", encoded(labels), zipped=True)
