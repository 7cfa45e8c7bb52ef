"""The loss of regions that overlap, on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet import ops
from convlet.nn.functional._inputs import label_array
from convlet.nn.functional._reduction import check_reduction, reduced
from convlet.nn.functional.smooth_activation import softmax
from convlet.ops._arguments import integer, real
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["dice_loss"]


def dice_loss(
    input: Tensor | npt.ArrayLike,
    target: Tensor | npt.ArrayLike,
    *,
    smooth: float = 1.0,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """1 - (2 sum(p t) + smooth) / (sum p + sum t + smooth), of each class of each image.

    How little the regions p of a segmentation overlap with the wanted ones t, whatever the share of
    the image that they cover (Milletari, Navab and Ahmadi 2016, arXiv:1606.04797, with sums for
    their squares).

    Args:
        input: logits (N, K, H, W). p is their softmax; for K = 1 their sigmoid.
        target: the class of each pixel (N, H, W); for K = 1 also (N, 1, H, W), 0 or 1.
        smooth: keeps empty regions from dividing by 0, and makes their loss 0 where p is.
        ignore_index: a label whose pixels count for nothing.
        reduction: "mean" over images and classes, "sum", or "none" for (N, K).

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes do not fit, or a label is outside its range.

    Example:
        >>> from convlet import Tensor
        >>> round(dice_loss(Tensor([[[[9.0, -9.0]]]]), [[[1, 0]]]).item(), 3)
        0.0
        >>> round(dice_loss(Tensor([[[[9.0, -9.0]]]]), [[[0, 1]]]).item(), 3)
        0.667
    """
    op = "dice_loss"
    x = as_tensor(input)
    check_reduction(reduction, op)
    if x.ndim < 3:
        raise ValueError(f"{op}: input must be (N, K, H, W), got shape {x.shape}")
    n, classes, *places = x.shape
    added = np.float32(real(smooth, op, "smooth"))
    labels = label_array(target, op)
    if classes == 1 and labels.shape == x.shape:
        labels = labels[:, 0]
    if labels.shape != (n, *places):
        raise ValueError(f"{op}: target must have shape {(n, *places)}, got {labels.shape}")
    kept = labels != integer(ignore_index, op, "ignore_index")
    most = max(classes, 2)
    if ((labels[kept] < 0) | (labels[kept] >= most)).any():
        raise ValueError(f"{op}: labels must be in [0, {most}), got {labels[kept].max()}")

    counted = kept[:, None].astype(np.float32)
    classed = np.arange(classes) if classes > 1 else np.ones(1, np.int64)
    wanted = (labels[:, None] == classed.reshape(-1, *(1,) * len(places))) * counted
    p = softmax(x.detach(), 1).data if classes > 1 else ops.sigmoid(x.data)
    pixels = tuple(range(2, x.ndim))
    both = (p * wanted).sum(pixels, keepdims=True)
    size = (p * counted + wanted).sum(pixels, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # of empty regions, without smoothing
        overlap = (2 * both + added) / (size + added)
    losses = (1 - overlap).reshape(n, classes).astype(np.float32)

    def vjp(dy: Array) -> tuple[Array]:
        dy = dy.reshape(both.shape)
        dp = dy * counted * (overlap - 2 * wanted) / (size + added)
        if classes == 1:
            return (dp * p * (1 - p),)
        return (p * (dp - (dp * p).sum(axis=1, keepdims=True)),)

    return reduced(losses, (x,), vjp, reduction, op)
