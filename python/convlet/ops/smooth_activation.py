"""Activations made of the exponential, without a bend, and their gradients, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet import _core
from convlet.ops._arguments import float32, real

if TYPE_CHECKING:
    from convlet.ops._arguments import Array

__all__ = [
    "elu",
    "elu_grad",
    "gelu",
    "gelu_grad",
    "mish",
    "mish_grad",
    "softplus",
    "softplus_grad",
    "tanh",
    "tanh_grad",
]

LINEAR = 17.0  # from here on, log(1 + exp(x)) is x in float32


def tanh(x: Array) -> Array:
    """The hyperbolic tangent, element by element.  Any shape, memory order kept.

    Raises:
        TypeError: `x` is not a float32 array.

    Example:
        >>> import numpy as np
        >>> tanh(np.float32([-200, 0, 200]))
        array([-1.,  0.,  1.], dtype=float32)
    """
    return _core.tanh_forward(float32(x, "tanh", "x"))


def tanh_grad(dy: Array, y: Array) -> Array:
    """Gradient of `tanh` from its output: dy * (1 - y * y).

    Example:
        >>> import numpy as np
        >>> tanh_grad(np.float32([4, 4]), np.float32([0.5, 1]))
        array([3., 0.], dtype=float32)
    """
    return _core.tanh_grad(float32(dy, "tanh_grad", "dy"), float32(y, "tanh_grad", "y"))


def elu(x: Array, alpha: float = 1.0) -> Array:
    """X where it is positive, else alpha * (exp(x) - 1).  Any shape, memory order kept.

    Clevert, Unterthiner and Hochreiter 2016, arXiv:1511.07289.

    Raises:
        TypeError: `x` is not a float32 array, or alpha is no number.

    Example:
        >>> import numpy as np
        >>> elu(np.float32([-200, 2]), 3)
        array([-3.,  2.], dtype=float32)
    """
    return _core.elu_forward(float32(x, "elu", "x"), real(alpha, "elu", "alpha"))


def elu_grad(dy: Array, x: Array, alpha: float = 1.0) -> Array:
    """Gradient of `elu` at its input `x`.

    Example:
        >>> import numpy as np
        >>> elu_grad(np.float32([4, 4]), np.float32([0, 2]), 0.5)
        array([2., 4.], dtype=float32)
    """
    op = "elu_grad"
    return _core.elu_grad(float32(dy, op, "dy"), float32(x, op, "x"), real(alpha, op, "alpha"))


def gelu(x: Array, approximate: str = "none") -> Array:
    """X times the share of a normal distribution below it.  Any shape, memory order kept.

    Hendrycks and Gimpel 2016, arXiv:1606.08415.

    Args:
        x: any shape, float32.
        approximate: "none", or "tanh" for x * (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) / 2.

    Raises:
        TypeError: `x` is not a float32 array.
        ValueError: `approximate` is unknown.

    Example:
        >>> import numpy as np
        >>> gelu(np.float32([0, 100])), gelu(np.float32([0, 100]), "tanh")
        (array([  0., 100.], dtype=float32), array([  0., 100.], dtype=float32))
    """
    array = float32(x, "gelu", "x")
    return _core.gelu_tanh_forward(array) if by_tanh(approximate) else _core.gelu_forward(array)


def gelu_grad(dy: Array, x: Array, approximate: str = "none") -> Array:
    """Gradient of `gelu` at its input `x`.

    Example:
        >>> import numpy as np
        >>> gelu_grad(np.float32([4, 4]), np.float32([0, 100])).round(5)
        array([2., 4.], dtype=float32)
    """
    arrays = float32(dy, "gelu_grad", "dy"), float32(x, "gelu_grad", "x")
    return _core.gelu_tanh_grad(*arrays) if by_tanh(approximate) else _core.gelu_grad(*arrays)


def softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """log(1 + exp(beta * x)) / beta, and x where beta * x is above the threshold.

    Raises:
        TypeError: `x` is not a float32 array, or another argument is no number.
        ValueError: beta is 0.

    Example:
        >>> import numpy as np
        >>> softplus(np.float32([-200, 0, 200])).round(4)
        array([  0.    ,   0.6931, 200.    ], dtype=float32)
    """
    array, slope = float32(x, "softplus", "x"), nonzero(beta, "softplus")
    y = _core.softplus_forward(array, slope)
    if real(threshold, "softplus", "threshold") < LINEAR:
        y = np.where(array * np.float32(slope) > np.float32(threshold), array, y)
    return y


def softplus_grad(dy: Array, x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    """Gradient of `softplus` at its input: dy * sigmoid(beta * x), dy above the threshold.

    Example:
        >>> import numpy as np
        >>> softplus_grad(np.float32([4, 4]), np.float32([0, 200]))
        array([2., 4.], dtype=float32)
    """
    op = "softplus_grad"
    grad, array, slope = float32(dy, op, "dy"), float32(x, op, "x"), nonzero(beta, op)
    dx = _core.softplus_grad(grad, array, slope)
    if real(threshold, op, "threshold") < LINEAR:
        dx = np.where(array * np.float32(slope) > np.float32(threshold), grad, dx)
    return dx


def mish(x: Array) -> Array:
    """X * tanh(softplus(x)), element by element.  Any shape, memory order kept.

    Misra 2020, arXiv:1908.08681.

    Raises:
        TypeError: `x` is not a float32 array.

    Example:
        >>> import numpy as np
        >>> mish(np.float32([0, 100]))
        array([  0., 100.], dtype=float32)
    """
    return _core.mish_forward(float32(x, "mish", "x"))


def mish_grad(dy: Array, x: Array) -> Array:
    """Gradient of `mish` at its input `x`.

    Example:
        >>> import numpy as np
        >>> mish_grad(np.float32([5, 5]), np.float32([0, 100]))
        array([3., 5.], dtype=float32)
    """
    return _core.mish_grad(float32(dy, "mish_grad", "dy"), float32(x, "mish_grad", "x"))


def by_tanh(approximate: str) -> bool:
    """Whether GELU is to be approximated."""
    if approximate not in ("none", "tanh"):
        raise ValueError(f'gelu: approximate must be "none" or "tanh", got {approximate!r}')
    return approximate == "tanh"


def nonzero(beta: float, op: str) -> float:
    """A beta to divide by."""
    value = real(beta, op, "beta")
    if value == 0.0:
        raise ValueError(f"{op}: beta must not be 0")
    return value
