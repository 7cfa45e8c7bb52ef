"""The losses of regions that overlap, on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from convlet import ops
from convlet.autograd import record
from convlet.nn.functional._inputs import label_array
from convlet.nn.functional._reduction import check_reduction, reduced
from convlet.nn.functional.smooth_activation import softmax
from convlet.ops._arguments import integer, real
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["dice_loss", "lovasz_loss"]


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
    check_reduction(reduction, op)
    added = np.float32(real(smooth, op, "smooth"))
    x, labels, kept, p = _regions(input, target, ignore_index, op)
    n, classes, *places = x.shape
    counted = kept[:, None].astype(np.float32)
    classed = np.arange(classes) if classes > 1 else np.ones(1, np.int64)
    wanted = (labels[:, None] == classed.reshape(-1, *(1,) * len(places))) * counted
    pixels = tuple(range(2, x.ndim))
    both = (p * wanted).sum(pixels, keepdims=True)
    size = (p * counted + wanted).sum(pixels, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):  # of empty regions, without smoothing
        overlap = (2 * both + added) / (size + added)
    losses = (1 - overlap).reshape(n, classes).astype(np.float32)

    def vjp(dy: Array) -> tuple[Array]:
        dy = dy.reshape(both.shape)
        return (_of_scores(dy * counted * (overlap - 2 * wanted) / (size + added), p),)

    return reduced(losses, (x,), vjp, reduction, op)


def lovasz_loss(
    input: Tensor | npt.ArrayLike,
    target: Tensor | npt.ArrayLike,
    *,
    classes: Literal["present", "all"] = "present",
    per_image: bool = False,
    ignore_index: int = -100,
) -> Tensor:
    """How much of intersection over union is missing, made smooth: the mean over classes.

    With the errors e of a class at each pixel (1 - p where it is wanted, p elsewhere) in falling
    order, sum e_i (J_i - J_(i-1)), where J_i = 1 - IoU if the first i pixels were wrong and the
    others right: the Lovász extension of 1 - IoU (Berman, Rannen Triki and Blaschko 2018,
    arXiv:1705.08790, equations 8 and 9). It is 1 - IoU itself where all p are 0 or 1.

    Args:
        input: logits (N, K, H, W). p is their softmax; for K = 1 their sigmoid.
        target: the class of each pixel (N, H, W); for K = 1 also (N, 1, H, W), 0 or 1.
        classes: "present" is the mean over classes that the target has, "all" over all. For K = 1
            there is one, the ones.
        per_image: whether areas are those of each image, and the loss is the mean over images; else
            they are those of the batch.
        ignore_index: a label whose pixels count for nothing.

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes do not fit, or a label is outside its range.

    Example:
        >>> from convlet import Tensor
        >>> scores = Tensor([[[[99.0, 99.0, -99.0, -99.0]]]])  # two are said to be of the class
        >>> round(lovasz_loss(scores, [[[1, 0, 0, 0]]]).item(), 3)  # one of them is
        0.5
    """
    op = "lovasz_loss"
    if classes not in ("present", "all"):
        raise ValueError(f'{op}: classes must be "present" or "all", got {classes!r}')
    x, labels, kept, p = _regions(input, target, ignore_index, op)
    count = x.shape[1]
    dp = np.zeros_like(p)
    groups = [slice(i, i + 1) for i in range(len(p))] if per_image else [slice(None)]
    total = 0.0
    for group in groups:
        counted = kept[group]
        truth = labels[group][counted]
        found = [1] if count == 1 else list(range(count))
        if classes == "present":
            found = [k for k in found if (truth == k).any()]
        for k in found:
            channel = 0 if count == 1 else k
            loss, slope = _lovasz(p[group, channel][counted], truth == k)
            share = 1.0 / (len(found) * len(groups))
            total += loss * share
            dp[group, channel][counted] = slope * np.float32(share)
    return record(np.asarray(total, np.float32), (x,), lambda dy: (_of_scores(dy * dp, p),))


def _lovasz(p: Array, wanted: npt.NDArray[np.bool_]) -> tuple[float, Array]:
    """The loss of one class, and its gradient by the probabilities (pixels,)."""
    errors = np.where(wanted, 1 - p, p)
    order = np.argsort(-errors)
    hits = wanted[order]
    missed = np.cumsum(hits)
    area = np.count_nonzero(hits)
    union = area + np.arange(1, len(p) + 1) - missed
    jaccard = 1 - (area - missed) / union
    steps = np.diff(jaccard, prepend=0.0)
    slope = np.empty_like(p)
    slope[order] = np.where(hits, -steps, steps)
    return float(errors[order] @ steps), slope


class _Regions(NamedTuple):
    """Logits, the class of each pixel, which of them count, and the probabilities."""

    x: Tensor
    labels: npt.NDArray[Any]
    kept: npt.NDArray[np.bool_]
    p: Array


def _regions(
    input: Tensor | npt.ArrayLike, target: Tensor | npt.ArrayLike, ignore_index: int, op: str
) -> _Regions:
    x = as_tensor(input)
    if x.ndim < 3:
        raise ValueError(f"{op}: input must be (N, K, H, W), got shape {x.shape}")
    n, classes, *places = x.shape
    labels = label_array(target, op)
    if classes == 1 and labels.shape == x.shape:
        labels = labels[:, 0]
    if labels.shape != (n, *places):
        raise ValueError(f"{op}: target must have shape {(n, *places)}, got {labels.shape}")
    kept = labels != integer(ignore_index, op, "ignore_index")
    most = max(classes, 2)
    wrong = labels[kept & ((labels < 0) | (labels >= most))]
    if wrong.size:
        raise ValueError(f"{op}: labels must be in [0, {most}), got {wrong[0]}")
    p = softmax(x.detach(), 1).data if classes > 1 else ops.sigmoid(x.data)
    return _Regions(x, labels, kept, p)


def _of_scores(dp: Array, p: Array) -> Array:
    """The gradient by logits of a gradient by their softmax, or by their sigmoid where they are one."""
    slope: Array = p * (dp - (dp * p).sum(axis=1, keepdims=True))
    return slope
