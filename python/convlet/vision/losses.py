"""Losses of boxes, on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from convlet import ops
from convlet.autograd import record
from convlet.tensor import Tensor, as_tensor
from convlet.vision.boxes import boxes_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array
    from convlet.ops.boxes import Kind

    Numbers: TypeAlias = npt.ArrayLike | Tensor
    Reduction: TypeAlias = Literal["none", "mean", "sum"]

__all__ = ["complete_box_iou_loss", "distance_box_iou_loss", "generalized_box_iou_loss"]


def generalized_box_iou_loss(
    boxes1: Numbers, boxes2: Numbers, reduction: Reduction = "none", eps: float = 1e-7
) -> Tensor:
    """1 - GIoU of each pair of boxes (Rezatofighi et al., 2019); see `ops.box_iou`.

    Args:
        boxes1: (N, 4), x1, y1, x2, y2.
        boxes2: (N, 4).
        reduction: "none" gives (N,), "mean" and "sum" a number; the mean of no box is 0.
        eps: added to denominators.

    Raises:
        ValueError: shapes differ, or `reduction` is unknown.

    Example:
        >>> from convlet import Tensor
        >>> box = Tensor([[0.0, 0.0, 4.0, 4.0]], requires_grad=True)
        >>> loss = generalized_box_iou_loss(box, [[1, 1, 3, 3]], reduction="sum")
        >>> loss.backward()
        >>> loss.item(), box.grad.numpy().tolist()
        (0.75, [[-0.0625, -0.0625, 0.0625, 0.0625]])
    """
    return _loss("generalized_box_iou_loss", boxes1, boxes2, "giou", reduction, eps)


def distance_box_iou_loss(
    boxes1: Numbers, boxes2: Numbers, reduction: Reduction = "none", eps: float = 1e-7
) -> Tensor:
    """1 - DIoU of each pair of boxes (Zheng et al., 2020); as `generalized_box_iou_loss`.

    Example:
        >>> distance_box_iou_loss([[0, 0, 2, 2]], [[0, 0, 2, 2]], reduction="mean").item()
        0.0
    """
    return _loss("distance_box_iou_loss", boxes1, boxes2, "diou", reduction, eps)


def complete_box_iou_loss(
    boxes1: Numbers, boxes2: Numbers, reduction: Reduction = "none", eps: float = 1e-7
) -> Tensor:
    """1 - CIoU of each pair of boxes (Zheng et al., 2020); as `generalized_box_iou_loss`.

    Example:
        >>> complete_box_iou_loss([[0, 0, 2, 2]], [[0, 0, 2, 2]], reduction="mean").item()
        0.0
    """
    return _loss("complete_box_iou_loss", boxes1, boxes2, "ciou", reduction, eps)


def _loss(
    op: str, boxes1: Numbers, boxes2: Numbers, kind: Kind, reduction: str, eps: float
) -> Tensor:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{op}: reduction must be 'none', 'mean' or 'sum', got {reduction!r}")
    one, two = as_tensor(boxes1), as_tensor(boxes2)
    a, b = boxes_of(one, op, "boxes1"), boxes_of(two, op, "boxes2")
    if a.shape != b.shape:
        raise ValueError(f"{op}: boxes1 and boxes2 must be as many, got {len(a)} and {len(b)}")

    def vjp(dy: Array) -> tuple[Array, Array]:
        return ops.paired_box_iou_grad(-dy, a, b, kind, eps)

    losses = record(1 - ops.paired_box_iou(a, b, kind, eps), (one, two), vjp)
    if reduction == "none":
        return losses
    total = losses.sum()
    return total if reduction == "sum" or len(a) == 0 else total / len(a)
