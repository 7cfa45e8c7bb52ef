"""PyTorch files made by hand, byte by byte, so that they can be wrong in any way."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOUR = bytes.fromhex("0000803f000000400000404000008040")  # 1, 2, 3, 4 in float32


def whole(value: int) -> bytes:
    """A whole number of any size."""
    return pickle.dumps(value, 2)[2:-1]


def text(value: str) -> bytes:
    data = value.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def together(*parts: bytes) -> bytes:
    return b"(" + b"".join(parts) + b"t"


def storage(
    key: str = "0", count: int = 4, kind: str = "FloatStorage", view: bytes | None = None
) -> bytes:
    more = [] if view is None else [view]
    return (
        together(text("storage"), named("torch", kind), text(key), text("cpu"), whole(count), *more)
        + b"Q"
    )


def tensor(
    shape: tuple[int, ...] = (2, 2),
    strides: tuple[int, ...] = (2, 1),
    offset: int = 0,
    where: bytes | None = None,
    function: tuple[str, str] = ("torch._utils", "_rebuild_tensor_v2"),
    hooks: bytes = named("collections", "OrderedDict") + b")R",
) -> bytes:
    sizes = [together(*map(whole, numbers)) for numbers in (shape, strides)]
    arguments = together(where or storage(), whole(offset), *sizes, b"\x89", hooks)
    return named(*function) + arguments + b"R"


def state(*pairs: bytes) -> bytes:
    """A pickle of a dictionary: names and values in turn."""
    return b"\x80\x02}(" + b"".join(pairs) + b"u."


def zipped(
    path: Path,
    pickled: bytes,
    storages: Mapping[str, bytes] | None = None,
    more: Mapping[str, bytes] | None = None,
    method: int = zipfile.ZIP_STORED,
    folder: str = "archive",
    twice: str | None = None,
) -> None:
    members = {f"{folder}/data.pkl": pickled, f"{folder}/byteorder": b"little"}
    for key, data in ({"0": FOUR} if storages is None else storages).items():
        members[f"{folder}/data/{key}"] = data
    members.update(more or {})
    with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in members.items():
            archive.writestr(name, data)
        if twice is not None:
            archive.writestr(twice, members[twice])


def legacy(
    path: Path,
    pickled: bytes,
    storages: Mapping[str, bytes] | None = None,
    magic: int = 0x1950A86A20F9469CFC6C,
    version: int = 1001,
    count: int = 4,
    keys: object = None,
    tail: bytes = b"",
) -> None:
    runs = {"0": FOUR} if storages is None else storages
    parts = [pickle.dumps(magic, 2), pickle.dumps(version, 2)]
    parts.append(pickle.dumps({"protocol_version": 1001, "little_endian": True}, 2))
    parts += [pickled, pickle.dumps(list(runs) if keys is None else keys, 2)]
    parts += [count.to_bytes(8, "little", signed=True) + data for data in runs.values()]
    path.write_bytes(b"".join(parts) + tail)


def legacy_tensor(view: bytes = b"N", **arguments: object) -> bytes:
    return tensor(where=storage(view=view), **arguments)  # type: ignore[arg-type]
