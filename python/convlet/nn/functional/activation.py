"""Activations on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet import ops
from convlet._arrays import one_dim
from convlet.autograd import record
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["relu", "softmax"]


def relu(input: Tensor | npt.ArrayLike, inplace: bool = False) -> Tensor:
    """max(x, 0), element by element.

    Args:
        input: any shape.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> from convlet import Tensor
        >>> relu(Tensor([-1.0, 2.0]))
        Tensor([0., 2.])
    """
    x = as_tensor(input)
    y = ops.relu(x.data)
    return record(y, (x,), lambda dy: (ops.relu_grad(dy, y),))


def softmax(input: Tensor | npt.ArrayLike, dim: int = -1) -> Tensor:
    """exp(x) divided by its sum along `dim`, computed without overflow.

    Args:
        input: any shape with at least one dimension.
        dim: the dimension that sums to 1.

    Example:
        >>> from convlet import Tensor
        >>> softmax(Tensor([1.0, 1.0]))
        Tensor([0.5, 0.5])
    """
    x = as_tensor(input)
    along = one_dim(dim, x.data.ndim, "softmax")
    y = np.exp(x.data - x.data.max(axis=along, keepdims=True, initial=-np.inf))
    y /= y.sum(axis=along, keepdims=True)

    def vjp(dy: Array) -> tuple[Array]:
        return (y * (dy - (dy * y).sum(axis=along, keepdims=True)),)

    return record(y, (x,), vjp)
