"""Tensors of PyTorch's files: which storage, from where, how far apart; checked, then made arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.errors import FormatError
from convlet.io.pickles import KEYS

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["FUNCTIONS", "Storage", "filled", "stored"]

MOST_RANK = 16
MOST_BYTES = 2**62
DEEPEST = 64
MOST_VALUES = 200_000

# Storages by their names in the file: what NumPy makes of their bytes. bfloat16 is the upper half of
# a float32.
TYPES = {
    "FloatStorage": "f4",
    "DoubleStorage": "f8",
    "HalfStorage": "f2",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "i8",
    "IntStorage": "i4",
    "ShortStorage": "i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "bool",
    "UntypedStorage": "u1",
}
DTYPES = {
    "uint16": "u2",
    "uint32": "u4",
    "uint64": "u8",
}  # kept as bytes, the tensor tells the type
WIDTHS = {"bfloat16": 2, "bool": 1}


class Storage:
    """A run of numbers, known by its length first and filled later."""

    def __init__(self, kind: str, count: int) -> None:
        """Remember the type and the number of elements."""
        self.kind, self.count = kind, count
        self.size = count * (WIDTHS.get(kind) or int(kind[1:]))
        self.data = b""
        self._arrays: dict[str, npt.NDArray[Any]] = {}
        self.order = "<"

    def fill(self, data: bytes, order: str) -> None:
        """Take the bytes, in the order that the file tells."""
        if len(data) != self.size:
            raise FormatError(f"a storage has {len(data)} bytes, its tensors say {self.size}")
        self.data, self.order = data, order

    def array(self, kind: str) -> npt.NDArray[Any]:
        """All numbers in memory of their own, the same for every tensor."""
        if kind not in self._arrays:
            self._arrays[kind] = self._converted(kind)
        return self._arrays[kind]

    def _converted(self, kind: str) -> npt.NDArray[Any]:
        if kind == "bfloat16":
            halves = np.frombuffer(self.data, f"{self.order}u2")
            return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)
        if kind == "bool":
            return np.not_equal(np.frombuffer(self.data, np.uint8), 0)
        numbers = np.frombuffer(self.data, f"{self.order}{kind}")
        return numbers.astype(np.float32 if kind == "f2" else numbers.dtype.newbyteorder("="))


class _Type:
    """A name of the file that is only named: a storage's type."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Tensor:
    """A tensor whose storage may not be there yet."""

    def __init__(
        self, storage: Storage, kind: str, offset: int, shape: tuple[int, ...], strides: Any
    ) -> None:
        self.storage, self.kind = storage, kind
        self.offset, self.shape, self.strides = offset, shape, strides

    def array(self) -> npt.NDArray[Any]:
        flat = self.storage.array(self.kind)
        step = flat.itemsize
        return np.lib.stride_tricks.as_strided(
            flat[self.offset :], self.shape, [n * step for n in self.strides]
        )


def stored(identity: Any, storages: dict[str, Storage], *, legacy: bool) -> Storage:
    """The storage that a persistent id names, the same for the same key."""
    if not isinstance(identity, tuple) or len(identity) != (6 if legacy else 5):
        raise FormatError("it keeps something elsewhere that is no storage")
    word, kind, key, place, count = identity[:5]
    if word != "storage" or not isinstance(kind, _Type):
        raise FormatError(f"it keeps a {word!r:.60} elsewhere, not a storage")
    if not isinstance(key, str) or not isinstance(place, str) or not _is_whole(count):
        raise FormatError("it has a storage whose id is no text and number")
    if legacy and identity[5] is not None:
        raise FormatError("it has a storage that is a view of another")
    storage = Storage(TYPES[kind.name], count)
    if storage.size > MOST_BYTES:
        raise FormatError(f"it has a storage of {count} elements")
    known = storages.setdefault(key, storage)
    if (known.kind, known.count) != (storage.kind, storage.count):
        raise FormatError(f"it gives storage {key[:60]} two types or lengths")
    return known


