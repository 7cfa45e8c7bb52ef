"""What the operators accept, brought to the one form that `_core` takes.

Python types are checked here: an int or a pair, float32 arrays, labels. Geometry (a stride of 0, a
kernel larger than its input) is checked once for forward and gradients, in csrc/shape.cpp.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Array: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.integer[Any]]
Pair: TypeAlias = tuple[int, int]
Shape4: TypeAlias = tuple[int, int, int, int]
Borders: TypeAlias = Shape4  # above, left, below, right
Activation: TypeAlias = Literal["none", "relu", "relu6", "silu", "hardswish"]

INT64_MAX = 2**63 - 1
FLOAT32 = np.dtype(np.float32)
ndarray = np.ndarray  # found faster by this name, and asked for at every call


def integer(value: object, op: str, name: str) -> int:
    """A Python or NumPy integer as an int that 64 bits hold."""
    if type(value) is not int:
        if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
            raise TypeError(f"{op}: {name} must be an int, got {describe(value)}")
        try:
            value = operator.index(value)
        except TypeError:
            raise TypeError(f"{op}: {name} must be an int, got {describe(value)}") from None
    if not -INT64_MAX <= value <= INT64_MAX:
        raise ValueError(f"{op}: {name} must fit in 64 bits, got a number of {value.bit_length()}")
    return value


def pair(value: int | Sequence[int], op: str, name: str) -> Pair:
    """An int (used for height and width) or a pair of ints, as a pair."""
    if type(value) is tuple and len(value) == 2:
        h, w = value
        if type(h) is int and type(w) is int and abs(h) <= INT64_MAX and abs(w) <= INT64_MAX:
            return value
        return integer(h, op, name), integer(w, op, name)
    if type(value) is int:
        value = integer(value, op, name)
        return value, value
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{op}: {name} must be an int or a pair, got {len(value)} values")
        return integer(value[0], op, name), integer(value[1], op, name)
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise TypeError(f"{op}: {name} must be an int or a pair of ints, got {describe(value)}")
    both = integer(value, op, name)
    return both, both


def borders(value: int | Sequence[int], op: str) -> Borders:
    """A padding: as for `pair` on both sides, or above, left, below and right."""
    if isinstance(value, (tuple, list)) and len(value) == 4:
        return shape4(value, op, "padding")
    h, w = pair(value, op, "padding")
    return h, w, h, w


def numbers(value: int | Sequence[int], count: int, op: str, name: str) -> tuple[int, ...]:
    """An int (used for all axes) or so many ints, as a tuple."""
    if count == 2:
        return pair(value, op, name)
    several = value if isinstance(value, (tuple, list)) else (value,) * count
    if len(several) != count:
        raise ValueError(f"{op}: {name} must be an int or {count} ints, got {len(several)} values")
    return tuple(integer(each, op, name) for each in several)


def pool_stride(stride: int | Sequence[int] | None, kernel: Pair, op: str) -> Pair:
    """A pooling stride, which is the kernel's size unless given."""
    return kernel if stride is None else pair(stride, op, "stride")


def output_pair(value: int | Sequence[int | None] | None, x: Array, op: str) -> Pair:
    """An output size: an int or a pair, where None stands for the size of the images `x`."""
    both = value if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2:
        raise ValueError(f"{op}: output_size must be an int or a pair, got {len(both)} values")
    h, w = both
    return (
        x.shape[2] if h is None else integer(h, op, "output_size"),
        x.shape[3] if w is None else integer(w, op, "output_size"),
    )


def shape4(value: Sequence[int], op: str, name: str) -> Shape4:
    """A shape of four dimensions."""
    if not isinstance(value, (tuple, list)):
        raise TypeError(f"{op}: {name} must be a tuple of 4 ints, got {describe(value)}")
    if len(value) != 4:
        raise ValueError(f"{op}: {name} must have 4 dimensions, got {len(value)}")
    a, b, c, d = value
    return (
        integer(a, op, name),
        integer(b, op, name),
        integer(c, op, name),
        integer(d, op, name),
    )


def extents(value: int | Sequence[int], op: str, name: str) -> tuple[int, ...]:
    """An int or several, as a tuple."""
    several = value if isinstance(value, (tuple, list)) else (value,)
    return tuple(integer(size, op, name) for size in several)


def flag(value: object, op: str, name: str) -> bool:
    """A bool, and nothing that merely behaves like one."""
    if value is True or value is False:
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    raise TypeError(f"{op}: {name} must be a bool, got {describe(value)}")


def float32(x: object, op: str, name: str) -> Array:
    """A float32 array; byte-swapped values are brought to the machine's order."""
    if type(x) is ndarray and x.dtype is FLOAT32:
        return x
    if not isinstance(x, np.ndarray):
        raise TypeError(
            f"{op}: {name} must be a NumPy array of float32, got {describe(x)}; "
            f"convert it with np.asarray({name}, np.float32)"
        )
    if x.dtype != FLOAT32 and (x.dtype.kind != "f" or x.dtype.itemsize != 4):
        how = f"convert it with {name}.astype(np.float32)"
        if x.dtype.kind not in "fiub":
            how = "only real numbers convert to float32"
        raise TypeError(f"{op}: {name} must be float32, got {x.dtype}; {how}")
    return np.asarray(x, dtype=FLOAT32)


def ranked(x: Array, op: str, name: str, ndim: int) -> Array:
    """The array, which must have `ndim` dimensions."""
    if x.ndim != ndim:
        raise ValueError(f"{op}: {name} must have {ndim} dimensions, got shape {x.shape}")
    return x


def integers(x: object, op: str, name: str) -> IntArray:
    """An array of integers, such as pooling indices."""
    if isinstance(x, np.ndarray) and x.dtype.kind in "iu":
        return x if type(x) is np.ndarray else np.asarray(x)
    kind = x.dtype if isinstance(x, np.ndarray) else describe(x)
    raise TypeError(f"{op}: {name} must be a NumPy array of integers, got {kind}")


def class_labels(labels: object, op: str) -> IntArray:
    """An array of integers; unsigned values that int64 cannot hold are refused."""
    array = integers(labels, op, "labels")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8 and (array > INT64_MAX).any():
        raise ValueError(f"{op}: labels must fit in 64 bits with a sign, got {array.max()}")
    return array


def probability(p: object, op: str) -> float:
    """A dropout probability in [0, 1]."""
    if isinstance(p, (bool, np.bool_)) or not isinstance(p, (int, float, np.number)):
        raise TypeError(f"{op}: p must be a number, got {describe(p)}")
    value = float(p)
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{op}: p must be in [0, 1], got {value}")
    return value


def real(value: object, op: str, name: str) -> float:
    """A Python or NumPy number as a float."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(
        value, (int, float, np.integer, np.floating)
    ):
        raise TypeError(f"{op}: {name} must be a number, got {describe(value)}")
    return float(value)


def describe(value: object) -> str:
    """The type of a value, with the value itself where it is short."""
    name = type(value).__name__
    if isinstance(value, (bool, int, float, str, np.generic)):
        text = repr(value)
        return f"{name} {text}" if len(text) <= 40 else name
    return name
