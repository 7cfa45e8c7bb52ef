"""The fully connected layer and its gradients, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import float32, ranked

if TYPE_CHECKING:
    from convlet.ops._arguments import Activation, Array

__all__ = ["linear", "linear_grad_bias", "linear_grad_input", "linear_grad_weight"]


def linear(
    x: Array, weight: Array, bias: Array | None = None, *, activation: Activation = "none"
) -> Array:
    """activation(x @ weight.T + bias).  (N, F) -> (N, K).

    Args:
        x: rows of features (N, F), float32, any memory layout.
        weight: (K, F).
        bias: (K,) or None.
        activation: "none", "relu", "relu6", "silu" or "hardswish", in the same pass.

    Raises:
        TypeError: an array is not float32.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> linear(np.float32([[1, 2]]), np.float32([[3, 4]]), np.float32([5]))
        array([[16.]], dtype=float32)
    """
    return _core.linear_forward(
        float32(x, "linear", "x"),
        float32(weight, "linear", "weight"),
        None if bias is None else float32(bias, "linear", "bias"),
        activation,
    )


def linear_grad_input(dy: Array, weight: Array) -> Array:
    """Gradient of `linear` by its input: dy @ weight.  (N, K) -> (N, F).

    Example:
        >>> import numpy as np
        >>> linear_grad_input(np.float32([[2]]), np.float32([[3, 4]]))
        array([[6., 8.]], dtype=float32)
    """
    op = "linear_grad_input"
    return _core.linear_grad_input(float32(dy, op, "dy"), float32(weight, op, "weight"))


def linear_grad_weight(dy: Array, x: Array) -> Array:
    """Gradient of `linear` by its weight: dy.T @ x.  (N, K), (N, F) -> (K, F).

    Example:
        >>> import numpy as np
        >>> linear_grad_weight(np.float32([[2]]), np.float32([[3, 4]]))
        array([[6., 8.]], dtype=float32)
    """
    op = "linear_grad_weight"
    return _core.linear_grad_weight(float32(dy, op, "dy"), float32(x, op, "x"))


def linear_grad_bias(dy: Array) -> Array:
    """Gradient of `linear` by its bias: the sum of each column.  (N, K) -> (K,).

    Example:
        >>> import numpy as np
        >>> linear_grad_bias(np.float32([[1, 2], [3, 4]]))
        array([4., 6.], dtype=float32)
    """
    op = "linear_grad_bias"
    return _core.channel_sum(ranked(float32(dy, op, "dy"), op, "dy", 2))
