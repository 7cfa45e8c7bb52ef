"""One of two numbers, place by place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet._arrays import unbroadcast
from convlet.autograd import record
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["maximum", "minimum", "where"]

ZERO = np.float32(0)


def where(
    condition: Tensor | npt.ArrayLike, input: Tensor | npt.ArrayLike, other: Tensor | npt.ArrayLike
) -> Tensor:
    """`input` where the condition is true, else `other`; all three broadcast.

    Args:
        condition: bools, such as `x > 0`, or numbers, of which 0 is false.
        input: where the condition is true.
        other: where it is false.

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> x = Tensor([-1.0, 2.0])
        >>> where(x > 0, x, 0.0)
        Tensor([0., 2.])
    """
    chosen = np.asarray(condition.data if isinstance(condition, Tensor) else condition)
    chosen = chosen if chosen.dtype == np.bool_ else chosen != 0
    x, y = as_tensor(input), as_tensor(other)
    left, right = x.shape, y.shape
    try:
        result = np.where(chosen, x.data, y.data)
    except ValueError:
        raise ValueError(
            f"where: shapes {chosen.shape}, {left} and {right} do not broadcast"
        ) from None

    def vjp(dy: Array) -> tuple[Array, Array]:
        dx, dz = np.where(chosen, dy, ZERO), np.where(chosen, ZERO, dy)
        return unbroadcast(dx, left), unbroadcast(dz, right)

    return record(result, (x, y), vjp)


def maximum(input: Tensor | npt.ArrayLike, other: Tensor | npt.ArrayLike) -> Tensor:
    """The greater of two numbers, place by place; NaN if one is NaN.

    Where both are the same, each gets half of the gradient.

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> maximum(Tensor([-1.0, 2.0]), 0.5)
        Tensor([0.5, 2. ])
    """
    return _extreme(np.maximum, as_tensor(input), as_tensor(other), "maximum")


def minimum(input: Tensor | npt.ArrayLike, other: Tensor | npt.ArrayLike) -> Tensor:
    """The smaller of two numbers, place by place; NaN if one is NaN.

    Where both are the same, each gets half of the gradient.

    Raises:
        ValueError: the shapes do not broadcast.

    Example:
        >>> minimum(Tensor([-1.0, 2.0]), 0.5)
        Tensor([-1. ,  0.5])
    """
    return _extreme(np.minimum, as_tensor(input), as_tensor(other), "minimum")


def _extreme(choose: Any, x: Tensor, y: Tensor, op: str) -> Tensor:
    a, b = x.data, y.data
    try:
        result = np.asarray(choose(a, b))
    except ValueError:
        raise ValueError(f"{op}: shapes {a.shape} and {b.shape} do not broadcast") from None

    def vjp(dy: Array) -> tuple[Array, Array]:
        half = np.where(a == b, dy * np.float32(0.5), dy)
        # What was not chosen; a NaN, which is chosen from either side, has no lesser.
        dx = np.where((a != b) & (result == b), ZERO, half)
        dz = np.where((a != b) & (result == a), ZERO, half)
        return unbroadcast(dx, a.shape), unbroadcast(dz, b.shape)

    return record(result, (x, y), vjp)
