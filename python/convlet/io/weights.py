"""Saving and loading named arrays: `.npz` always, `.safetensors` by its own library.

`.pt` and `.pth` files of PyTorch are read, and never written.

Files are data: nothing that is loaded runs as code. They carry a checksum of names, shapes and
values, and are replaced as a whole or not at all.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from convlet.errors import FormatError
from convlet.io import npz, pytorch, safetensors

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

State: TypeAlias = dict[str, npt.NDArray[Any]]

__all__ = ["load", "read", "save"]

WRITERS = {".npz": npz, ".safetensors": safetensors}
READERS = {**WRITERS, ".pt": pytorch, ".pth": pytorch}
RESERVED = "convlet."
CHECKSUM = RESERVED + "sha256"


def save(
    state: Mapping[str, Any],
    path: str | os.PathLike[str],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write named arrays to a file, replacing it as a whole.

    Args:
        state: arrays or tensors by name, as `Module.state_dict` gives them.
        path: ends in .npz or .safetensors, which decides the format.
        metadata: text to go with them.

    Raises:
        TypeError: a name or a text is not text, or a value is not an array of numbers.
        ValueError: the ending is unknown, or a metadata name begins with "convlet.".
        ImportError: .safetensors without the library.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "model.npz"
        >>> save({"weight": np.ones(2, np.float32)}, path)
        >>> load(path)
        {'weight': array([1., 1.], dtype=float32)}
    """
    writer = _format_of(path, "save", WRITERS)
    arrays = {_checked_name(name): _checked_array(name, value) for name, value in state.items()}
    texts = dict(metadata or {})
    for key, text in texts.items():
        if not all(isinstance(part, str) for part in (key, text)):
            raise TypeError(f"save: metadata must be text by name, got {key!r}: {text!r:.40}")
        if key.startswith(RESERVED):
            raise ValueError(f'save: metadata names beginning with "{RESERVED}" are reserved')
    writer.write(Path(path), arrays, {**texts, CHECKSUM: checksum(arrays, texts)})


def load(path: str | os.PathLike[str]) -> State:
    """Read named arrays from a file, as `Module.load_state_dict` takes them.

    Of a PyTorch checkpoint that holds more than a state, the part named "state_dict",
    "model_state_dict", "model" or "weights" is read. Half precision and bfloat16 become float32
    in PyTorch's files, and bfloat16 in safetensors.

    Args:
        path: ends in .npz, .safetensors, .pt or .pth.

    Raises:
        FormatError: the file is damaged, cut short, does not have its checksum, or holds something
            else than tensors, numbers and texts, which the message names.
        ValueError: the ending is unknown.
        OSError: there is no such file.
        ImportError: .safetensors without the library.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "weights.npz"
        >>> save({"bias": np.ones(2, np.float32)}, path)
        >>> load(path)["bias"].tolist()
        [1.0, 1.0]
    """
    return read(path)[0]


def read(path: str | os.PathLike[str], *, sealed: bool = False) -> tuple[State, dict[str, str]]:
    """Read named arrays and the metadata that was saved with them.

    Args:
        path: as for `load`.
        sealed: whether a file without a checksum of convlet's is refused.

    Raises:
        FormatError: as `load`, or the file has no checksum where it must have one.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "weights.npz"
        >>> save({"bias": np.ones(2, np.float32)}, path, {"note": "after 3 epochs"})
        >>> arrays, texts = read(path)
        >>> list(arrays), texts["note"]
        (['bias'], 'after 3 epochs')
    """
    arrays, texts = _format_of(path, "load", READERS).read(Path(path))
    expected = texts.pop(CHECKSUM, None)
    # Files of other programs carry no checksum of ours; their formats have checks of their own.
    if sealed and expected is None:
        raise FormatError(f"{path} has no checksum; it is damaged, or convlet did not write it")
    if expected is not None and expected != checksum(arrays, texts):
        raise FormatError(f"{path} does not have its checksum; it is damaged")
    return arrays, texts


def checksum(arrays: Mapping[str, npt.NDArray[Any]], metadata: Mapping[str, str]) -> str:
    """SHA-256 of names, types, shapes, values and metadata."""
    digest = hashlib.sha256()
    for key in sorted(metadata):
        digest.update(f"{len(key)}:{key}={len(metadata[key])}:{metadata[key]};".encode())
    for name in sorted(arrays):
        array = arrays[name]
        kind = array.dtype.newbyteorder("<").str
        digest.update(f"{len(name)}:{name} {kind} {array.shape};".encode())
        digest.update(np.asarray(array, dtype=kind, order="C").reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def _format_of(path: str | os.PathLike[str], op: str, formats: Mapping[str, Any]) -> Any:
    suffix = Path(path).suffix.lower()
    if suffix not in formats:
        *most, last = formats
        wanted = f"{', '.join(most)} or {last}"
        raise ValueError(f"{op}: path must end in {wanted}, got {Path(path).name!r}")
    return formats[suffix]


def _checked_name(name: object) -> str:
    if not isinstance(name, str) or not name or name.startswith("__"):
        raise TypeError(f"save: names must be text that is not empty, got {name!r}")
    return name


def _checked_array(name: str, value: Any) -> npt.NDArray[Any]:
    array = np.asarray(value, order="C")
    if array.dtype.kind not in "fiub":
        raise TypeError(f"save: {name} must be an array of real numbers, got {array.dtype}")
    return array
