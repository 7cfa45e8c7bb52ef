"""Losses of classes on tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet import _core, ops
from convlet.nn.functional._inputs import label_array
from convlet.nn.functional._reduction import check_reduction, reduced
from convlet.nn.functional.smooth_activation import log_softmax
from convlet.ops._arguments import integer, real
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array, IntArray

__all__ = ["cross_entropy", "focal_loss", "nll_loss"]


def cross_entropy(
    input: Tensor | npt.ArrayLike,
    target: Tensor | npt.ArrayLike,
    weight: Tensor | npt.ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Minus the logarithm of the softmax at each label.  (N, K, …), (N, …) -> one number.

    Args:
        input: unnormalised scores (N, K), (N, K, H, W) with a label per pixel, or (K,).
        target: the right class of each place, integers in [0, K); or shares of the classes, of the
            shape of `input`, which no gradient goes to.
        weight: how much each class counts (K,), or None for 1; "mean" divides by the weights of the
            labels.
        ignore_index: a label that counts for nothing; where all are ignored, the mean is NaN and the
            gradient 0.
        reduction: "mean" over places, "sum", or "none" for one loss per place.
        label_smoothing: share in [0, 1] of the target that is spread over all classes (Szegedy et
            al. 2016, arXiv:1512.00567).

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes do not fit, a label is outside [0, K), or there are no rows to
            average.

    Example:
        >>> from convlet import Tensor
        >>> round(cross_entropy(Tensor([[0.0, 0.0]]), [1]).item(), 4)
        0.6931
    """
    op = "cross_entropy"
    x = as_tensor(input)
    check_reduction(reduction, op)
    if _are_shares(x, target):
        return _of_shares(x, as_tensor(target), weight, reduction, label_smoothing)
    labels = label_array(target, op)
    rows, flat = _rows(x.data, op), _flat_labels(labels, x, op)
    weights = _class_weight(weight)
    rule = (weights, integer(ignore_index, op, "ignore_index"), label_smoothing)
    losses, probabilities = ops.softmax_cross_entropy(rows, flat, *rule)
    shape = x.data.shape

    def vjp(dy: Array) -> tuple[Array]:
        dlogits = ops.softmax_cross_entropy_grad(probabilities, flat, dy.reshape(-1), *rule)
        return (_images(dlogits, shape),)

    divisor = _weight_of_labels(flat, rule[0], rule[1]) if reduction == "mean" else None
    return reduced(losses.reshape(labels.shape), (x,), vjp, reduction, op, divisor)


