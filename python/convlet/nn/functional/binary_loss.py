"""Losses of two classes by one number each, on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet import ops
from convlet.nn.functional._inputs import optional_tensor
from convlet.nn.functional._reduction import check_reduction, reduced, same_shape
from convlet.ops._arguments import real
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["binary_cross_entropy", "binary_cross_entropy_with_logits", "sigmoid_focal_loss"]

FLOOR = np.float32(-100.0)  # of a logarithm, as in PyTorch: a probability of 0 costs 100


def binary_cross_entropy(
    input: Tensor | npt.ArrayLike,
    target: Tensor | npt.ArrayLike,
    weight: Tensor | npt.ArrayLike | None = None,
    *,
    reduction: str = "mean",
) -> Tensor:
    """-(t log p + (1 - t) log(1 - p)); `binary_cross_entropy_with_logits` is more exact.

    Args:
        input: probabilities p in [0, 1], any shape; logarithms are cut at -100, as in PyTorch.
        target: t in [0, 1], the same shape; no gradient goes to it.
        weight: factors of the losses, broadcast to their shape, or None.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: shapes differ, or a probability is outside [0, 1].

    Example:
        >>> from convlet import Tensor
        >>> round(binary_cross_entropy(Tensor([0.5, 0.0]), [1.0, 0.0]).item(), 4)
        0.3466
    """
    op = "binary_cross_entropy"
    x, t = as_tensor(input), as_tensor(target)
    check_reduction(reduction, op)
    same_shape(x, t, op)
    p, wanted, factor = x.data, t.data, _factor(weight, x, op)
    if ((p < 0.0) | (p > 1.0)).any():
        raise ValueError(f"{op}: input must be in [0, 1], got numbers from {p.min()} to {p.max()}")
    with np.errstate(divide="ignore"):
        yes, no = np.maximum(np.log(p), FLOOR), np.maximum(np.log1p(-p), FLOOR)
    losses = -(wanted * yes + (1 - wanted) * no) * factor

    def vjp(dy: Array) -> tuple[Array]:
        return (dy * factor * (p - wanted) / np.maximum(p * (1 - p), np.float32(1e-12)),)

    return reduced(losses, (x,), vjp, reduction, op)


def binary_cross_entropy_with_logits(
    input: Tensor | npt.ArrayLike,
    target: Tensor | npt.ArrayLike,
    weight: Tensor | npt.ArrayLike | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | npt.ArrayLike | None = None,
) -> Tensor:
    """Binary cross-entropy of sigmoid(input), computed from the logits without overflow.

    Args:
        input: logits, any shape.
        target: wanted probabilities in [0, 1], the same shape; no gradient goes to them.
        weight: factors of the losses, broadcast to their shape, or None.
        reduction: "mean", "sum" or "none".
        pos_weight: how much a target of 1 counts, broadcast to the shape of `input`, or None for 1.

    Raises:
        ValueError: the shapes do not fit together.

    Example:
        >>> from convlet import Tensor
        >>> round(binary_cross_entropy_with_logits(Tensor([0.0]), [1.0]).item(), 4)
        0.6931
    """
    op = "binary_cross_entropy_with_logits"
    x, t = as_tensor(input), as_tensor(target)
    check_reduction(reduction, op)
    same_shape(x, t, op)
    logits, wanted, factor = x.data, t.data, _factor(weight, x, op)
    positive = (
        np.float32(1.0) if pos_weight is None else _broadcast(pos_weight, x, op, "pos_weight")
    )
    if positive.size == 1:
        scalar = float(positive.reshape(()))
        losses = ops.binary_cross_entropy(logits, wanted, scalar)
    else:
        share = positive * wanted
        losses = (1 - wanted) * ops.softplus(logits) + share * ops.softplus(-logits)
    if weight is not None:
        losses = losses * factor

    def vjp(dy: Array) -> tuple[Array]:
        dy = dy if weight is None else dy * factor
        if positive.size == 1:
            return (ops.binary_cross_entropy_grad(dy, logits, wanted, scalar),)
        return (dy * ((1 - wanted) * ops.sigmoid(logits) - share * ops.sigmoid(-logits)),)

    return reduced(losses, (x,), vjp, reduction, op)


def sigmoid_focal_loss(
    inputs: Tensor | npt.ArrayLike,
    targets: Tensor | npt.ArrayLike,
    alpha: float = 0.25,
    gamma: float = 2.0,
    reduction: str = "none",
) -> Tensor:
    """Binary cross-entropy that counts less where it is right already, as torchvision's.

    Lin et al. 2017, "Focal loss for dense object detection", arXiv:1708.02002.

    Args:
        inputs: logits, any shape.
        targets: 0 or 1, the same shape; no gradient goes to them.
        alpha: weight of a target of 1, against 1 - alpha for 0; below 0 both count the same.
        gamma: 0 is cross-entropy.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> from convlet import Tensor
        >>> sigmoid_focal_loss(Tensor([0.0]), [1.0]).numpy().round(4)
        array([0.0433], dtype=float32)
    """
    op = "sigmoid_focal_loss"
    x, t = as_tensor(inputs), as_tensor(targets)
    check_reduction(reduction, op)
    same_shape(x, t, op)
    share, power = np.float32(real(alpha, op, "alpha")), real(gamma, op, "gamma")
    logits, wanted = x.data, t.data
    p, entropy = ops.sigmoid(logits), ops.binary_cross_entropy(logits, wanted)
    wrong = p + wanted - 2 * p * wanted
    factor = np.ones_like(wanted)
    if share >= 0:
        factor = np.asarray(share * wanted + (1 - share) * (1 - wanted), np.float32)
    bent: Array = wrong ** np.float32(power)
    losses = factor * bent * entropy

    def vjp(dy: Array) -> tuple[Array]:
        with np.errstate(divide="ignore", invalid="ignore"):
            bend = power * wrong ** (power - 1.0) * (1 - 2 * wanted) * p * (1 - p) * entropy
        entropy_slope = ops.binary_cross_entropy_grad(factor * bent * dy, logits, wanted)
        return (entropy_slope + dy * factor * np.where(wrong > 0.0, bend, 0.0),)

    return reduced(losses, (x,), vjp, reduction, op)


def _factor(weight: Tensor | npt.ArrayLike | None, x: Tensor, op: str) -> Array | np.float32:
    return np.float32(1.0) if weight is None else _broadcast(weight, x, op, "weight")


def _broadcast(values: Tensor | npt.ArrayLike, x: Tensor, op: str, name: str) -> Array:
    given = optional_tensor(values)
    assert given is not None
    try:
        fits = np.broadcast_shapes(given.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{op}: {name} must broadcast to shape {x.shape}, got {given.shape}")
    return given.data
