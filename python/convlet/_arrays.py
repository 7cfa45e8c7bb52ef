"""Array helpers of the tensor: conversion, broadcasting and its reverse, dimensions."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from convlet import _core

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.autograd import Variable
    from convlet.ops._arguments import Array

T = TypeVar("T")

FLOAT32 = np.dtype(np.float32)


def as_float32(data: Any) -> Array:
    """Real numbers as a float32 array, without a copy where they are one already."""
    if type(data) is np.ndarray and data.dtype is FLOAT32:
        return data
    try:
        array = np.asarray(data)
    except ValueError as error:
        raise TypeError(f"Tensor: data must be numbers in a rectangle: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(
            f"Tensor: data must be real numbers, got {type(data).__name__} of dtype {array.dtype}"
        )
    return array.astype(FLOAT32, copy=False)


def some_of(kind: type[T], given: Any, op: str, name: str) -> tuple[T, ...]:
    """One object of a kind, or several, as a tuple."""
    several = (given,) if isinstance(given, kind) or not hasattr(given, "__iter__") else given
    found = tuple(several)
    other = next((one for one in found if not isinstance(one, kind)), None)
    if other is not None:
        raise TypeError(f"{op}: {name} must be tensors, got {type(other).__name__}")
    if not found:
        raise ValueError(f"{op}: {name} must be at least one tensor, got none")
    return found


def starting_gradient(root: Variable, gradient: Any, op: str) -> Array:
    """The gradient that a backward starts from, checked: 1 for a single number if none is given."""
    if not root.requires_grad:
        raise RuntimeError(
            f"{op}: nothing that led to this tensor requires a gradient "
            "(requires_grad=True), or it was computed under no_grad()"
        )
    shape = root.data.shape
    if gradient is None and root.data.size != 1:
        raise ValueError(
            f"{op}: a tensor of shape {shape} needs the argument gradient; "
            "only a single number starts from 1"
        )
    if gradient is None:
        return np.ones(shape, np.float32)
    start = as_float32(gradient.data if hasattr(gradient, "requires_grad") else gradient)
    if start.shape != shape:
        raise ValueError(f"{op}: gradient must have shape {shape}, got {start.shape}")
    return start


def contiguous(x: Array) -> Array:
    """The numbers in the order of their indices; images by a kernel."""
    if x.flags.c_contiguous:
        return x
    return _core.to_contiguous(x) if x.ndim == 4 else np.ascontiguousarray(x)


def zeros(shape: tuple[int, ...]) -> Array:
    """Zeros, for images in their order of memory."""
    if len(shape) != 4:
        return np.zeros(shape, np.float32)
    n, c, h, w = shape
    return np.zeros((n, h, w, c), np.float32).transpose(0, 3, 1, 2)


WORTH_A_KERNEL = 4096  # numbers; below, NumPy's sum costs less than a call


def plus(a: Array, b: Array, overwrite_a: bool = False) -> Array:
    """A + b; where both are large and of one shape by the kernel: threads and recycled memory.

    With `overwrite_a` the sum may be written over `a`; it never shares memory with `b`.
    """
    if a.size >= WORTH_A_KERNEL and a.shape == b.shape:
        return _core.add(a, b, overwrite_a)
    return np.asarray(a + b)


def unbroadcast(dy: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of broadcasting: `dy` summed over what was repeated."""
    if dy.shape == shape:
        return dy
    added = dy.ndim - len(shape)
    repeated = tuple(d for d in range(added, dy.ndim) if shape[d - added] == 1 != dy.shape[d])
    dy = dy.sum(axis=(*range(added), *repeated), keepdims=True)
    return np.asarray(dy).reshape(shape)


def spread(dy: Array, shape: tuple[int, ...], dims: tuple[int, ...]) -> Array:
    """The gradient of a sum: `dy` repeated along the dimensions that were summed."""
    kept = tuple([1 if d in dims else extent for d, extent in enumerate(shape)])
    column = np.asarray(dy).reshape(kept)
    if math.prod(shape) >= WORTH_A_KERNEL:
        return np.broadcast_to(column, shape)
    dx = np.empty(shape, np.float32)  # so small that a view costs more
    dx[...] = column
    return dx


def matmul(a: Array, b: Array) -> Array:
    """The matrix product by the kernel, which gives the same bits for any number of threads."""
    if a.ndim == b.ndim == 2 and a.size and b.size:
        return _core.linear_forward(a, b.T, None)
    try:
        batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(f"@: shapes {a.shape} and {b.shape} do not broadcast") from None
    if a.size == 0 or b.size == 0:
        return np.zeros((*batch, a.shape[-2], b.shape[-1]), np.float32)
    left = np.broadcast_to(a, (*batch, *a.shape[-2:]))
    right = np.broadcast_to(b, (*batch, *b.shape[-2:]))
    y = np.empty((*batch, a.shape[-2], b.shape[-1]), np.float32)
    for place in np.ndindex(batch):
        y[place] = _core.linear_forward(left[place], right[place].T, None)
    return y


def one_dim(dim: Any, ndim: int, op: str) -> int:
    """A dimension counted from the front."""
    if type(dim) is int and 0 <= dim < ndim:
        return dim
    if isinstance(dim, (bool, np.bool_)) or not hasattr(dim, "__index__"):
        raise TypeError(f"{op}: dim must be an int, got {type(dim).__name__}")
    index = operator.index(dim)
    if not -ndim <= index < ndim:
        raise ValueError(f"{op}: dim must be in [{-ndim}, {ndim}), got {index}")
    return index % ndim


def several_dims(dim: int | Sequence[int] | None, ndim: int, op: str) -> tuple[int, ...]:
    """Dimensions to reduce: one, several, or all when None."""
    if dim is None:
        return tuple(range(ndim))
    if not isinstance(dim, (tuple, list, range)):
        return (one_dim(dim, ndim, op),)
    dims = tuple(one_dim(d, ndim, op) for d in dim)
    if len(set(dims)) != len(dims):
        raise ValueError(f"{op}: dim names a dimension twice: {tuple(dim)}")
    return dims


def is_basic_index(index: Any) -> bool:
    """Whether an index selects every element at most once, so that its gradient is a store."""
    parts = index if isinstance(index, tuple) else (index,)
    return all(
        p is None
        or p is Ellipsis
        or isinstance(p, (slice, np.integer))
        or (isinstance(p, int) and not isinstance(p, bool))
        for p in parts
    )


def plain_index(index: Any) -> Any:
    """An index whose tensors, which hold floats, are integers for NumPy."""
    if isinstance(index, tuple):
        return tuple(plain_index(part) for part in index)
    if hasattr(index, "requires_grad"):
        whole: npt.NDArray[np.int64] = index.data.astype(np.int64)
        if not np.array_equal(whole, index.data):
            raise TypeError("index: a tensor used as an index must hold whole numbers")
        return whole
    return index