def filled(value: Any) -> Any:
    """The same value with tensors as arrays; depth and number of values are bounded."""
    left = [MOST_VALUES]

    def visit(value: Any, depth: int) -> Any:
        left[0] -= 1
        if depth > DEEPEST or left[0] < 0:
            raise FormatError(f"it is nested deeper than {DEEPEST} or has too many values")
        if isinstance(value, dict):
            return {key: visit(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(visit(inner, depth + 1) for inner in value)
        if isinstance(value, _Tensor):
            return value.array()
        if isinstance(value, (Storage, _Type)):
            raise FormatError("it has a storage or a type where a value should be")
        return value

    return visit(value, 0)


def _tensor(
    storage: Any,
    offset: Any,
    shape: Any,
    strides: Any,
    grad: Any = False,
    hooks: Any = None,
    *more: Any,
) -> _Tensor:
    """`torch._utils._rebuild_tensor_v2`: a window on a storage, found to lie inside it."""
    if not isinstance(storage, Storage):
        raise FormatError("it has a tensor without a storage")
    if not isinstance(grad, bool) or hooks or any(more):
        raise FormatError("it has a tensor with hooks or other additions")
    return _window(storage, storage.kind, storage.count, offset, shape, strides)


def _typed_tensor(
    storage: Any,
    offset: Any,
    shape: Any,
    strides: Any,
    grad: Any,
    hooks: Any,
    dtype: Any,
    *more: Any,
) -> _Tensor:
    """`torch._utils._rebuild_tensor_v3`: the same on a storage of bytes, with a type."""
    if not isinstance(storage, Storage) or storage.kind != "u1":
        raise FormatError("it has a tensor without a storage")
    if not isinstance(dtype, _Type) or dtype.name not in DTYPES or hooks or any(more):
        raise FormatError("it has a tensor of an unknown type, or with hooks")
    kind = DTYPES[dtype.name]
    count, rest = divmod(storage.count, int(kind[1:]))
    if rest:
        raise FormatError("it has a storage that ends within a number")
    return _window(storage, kind, count, offset, shape, strides)


def _window(
    storage: Storage, kind: str, count: int, offset: Any, shape: Any, strides: Any
) -> _Tensor:
    if not (isinstance(shape, tuple) and isinstance(strides, tuple)):
        raise FormatError("it has a tensor whose shape or strides are no tuples")
    if len(shape) != len(strides) or len(shape) > MOST_RANK:
        raise FormatError(f"it has a tensor of {len(shape)} extents and {len(strides)} strides")
    if not all(_is_whole(n) for n in (offset, *shape, *strides)):
        raise FormatError(f"it has a tensor of shape {shape!r:.100}, offset {offset!r:.30}")
    # Whole numbers of Python: nothing here overflows.
    elements, last = 1, offset
    for extent, stride in zip(shape, strides, strict=True):
        elements *= extent
        last += (extent - 1) * stride
    if elements and last >= count:
        raise FormatError(f"it has a tensor that reads element {last} of {count}")
    if elements > count:
        raise FormatError(f"it has a tensor of {elements} elements on a storage of {count}")
    if not elements:
        offset, strides = 0, (0,) * len(shape)
    return _Tensor(storage, kind, offset, shape, strides)


def _parameter(data: Any, grad: Any = True, hooks: Any = None) -> _Tensor:
    """`torch._utils._rebuild_parameter`."""
    if not isinstance(data, _Tensor) or hooks:
        raise FormatError("it has a parameter that is no tensor, or has hooks")
    return data


def _ordered(pairs: Any = ()) -> dict[Any, Any]:
    """`collections.OrderedDict`."""
    if not isinstance(pairs, (list, tuple)):
        raise FormatError("it makes an OrderedDict of something else than pairs")
    result = {}
    for pair in pairs:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not isinstance(pair[0], KEYS):
            raise FormatError("it makes an OrderedDict of something else than pairs")
        result[pair[0]] = pair[1]
    return result


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MOST_BYTES


FUNCTIONS: dict[str, Any] = {
    "collections.OrderedDict": _ordered,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed_tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch.storage.UntypedStorage": _Type("UntypedStorage"),
    **{f"torch.{name}": _Type(name) for name in (*TYPES, *DTYPES)},
}
