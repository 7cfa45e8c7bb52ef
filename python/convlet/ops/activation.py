"""Element-wise activations and their gradients, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import float32

if TYPE_CHECKING:
    from convlet.ops._arguments import Array

__all__ = ["relu", "relu_grad"]


def relu(x: Array) -> Array:
    """max(x, 0), element by element; NaN stays NaN.  Any shape, memory order kept.

    Raises:
        TypeError: `x` is not a float32 array.

    Example:
        >>> import numpy as np
        >>> relu(np.float32([-1, 2]))
        array([0., 2.], dtype=float32)
    """
    return _core.relu_forward(float32(x, "relu", "x"))


def relu_grad(dy: Array, y: Array) -> Array:
    """Gradient of `relu`: `dy` where its output `y` is positive, else 0.

    Example:
        >>> import numpy as np
        >>> relu_grad(np.float32([5, 5]), np.float32([0, 2]))
        array([0., 5.], dtype=float32)
    """
    return _core.relu_grad(float32(dy, "relu_grad", "dy"), float32(y, "relu_grad", "y"))
