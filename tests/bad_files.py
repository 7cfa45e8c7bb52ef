"""Files of weights that are broken or want to run something: what the message says, and the file."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
from typing import TYPE_CHECKING, Any

from torch_files import (
    FOUR,
    legacy,
    legacy_tensor,
    named,
    state,
    storage,
    tensor,
    text,
    together,
    whole,
    zipped,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = state(text("w"), tensor())


class Payload:
    """What an attacker would have run: it leaves a file behind."""

    def __reduce__(self) -> Any:
        return os.system, ("touch executed",)


def nested(levels: int) -> bytes:
    return b"\x80\x02" + b"]" * levels + b"a" * (levels - 1) + b"."


def doubled(levels: int) -> bytes:
    """A tuple of twice the tuple before: 2^levels values in few bytes."""
    twice = b"q\x00h\x00\x86"
    return state(text("w"), b")" + twice * levels)


def cyclic() -> bytes:
    return state(text("w"), b"]q\x00h\x00a")


def calls(module: str, name: str, *arguments: bytes) -> bytes:
    return state(text("w"), named(module, name) + together(*arguments) + b"R")


def of_one(value: bytes) -> bytes:
    return state(text("w"), value)


ORDERED = named("collections", "OrderedDict")
EMPTY: dict[str, bytes] = {}

# Name, what the message says, how the file is made.
ATTACKS: list[tuple[str, str, Callable[[Path], object]]] = [
    ("os.system", "posix.system|nt.system", lambda p: zipped(p, pickle.dumps(Payload(), 2))),
    ("os.system legacy", "x.system", lambda p: legacy(p, pickle.dumps({"w": Payload()}, 2))),
    ("protocol 4", "x.system", lambda p: zipped(p, pickle.dumps({"w": Payload()}, 4))),
    ("protocol 0", "x.system", lambda p: zipped(p, pickle.dumps({"w": Payload()}, 0))),
    ("in magic", "x.system", lambda p: p.write_bytes(pickle.dumps(Payload(), 2))),
    ("eval", "builtins.eval", lambda p: zipped(p, calls("builtins", "eval", text("1")))),
    ("getattr", "__builtin__.getattr", lambda p: zipped(p, calls("__builtin__", "getattr"))),
    ("import", "importlib.import", lambda p: zipped(p, calls("importlib", "import_module"))),
    ("dotted", "collections.OrderedDict.fromkeys",
     lambda p: zipped(p, calls("collections", "OrderedDict.fromkeys", text("a")))),
    ("torch.load", "torch.load", lambda p: zipped(p, calls("torch", "load", text("x")))),
    ("compile", "torch.jit._pickle", lambda p: zipped(p, calls("torch.jit._pickle", "restore"))),
    ("module", "torch.nn.modules.linear.Linear",
     lambda p: zipped(p, b"\x80\x02" + named("torch.nn.modules.linear", "Linear") + b")\x81}b.")),
    ("inst", "instruction INST", lambda p: zipped(p, b"\x80\x02(ios\nsystem\n.")),
    ("obj", "instruction OBJ", lambda p: zipped(p, b"\x80\x02(" + ORDERED + b"o.")),
    ("newobj", "instruction NEWOBJ", lambda p: zipped(p, b"\x80\x02" + ORDERED + b")\x81.")),
    ("extension", "instruction EXT1", lambda p: zipped(p, b"\x80\x02\x82\x01.")),
    ("text id", "instruction PERSID", lambda p: zipped(p, b"\x80\x02P0\n.")),
    ("set", "instruction EMPTY_SET", lambda p: zipped(p, b"\x80\x04\x8f.")),
    ("call of text", "no function", lambda p: zipped(p, of_one(text("a") + b")R"))),
    ("build on a list", "gives a state", lambda p: zipped(p, of_one(b"]}b"))),
    ("function as value", "names collections.OrderedDict", lambda p: zipped(p, of_one(ORDERED))),
    ("complex", "torch.ComplexFloatStorage",
     lambda p: zipped(p, of_one(tensor(where=storage(kind="ComplexFloatStorage"))))),
    ("quantised", "_rebuild_qtensor",
     lambda p: zipped(p, of_one(tensor(function=("torch._utils", "_rebuild_qtensor"))))),
    ("hooks", "hooks", lambda p: zipped(p, of_one(tensor(hooks=b"}" + whole(1) + b"Ns")))),
    ("beyond", "reads element 5 of 4", lambda p: zipped(p, of_one(tensor(offset=2)))),
    ("negative offset", "shape", lambda p: zipped(p, of_one(tensor(offset=-1)))),
    ("negative stride", "shape", lambda p: zipped(p, of_one(tensor(strides=(2, -1))))),
    ("negative size", "shape", lambda p: zipped(p, of_one(tensor(shape=(-1, -4))))),
    ("overflow", "reads element", lambda p: zipped(p, of_one(tensor((2**61, 8), (8, 1))))),
    ("wrap", "shape", lambda p: zipped(p, of_one(tensor((2, 2), (2**64, 1))))),
    ("stride 0", "1099511627776 elements", lambda p: zipped(p, of_one(tensor((2**40, 1), (0, 1))))),
    ("rank", "100 extents", lambda p: zipped(p, of_one(tensor((1,) * 100, (1,) * 100)))),
    ("ranks differ", "2 extents and 1", lambda p: zipped(p, of_one(tensor((2, 2), (1,))))),
    ("huge storage", "4611686018427387904",
     lambda p: zipped(p, of_one(tensor(where=storage(count=2**62))))),
    ("storage too short", "16 bytes", lambda p: zipped(p, of_one(tensor(where=storage(count=9))))),
    ("two types", "two types or lengths", lambda p: zipped(
        p, state(text("a"), tensor(), text("b"), tensor(where=storage(kind="IntStorage"))))),
    ("no storage", "no member", lambda p: zipped(p, GOOD, EMPTY)),
    ("key is a path", "no member", lambda p: zipped(p, of_one(tensor(where=storage("../../x"))))),
    ("member is a path", "outside", lambda p: zipped(p, GOOD, more={"a/../../x": b""})),
    ("absolute member", "outside", lambda p: zipped(p, GOOD, more={"/etc/x": b""})),
    ("member twice", "twice", lambda p: zipped(p, GOOD, twice="archive/data/0")),
    ("two pickles", "2 members named", lambda p: zipped(p, GOOD, more={"b/data.pkl": GOOD})),
    ("program", "TorchScript", lambda p: zipped(p, GOOD, more={"archive/code/a.py": b""})),
    ("bomb", "compressed", lambda p: zipped(
        p, GOOD, {"0": bytes(10**6)}, method=zipfile.ZIP_DEFLATED)),
    ("byte order", "byte order", lambda p: zipped(p, GOOD, more={"archive/byteorder": b"middle"})),
    ("not torch", "0 members", lambda p: zipped(p, GOOD, folder="a/b")),
    ("deep", "nested deeper", lambda p: zipped(p, nested(100_000))),
    ("doubling", "nested deeper", lambda p: zipped(p, doubled(60))),
    ("doubling less deep", "too many", lambda p: zipped(p, doubled(40))),
    ("cycle", "nested deeper", lambda p: zipped(p, cyclic())),
    ("tuple key", "key that is a tuple", lambda p: zipped(p, state(b")", b"N"))),
    ("long integer", "integer of", lambda p: zipped(p, of_one(whole(10**5000)))),
    ("memo", "never remembered", lambda p: zipped(p, of_one(b"h\x07"))),
    ("empty stack", "empty stack", lambda p: zipped(p, b"\x80\x02.")),
    ("mark", "mark", lambda p: zipped(p, b"\x80\x02(.")),
    ("odd escape", "invalid escape", lambda p: zipped(p, of_one(b"S'\\z'\n"))),
    ("two values", "on the stack", lambda p: zipped(p, b"\x80\x02NN.")),
    ("no end", "no whole pickle", lambda p: zipped(p, b"\x80\x02N")),
    ("claims bytes", "no whole pickle", lambda p: zipped(p, b"\x80\x04\x8e" + b"\xff" * 8)),
    ("no state", "holds a list", lambda p: zipped(p, b"\x80\x02].")),
    ("name is a number", "which is no text", lambda p: zipped(p, state(whole(1), tensor()))),
    ("list in state", "not a tensor", lambda p: zipped(p, of_one(b"]"))),
    ("magic", "does not begin", lambda p: legacy(p, GOOD, magic=5)),
    ("version", "unknown version", lambda p: legacy(p, GOOD, version=7)),
    ("legacy length", "another length", lambda p: legacy(p, of_one(legacy_tensor()), count=5)),
    ("legacy negative", "another length", lambda p: legacy(p, of_one(legacy_tensor()), count=-1)),
    ("legacy keys", "other storages", lambda p: legacy(p, of_one(legacy_tensor()), keys=["1"])),
    ("legacy keys unhashable", "other storages",
     lambda p: legacy(p, of_one(legacy_tensor()), keys=[["0"]])),
    ("legacy view", "view of another",
     lambda p: legacy(p, of_one(legacy_tensor(together(text("v"), whole(0), whole(2)))))),
    ("legacy short", "ends before", lambda p: legacy(p, of_one(legacy_tensor()), {"0": b"1234"})),
    ("legacy tail", "follow", lambda p: legacy(p, of_one(legacy_tensor()), tail=b"x")),
    ("nothing", "not a whole|no whole", lambda p: p.write_bytes(b"")),
    ("zip of nothing", "not a whole", lambda p: p.write_bytes(b"PK\3\4" + b"\0" * 40)),
    ("text", "never remembered", lambda p: p.write_text("hello")),
]  # fmt: skip


def safetensors_file(header: bytes | dict[str, Any], data: bytes = FOUR) -> bytes:
    import json

    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(content)) + content + data


def entry(shape: Any = (4,), offsets: Any = (0, 16), dtype: Any = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


ONE = b'{"dtype":"F32","shape":[4],"data_offsets":[0,16]}'


# What the message says, and the bytes of the file.
BROKEN = [
    ("twice", safetensors_file(b'{"w":' + ONE + b',"w":' + ONE + b"}")),
    ("twice", safetensors_file(b'{"w":' + ONE[:-1] + b',"shape":[4]}}')),
    ("twice", safetensors_file(b'{"__metadata__":{"a":"1","a":"2"},"w":' + ONE + b"}")),
    ("overlap", safetensors_file({"v": entry(), "w": entry()})),
    ("hole", safetensors_file({"w": entry((3,), (4, 16))})),
    ("another size", safetensors_file({"w": entry((5,))})),
    ("another size", safetensors_file({"w": entry((2**60, 2**60, 0, 1))})),
    ("end at byte", safetensors_file({"w": entry()}, FOUR + b"x")),
    ("end at byte", safetensors_file({"w": entry()}, FOUR[:-1])),
    ("shape", safetensors_file({"w": entry((-4,))})),
    ("shape", safetensors_file({"w": entry((True, 4))})),
    ("shape", safetensors_file({"w": entry((1,) * 40 + (4,))})),
    ("shape", safetensors_file({"w": entry((4.0,))})),
    ("place", safetensors_file({"w": entry((4,), (0, 16, 32))})),
    ("type", safetensors_file({"w": entry(dtype="C64")})),
    ("type", safetensors_file({"w": entry(dtype=["F32"])})),
    ("described", safetensors_file({"w": {**entry(), "more": 1}})),
    ("described", safetensors_file({"w": []})),
    ("metadata", safetensors_file({"__metadata__": {"a": 1}, "w": entry()})),
    ("brace", safetensors_file(b" " + b'{"w":' + ONE + b"}")),
    ("number NaN", safetensors_file(b'{"w":{"dtype":"F32","shape":[NaN],"data_offsets":[0]}}')),
    ("safetensors", safetensors_file(b'{"a":' * 100_000)),
    ("safetensors", safetensors_file(b"{" + b"[" * 100_000)),
    ("safetensors", safetensors_file(b'{"\xff": 1}')),
    ("does not fit", b"\xff" * 8 + b"{}"),
    ("does not fit", b"\x03\0\0\0\0\0\0\0{}"),
    ("does not fit", b""),
]
