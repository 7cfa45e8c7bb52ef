"""Softmax cross-entropy and its gradient, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import class_labels, float32

if TYPE_CHECKING:
    from convlet.ops._arguments import Array, IntArray

__all__ = ["softmax_cross_entropy", "softmax_cross_entropy_grad"]


def softmax_cross_entropy(logits: Array, labels: IntArray) -> tuple[Array, Array]:
    """Minus the logarithm of the softmax at each label.  (N, K), (N,) -> losses, probabilities.

    Args:
        logits: unnormalised scores (N, K), float32.
        labels: the right class of each row, integers in [0, K).

    Returns:
        The loss of each row (N,) and the softmax (N, K), which the gradient wants.

    Raises:
        TypeError: `logits` is not float32 or `labels` not of integers.
        ValueError: the shapes do not fit, or a label is outside [0, K).

    Example:
        >>> import numpy as np
        >>> losses, probabilities = softmax_cross_entropy(np.zeros((1, 4), np.float32), np.array([2]))
        >>> probabilities
        array([[0.25, 0.25, 0.25, 0.25]], dtype=float32)
        >>> round(float(losses[0]), 4)
        1.3863
    """
    op = "softmax_cross_entropy"
    return _core.softmax_cross_entropy_forward(
        float32(logits, op, "logits"), class_labels(labels, op)
    )


def softmax_cross_entropy_grad(probabilities: Array, labels: IntArray, dlosses: Array) -> Array:
    """Gradient of `softmax_cross_entropy` by its logits.  (N, K), (N,), (N,) -> (N, K).

    (probabilities - one_hot(labels)) * dlosses, row by row.

    Example:
        >>> import numpy as np
        >>> probabilities = np.full((1, 2), 0.5, np.float32)
        >>> softmax_cross_entropy_grad(probabilities, np.array([1]), np.ones(1, np.float32))
        array([[ 0.5, -0.5]], dtype=float32)
    """
    op = "softmax_cross_entropy_grad"
    return _core.softmax_cross_entropy_grad(
        float32(probabilities, op, "probabilities"),
        class_labels(labels, op),
        float32(dlosses, op, "dlosses"),
    )
