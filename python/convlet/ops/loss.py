"""Cross-entropy and its gradient, on arrays: of scores by class, and of one logit for two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import class_labels, float32, integer, real

if TYPE_CHECKING:
    from convlet.ops._arguments import Array, IntArray

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_grad",
    "softmax_cross_entropy",
    "softmax_cross_entropy_grad",
]


def softmax_cross_entropy(
    logits: Array,
    labels: IntArray,
    weight: Array | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> tuple[Array, Array]:
    """Minus the logarithm of the softmax at each label.  (N, K), (N,) -> losses, probabilities.

    Args:
        logits: unnormalised scores (N, K), float32.
        labels: the right class of each row, integers in [0, K).
        weight: how much a row of each class counts (K,), or None for 1.
        ignore_index: a label whose rows have loss and gradient 0, or None.
        label_smoothing: share in [0, 1] of the target that is spread over all classes (Szegedy et
            al. 2016, arXiv:1512.00567).

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
        float32(logits, op, "logits"),
        class_labels(labels, op),
        None if weight is None else float32(weight, op, "weight"),
        None if ignore_index is None else integer(ignore_index, op, "ignore_index"),
        real(label_smoothing, op, "label_smoothing"),
    )


def softmax_cross_entropy_grad(
    probabilities: Array,
    labels: IntArray,
    dlosses: Array,
    weight: Array | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> Array:
    """Gradient of `softmax_cross_entropy` by its logits.  (N, K), (N,), (N,) -> (N, K).

    (probabilities - one_hot(labels)) * dlosses, row by row, where nothing else is asked for.

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
        None if weight is None else float32(weight, op, "weight"),
        None if ignore_index is None else integer(ignore_index, op, "ignore_index"),
        real(label_smoothing, op, "label_smoothing"),
    )


def binary_cross_entropy(logits: Array, targets: Array, pos_weight: float = 1.0) -> Array:
    """-(pos_weight t log s + (1 - t) log(1 - s)) with s = sigmoid(logits).  Any shape.

    Computed as (1 - t) log(1 + exp(x)) + pos_weight t log(1 + exp(-x)), which never overflows.

    Args:
        logits: any shape, float32.
        targets: the same shape, float32, in [0, 1].
        pos_weight: how much a target of 1 counts.

    Raises:
        TypeError: an array is not float32.
        ValueError: the shapes differ.

    Example:
        >>> import numpy as np
        >>> binary_cross_entropy(np.float32([0, -200]), np.float32([1, 0])).round(4)
        array([0.6931, 0.    ], dtype=float32)
    """
    op = "binary_cross_entropy"
    return _core.binary_cross_entropy_forward(
        float32(logits, op, "logits"),
        float32(targets, op, "targets"),
        real(pos_weight, op, "pos_weight"),
    )


def binary_cross_entropy_grad(
    dlosses: Array, logits: Array, targets: Array, pos_weight: float = 1.0
) -> Array:
    """Gradient of `binary_cross_entropy` by its logits.

    Example:
        >>> import numpy as np
        >>> binary_cross_entropy_grad(np.float32([2]), np.float32([0]), np.float32([1]))
        array([-1.], dtype=float32)
    """
    op = "binary_cross_entropy_grad"
    return _core.binary_cross_entropy_grad(
        float32(dlosses, op, "dlosses"),
        float32(logits, op, "logits"),
        float32(targets, op, "targets"),
        real(pos_weight, op, "pos_weight"),
    )
