"""PyTorch's `.pt` and `.pth` files, without PyTorch and without running their pickles.

Both formats hold a pickle whose tensors name a *storage*, a run of numbers kept beside it: in the zip
format each storage is a member of the archive, in the legacy format they follow one after another.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.errors import FormatError
from convlet.io import pickles
from convlet.io.npz import ZIP_ERRORS
from convlet.io.pytorch_tensors import FUNCTIONS, Storage, filled, stored

if TYPE_CHECKING:
    import os
    from typing import BinaryIO

    import numpy.typing as npt

__all__ = ["read", "read_pytorch"]

MAGIC = 0x1950A86A20F9469CFC6C
PROTOCOL = 1001
MOST_PICKLE = 256 * 2**20
MOST_MEMBERS = 1_000_000

# Where training scripts keep the weights of a checkpoint, the likeliest first.
STATES = ("state_dict", "model_state_dict", "model", "weights")


def read(path: Path) -> tuple[dict[str, npt.NDArray[Any]], dict[str, str]]:
    """Read the arrays of a state, and the numbers and texts beside it as metadata."""
    value = read_pytorch(path)
    if not isinstance(value, dict):
        raise FormatError(f"{path} holds a {type(value).__name__}, not tensors by name")
    nested = next((key for key in STATES if isinstance(value.get(key), dict)), None)
    state = value if nested is None else value[nested]
    arrays = {}
    for name, array in state.items():
        if not isinstance(name, str):
            raise FormatError(f"{path} has the name {name!r:.60}, which is no text")
        if isinstance(array, np.ndarray):
            arrays[name] = array
        elif nested is not None or not isinstance(array, (str, int, float)):
            raise FormatError(f"{path}: {name} is a {type(array).__name__}, not a tensor")
    texts = {
        str(key): str(text) for key, text in value.items() if isinstance(text, (str, int, float))
    }
    return arrays, texts


def read_pytorch(path: str | os.PathLike[str]) -> Any:
    """All that a `.pt` or `.pth` file holds, tensors as arrays: what `torch.load` gives, as data.

    Dictionaries, lists, tuples, numbers and texts come as they are. Tensors of half precision and
    bfloat16 become float32; tensors that share a storage share memory here too.

    Args:
        path: written by `torch.save`, in the zip format or in the legacy one.

    Raises:
        FormatError: the file is damaged, or holds anything else, such as a whole model; the message
            names what was refused. Nothing of it has run.
        OSError: there is no such file.
    """
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        try:
            return _zipped(file, path) if head == b"PK\3\4" else _legacy(file, path)
        except FormatError as error:
            raise FormatError(f"cannot read {path}: {error}") from error
        except ZIP_ERRORS as error:
            raise FormatError(f"{path} is not a whole PyTorch file: {error}") from error


def _zipped(file: BinaryIO, path: Path) -> Any:
    with zipfile.ZipFile(file) as archive:
        members = _members(archive, path)
        pickled = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
        if len(pickled) != 1:
            raise FormatError(f"it has {len(pickled)} members named data.pkl, not one")
        folder = pickled[0].partition("/")[0]
        if any(name.startswith(f"{folder}/code/") for name in members):
            raise FormatError("it is a TorchScript program; save its state_dict() instead")
        order = "<"
        if f"{folder}/byteorder" in members:
            text = archive.read(f"{folder}/byteorder")[:10]
            if text not in (b"little", b"big"):
                raise FormatError(f"its byte order is {text!r}")
            order = "<" if text == b"little" else ">"
        if members[pickled[0]].file_size > MOST_PICKLE:
            raise FormatError(f"its data.pkl has more than {MOST_PICKLE:,} bytes")
        storages: dict[str, Storage] = {}
        value = pickles.load(
            archive.read(pickled[0]), FUNCTIONS, lambda key: stored(key, storages, legacy=False)
        )
        for key, storage in storages.items():
            name = f"{folder}/data/{key}"
            if name not in members:
                raise FormatError(f"it has no member {name[:100]!r}")
            if members[name].file_size != storage.size:
                raise FormatError(
                    f"{name[:100]!r} has {members[name].file_size} bytes, "
                    f"its tensors say {storage.size}"
                )
            storage.fill(archive.read(name), order)
    return filled(value)


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """Members by name: stored plainly, once each, and together not larger than the file."""
    members: dict[str, zipfile.ZipInfo] = {}
    if len(archive.infolist()) > MOST_MEMBERS:
        raise FormatError(f"it has more than {MOST_MEMBERS:,} members")
    for info in archive.infolist():
        name = info.filename
        if name in members:
            raise FormatError(f"it has the member {name[:100]!r} twice")
        if name.startswith("/") or "\\" in name or ".." in name.split("/"):
            raise FormatError(f"it has a member {name[:100]!r}, outside of its folder")
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise FormatError(f"its member {name[:100]!r} is compressed, as PyTorch's never are")
        members[name] = info
    claimed, there = sum(info.file_size for info in members.values()), path.stat().st_size
    if claimed > there:
        raise FormatError(f"its members claim {claimed} bytes, the file has {there}")
    return members


def _legacy(file: BinaryIO, path: Path) -> Any:
    there = path.stat().st_size
    stream = io.BytesIO(file.read())
    if pickles.walk(stream) != MAGIC:
        raise FormatError("it does not begin as a file of torch.save does")
    if pickles.walk(stream) != PROTOCOL:
        raise FormatError("it is of an unknown version of the legacy format")
    system = pickles.walk(stream)
    if not isinstance(system, dict) or not isinstance(system.get("little_endian"), bool):
        raise FormatError("it does not tell its byte order")
    order = "<" if system["little_endian"] else ">"
    storages: dict[str, Storage] = {}
    value = pickles.walk(stream, FUNCTIONS, lambda key: stored(key, storages, legacy=True))
    keys = pickles.walk(stream)
    if not isinstance(keys, list) or sorted(map(repr, keys)) != sorted(map(repr, storages)):
        raise FormatError("it lists other storages than its tensors use")
    for key in keys:
        storage = storages[key]
        count = stream.read(8)
        if (
            len(count) != 8
            or int.from_bytes(count, "little" if order == "<" else "big") != storage.count
        ):
            raise FormatError(f"storage {key[:60]} has another length than its tensors say")
        if storage.size > there - stream.tell():
            raise FormatError(f"it ends before storage {key[:60]} does")
        storage.fill(stream.read(storage.size), order)
    if stream.tell() != there:
        raise FormatError(f"{there - stream.tell()} bytes follow its last storage")
    return filled(value)
