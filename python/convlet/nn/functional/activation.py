"""Activations on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import ops
from convlet.autograd import record
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "hardsigmoid",
    "hardswish",
    "leaky_relu",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
]


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
    return record(y, (x,), lambda dy, ours: (ops.relu_grad(dy, y, overwrite_dy=ours),), fresh=True)


def relu6(input: Tensor | npt.ArrayLike, inplace: bool = False) -> Tensor:
    """min(max(x, 0), 6), element by element.

    Args:
        input: any shape.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> from convlet import Tensor
        >>> relu6(Tensor([-1.0, 2.0, 8.0]))
        Tensor([0., 2., 6.])
    """
    x = as_tensor(input)
    y = ops.relu6(x.data)
    return record(y, (x,), lambda dy, ours: (ops.relu6_grad(dy, y, overwrite_dy=ours),), fresh=True)


def leaky_relu(
    input: Tensor | npt.ArrayLike, negative_slope: float = 0.01, inplace: bool = False
) -> Tensor:
    """X where it is positive, else `negative_slope` * x, element by element.

    Args:
        input: any shape.
        negative_slope: slope below 0.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> from convlet import Tensor
        >>> leaky_relu(Tensor([-2.0, 2.0]), 0.5)
        Tensor([-1.,  2.])
    """
    x = as_tensor(input)
    x_data = x.data
    y = ops.leaky_relu(x_data, negative_slope)
    return record(
        y,
        (x,),
        lambda dy, ours: (ops.leaky_relu_grad(dy, x_data, negative_slope, overwrite_dy=ours),),
        fresh=True,
    )


def sigmoid(input: Tensor | npt.ArrayLike) -> Tensor:
    """1 / (1 + exp(-x)), element by element.

    Args:
        input: any shape.

    Example:
        >>> from convlet import Tensor
        >>> sigmoid(Tensor([0.0, 200.0]))
        Tensor([0.5, 1. ])
    """
    x = as_tensor(input)
    y = ops.sigmoid(x.data)
    return record(
        y, (x,), lambda dy, ours: (ops.sigmoid_grad(dy, y, overwrite_dy=ours),), fresh=True
    )


def silu(input: Tensor | npt.ArrayLike, inplace: bool = False) -> Tensor:
    """X * sigmoid(x), also called swish, element by element.

    Args:
        input: any shape.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> from convlet import Tensor
        >>> silu(Tensor([0.0, 100.0]))
        Tensor([  0., 100.])
    """
    x = as_tensor(input)
    x_data = x.data
    y = ops.silu(x_data)
    return record(
        y, (x,), lambda dy, ours: (ops.silu_grad(dy, x_data, overwrite_dy=ours),), fresh=True
    )


def hardsigmoid(input: Tensor | npt.ArrayLike, inplace: bool = False) -> Tensor:
    """relu6(x + 3) / 6, element by element.

    Args:
        input: any shape.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> from convlet import Tensor
        >>> hardsigmoid(Tensor([-4.0, 0.0, 4.0]))
        Tensor([0. , 0.5, 1. ])
    """
    x = as_tensor(input)
    y = ops.hardsigmoid(x.data)
    return record(
        y, (x,), lambda dy, ours: (ops.hardsigmoid_grad(dy, y, overwrite_dy=ours),), fresh=True
    )


def hardswish(input: Tensor | npt.ArrayLike, inplace: bool = False) -> Tensor:
    """X * relu6(x + 3) / 6, element by element.

    Args:
        input: any shape.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> from convlet import Tensor
        >>> hardswish(Tensor([1.5, 4.0]))
        Tensor([1.125, 4.   ])
    """
    x = as_tensor(input)
    x_data = x.data
    y = ops.hardswish(x_data)
    return record(
        y, (x,), lambda dy, ours: (ops.hardswish_grad(dy, x_data, overwrite_dy=ours),), fresh=True
    )


# Activations that another operator computes in its pass: the output of those that cut tells their
# gradient; those that bend need what came before, and are then operators of their own.
CUTS = {"relu": ops.relu_grad, "relu6": ops.relu6_grad}
BENDS = {"silu": silu, "hardswish": hardswish}
