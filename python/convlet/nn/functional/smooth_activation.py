"""Activations made of the exponential, and ReLU with a learnt slope, on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import ops
from convlet.autograd import record
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["elu", "gelu", "log_softmax", "mish", "prelu", "softmax", "softplus", "tanh"]


def tanh(input: Tensor | npt.ArrayLike) -> Tensor:
    """The hyperbolic tangent, element by element.

    Args:
        input: any shape.

    Example:
        >>> from convlet import Tensor
        >>> tanh(Tensor([0.0, 200.0]))
        Tensor([0., 1.])
    """
    x = as_tensor(input)
    y = ops.tanh(x.data)
    return record(y, (x,), lambda dy: (ops.tanh_grad(dy, y),))


def elu(input: Tensor | npt.ArrayLike, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """X where it is positive, else alpha * (exp(x) - 1), element by element.

    Args:
        input: any shape.
        alpha: minus the limit at -inf.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> from convlet import Tensor
        >>> elu(Tensor([-200.0, 2.0]))
        Tensor([-1.,  2.])
    """
    x = as_tensor(input)
    x_data = x.data
    return record(ops.elu(x_data, alpha), (x,), lambda dy: (ops.elu_grad(dy, x_data, alpha),))


def gelu(input: Tensor | npt.ArrayLike, approximate: str = "none") -> Tensor:
    """X times the share of a normal distribution below it, element by element.

    Args:
        input: any shape.
        approximate: "none" or "tanh" (`convlet.ops.gelu` tells the formula).

    Example:
        >>> from convlet import Tensor
        >>> gelu(Tensor([0.0, 100.0]))
        Tensor([  0., 100.])
    """
    x = as_tensor(input)
    x_data = x.data
    return record(
        ops.gelu(x_data, approximate), (x,), lambda dy: (ops.gelu_grad(dy, x_data, approximate),)
    )


def softplus(input: Tensor | npt.ArrayLike, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta, and x where beta * x is above the threshold.

    Args:
        input: any shape.
        beta: how sharp the bend is, not 0.
        threshold: where the straight line begins.

    Example:
        >>> from convlet import Tensor
        >>> softplus(Tensor([-200.0, 200.0]))
        Tensor([  0., 200.])
    """
    x = as_tensor(input)
    x_data = x.data
    return record(
        ops.softplus(x_data, beta, threshold),
        (x,),
        lambda dy: (ops.softplus_grad(dy, x_data, beta, threshold),),
    )


def mish(input: Tensor | npt.ArrayLike, inplace: bool = False) -> Tensor:
    """X * tanh(softplus(x)), element by element.

    Args:
        input: any shape.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> from convlet import Tensor
        >>> mish(Tensor([0.0, 100.0]))
        Tensor([  0., 100.])
    """
    x = as_tensor(input)
    x_data = x.data
    return record(ops.mish(x_data), (x,), lambda dy: (ops.mish_grad(dy, x_data),))


def prelu(input: Tensor | npt.ArrayLike, weight: Tensor | npt.ArrayLike) -> Tensor:
    """X where it is positive, else weight * x.  (N, C, …) -> (N, C, …).

    Args:
        input: any shape; channels are dimension 1.
        weight: one number, or one per channel (C,).

    Raises:
        ValueError: `weight` has neither 1 nor C numbers.

    Example:
        >>> from convlet import Tensor
        >>> prelu(Tensor([[-2.0, 2.0]]), Tensor([0.25]))
        Tensor([[-0.5,  2. ]])
    """
    x, w = as_tensor(input), as_tensor(weight)
    x_data, w_data = x.data, w.data
    y = ops.prelu(x_data, w_data)
    return record(y, (x, w), lambda dy: ops.prelu_grad(dy, x_data, w_data))


def softmax(input: Tensor | npt.ArrayLike, dim: int | None = -1) -> Tensor:
    """exp(x) divided by its sum along `dim`, computed without overflow.

    Args:
        input: any shape with at least one dimension.
        dim: the dimension that sums to 1; None is PyTorch's old guess, 0 where there are 1 or 3
            dimensions and else 1.

    Example:
        >>> from convlet import Tensor
        >>> softmax(Tensor([1.0, 1.0]))
        Tensor([0.5, 0.5])
    """
    x = as_tensor(input)
    return x.softmax(_guessed(x) if dim is None else dim)


def log_softmax(input: Tensor | npt.ArrayLike, dim: int | None = -1) -> Tensor:
    """The logarithm of `softmax`, computed without it.

    Args:
        input: any shape with at least one dimension.
        dim: as for `softmax`.

    Example:
        >>> from convlet import Tensor
        >>> log_softmax(Tensor([1.0, 1.0])).numpy().round(4)
        array([-0.6931, -0.6931], dtype=float32)
    """
    x = as_tensor(input)
    return x.log_softmax(_guessed(x) if dim is None else dim)


def _guessed(x: Tensor) -> int:
    return 0 if x.ndim in {1, 3} else 1
