"""The safetensors format, through its own library."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.errors import FormatError
from convlet.io import safetensors_header
from convlet.io.atomic import atomic_write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["available", "read", "write"]


def available() -> bool:
    """Whether the library is installed."""
    try:
        _library()
    except ImportError:
        return False
    return True


def write(path: Path, arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Write arrays and metadata."""
    _library()
    # The library writes memory as it lies there: it must be in order.
    whole = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    content = importlib.import_module("safetensors.numpy").save(whole, metadata=dict(metadata))
    with atomic_write(path) as file:
        file.write(content)


def read(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """Read arrays and metadata; anything that does not fit is a FormatError."""
    library = _library()
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    halves = safetensors_header.check(path)
    try:
        with library.safe_open(str(path), framework="numpy") as file:
            arrays = {
                name: _from_bfloat16(path, halves[name])
                if name in halves
                else file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118
            }
            metadata = dict(file.metadata() or {})
    except (library.SafetensorError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{path} is not a whole .safetensors file: {error}") from error
    return arrays, metadata


def _from_bfloat16(path: Path, entry: safetensors_header.Entry) -> npt.NDArray[Any]:
    """Brain floats, which NumPy does not have, as float32: they are its upper halves."""
    with path.open("rb") as file:
        file.seek(entry.start)
        halves = np.frombuffer(file.read(entry.end - entry.start), "<u2")
    return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32).reshape(entry.shape)


def _library() -> Any:
    try:
        return importlib.import_module("safetensors")
    except ImportError:
        raise ImportError(
            'safetensors is not installed: pip install "convlet[safetensors]"'
        ) from None