def nll_loss(
    input: Tensor | npt.ArrayLike,
    target: Tensor | npt.ArrayLike,
    weight: Tensor | npt.ArrayLike | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Minus the input at each label: `cross_entropy` of logarithms.  (N, K, …), (N, …) -> a number.

    Args:
        input: logarithms of probabilities, as `log_softmax` gives them.
        target: the right class of each place, integers in [0, K).
        weight: how much each class counts (K,), or None for 1.
        ignore_index: a label that counts for nothing; where all are ignored, the mean is NaN and the
            gradient 0.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes do not fit, or a label is outside [0, K).

    Example:
        >>> from convlet import Tensor
        >>> nll_loss(Tensor([[-1.0, -2.0]]), [1]).item()
        2.0
    """
    op = "nll_loss"
    x = as_tensor(input)
    check_reduction(reduction, op)
    labels, weights = label_array(target, op), _class_weight(weight)
    rows, flat = _rows(x.data, op), _flat_labels(labels, x, op)
    classes, ignored = rows.shape[1], integer(ignore_index, op, "ignore_index")
    kept = flat != ignored
    wrong = flat[kept & ((flat < 0) | (flat >= classes))]
    if wrong.size:
        raise ValueError(f"{op}: labels must be in [0, {classes}), got {wrong[0]}")
    if weights is not None and weights.shape != (classes,):
        raise ValueError(f"{op}: weight must have {classes} numbers, got shape {weights.shape}")
    places = np.where(kept, flat, 0).astype(np.int64)
    counts = kept.astype(np.float32) if weights is None else np.where(kept, weights[places], 0.0)
    index = (np.arange(len(flat)), places)
    losses = (np.where(kept, -rows[index], 0.0) * counts).astype(np.float32)
    shape = x.data.shape

    def vjp(dy: Array) -> tuple[Array]:
        dx = np.zeros(rows.shape, np.float32)
        dx[index] = np.where(kept, -counts * dy.reshape(-1), 0.0)
        return (_images(dx, shape),)

    return reduced(losses.reshape(labels.shape), (x,), vjp, reduction, op, float(counts.sum()))


def focal_loss(
    input: Tensor | npt.ArrayLike,
    target: Tensor | npt.ArrayLike,
    weight: Tensor | npt.ArrayLike | None = None,
    *,
    gamma: float = 2.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Cross-entropy times (1 - p) ** gamma, p the right class's share.  (N, K, …), (N, …).

    What is right already counts less (Lin et al. 2017, "Focal loss", arXiv:1708.02002). "mean"
    divides by the number of places that are not ignored.

    Args:
        input: unnormalised scores (N, K) or (N, K, H, W).
        target: the right class of each place, integers in [0, K).
        weight: how much each class counts (K,), or None for 1.
        gamma: 0 is cross-entropy.
        ignore_index: a label that counts for nothing; where all are ignored, the mean is NaN and the
            gradient 0.
        reduction: "mean", "sum" or "none".

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes do not fit, a label is outside [0, K), or gamma is below 0.

    Example:
        >>> from convlet import Tensor
        >>> round(focal_loss(Tensor([[0.0, 0.0]]), [1]).item(), 4)
        0.1733
    """
    op = "focal_loss"
    x = as_tensor(input)
    check_reduction(reduction, op)
    power = real(gamma, op, "gamma")
    if not power >= 0.0:
        raise ValueError(f"{op}: gamma must be at least 0, got {gamma}")
    labels, weights = label_array(target, op), _class_weight(weight)
    rows, flat = _rows(x.data, op), _flat_labels(labels, x, op)
    ignored = integer(ignore_index, op, "ignore_index")
    entropies, probabilities = ops.softmax_cross_entropy(rows, flat, None, ignored)
    right = np.exp(-entropies)
    wrong = -np.expm1(-entropies)
    counts: Array | np.float32 = np.float32(1.0)
    if weights is not None:
        counts = weights[np.where(flat == ignored, 0, flat).astype(np.int64)]
    losses: Array = np.asarray(counts * wrong**power * entropies, np.float32)

    def vjp(dy: Array) -> tuple[Array]:
        with np.errstate(divide="ignore", invalid="ignore"):
            bend = power * wrong ** (power - 1.0) * right * entropies
        slope = counts * (wrong**power + np.where(entropies > 0.0, bend, 0.0))
        dlosses = (dy.reshape(-1) * slope).astype(np.float32)
        dlogits = ops.softmax_cross_entropy_grad(probabilities, flat, dlosses, None, ignored)
        return (_images(dlogits, x.data.shape),)

    divisor = float(np.count_nonzero(flat != ignored))
    return reduced(losses.reshape(labels.shape), (x,), vjp, reduction, op, divisor)


def _are_shares(x: Tensor, target: Tensor | npt.ArrayLike) -> bool:
    """Whether a target is shares of classes: real numbers of the shape of the scores."""
    data = target.data if isinstance(target, Tensor) else np.asarray(target)
    return data.dtype.kind == "f" and data.shape == x.shape and x.ndim > 0


def _of_shares(
    x: Tensor,
    target: Tensor,
    weight: Tensor | npt.ArrayLike | None,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    op = "cross_entropy"
    along = 0 if x.ndim == 1 else 1
    classes = x.shape[along]
    smoothing = np.float32(_smoothing(label_smoothing))
    shares = target.data * (1 - smoothing) + smoothing / np.float32(max(classes, 1))
    weights = _class_weight(weight)
    if weights is not None:
        if weights.shape != (classes,):
            raise ValueError(f"{op}: weight must have {classes} numbers, got shape {weights.shape}")
        shares = shares * weights.reshape(-1, *(1,) * (x.ndim - along - 1))
    logarithms = log_softmax(x.detach(), along).data
    with np.errstate(invalid="ignore"):  # 0 * -inf: a share of 0 counts for nothing
        losses = -np.where(shares == 0, 0, shares * logarithms).sum(axis=along)
    total = shares.sum(axis=along, keepdims=True)

    def vjp(dy: Array) -> tuple[Array]:
        return (np.expand_dims(dy, along) * (np.exp(logarithms) * total - shares),)

    return reduced(np.asarray(losses, np.float32), (x,), vjp, reduction, op)


def _smoothing(value: float) -> float:
    share = real(value, "cross_entropy", "label_smoothing")
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"cross_entropy: label_smoothing must be in [0, 1], got {share}")
    return share


def _rows(x: Array, op: str) -> Array:
    """Scores with the classes innermost, as they lie in memory where they are images."""
    if x.ndim == 0:
        raise ValueError(f"{op}: input must have classes, got a single number")
    if x.ndim <= 2:
        return x[None] if x.ndim == 1 else x
    if x.ndim == 4 and not x.transpose(0, 2, 3, 1).flags.c_contiguous:
        x = _core.to_channels_last(x)
    return np.moveaxis(x, 1, -1).reshape(x.shape[0] * math.prod(x.shape[2:]), x.shape[1])


def _images(rows: Array, shape: tuple[int, ...]) -> Array:
    """Back from rows to the shape of the scores."""
    if len(shape) <= 2:
        return rows.reshape(shape)
    n, classes, *places = shape
    return np.moveaxis(rows.reshape(n, *places, classes), -1, 1)


def _flat_labels(labels: IntArray, x: Tensor, op: str) -> IntArray:
    wanted = (x.shape[0], *x.shape[2:]) if x.ndim > 1 else ()
    if labels.shape != wanted:
        raise ValueError(f"{op}: target must have shape {wanted}, got {labels.shape}")
    return labels.reshape(-1)


def _class_weight(weight: Tensor | npt.ArrayLike | None) -> Array | None:
    return None if weight is None else as_tensor(weight).data


def _weight_of_labels(labels: IntArray, weight: Array | None, ignored: int) -> float:
    if weight is None:
        return float(labels.size - np.count_nonzero(labels == ignored))
    kept = labels[labels != ignored]
    return float(np.bincount(kept, minlength=len(weight)) @ weight.astype(np.float64))
