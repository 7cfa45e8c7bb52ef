"""Boxes on arrays: overlaps, suppression, and other ways to write them down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from convlet import ops
from convlet._arrays import as_float32
from convlet.ops._arguments import integers
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Array

    Numbers: TypeAlias = npt.ArrayLike | Tensor

__all__ = [
    "batched_nms",
    "box_area",
    "box_convert",
    "box_iou",
    "clip_boxes_to_image",
    "complete_box_iou",
    "distance_box_iou",
    "generalized_box_iou",
    "nms",
    "remove_small_boxes",
    "soft_nms",
]

FORMATS = ("xyxy", "xywh", "cxcywh")


def box_iou(boxes1: Numbers, boxes2: Numbers) -> Array:
    """Intersection over union of all pairs.  (N, 4), (M, 4) -> (N, M).

    Unlike torchvision's, boxes without an area overlap by 0 and not by NaN.

    Example:
        >>> box_iou([[0, 0, 2, 2]], [[0, 0, 2, 1], [2, 2, 3, 3]]).tolist()
        [[0.5, 0.0]]
    """
    return ops.box_iou(boxes_of(boxes1, "box_iou", "boxes1"), boxes_of(boxes2, "box_iou", "boxes2"))


def generalized_box_iou(boxes1: Numbers, boxes2: Numbers) -> Array:
    """GIoU of all pairs, see `ops.box_iou`.  (N, 4), (M, 4) -> (N, M).

    Example:
        >>> generalized_box_iou([[0, 0, 1, 1]], [[3, 0, 4, 1]]).tolist()
        [[-0.5]]
    """
    op = "generalized_box_iou"
    return ops.box_iou(boxes_of(boxes1, op, "boxes1"), boxes_of(boxes2, op, "boxes2"), "giou")


def distance_box_iou(boxes1: Numbers, boxes2: Numbers, eps: float = 1e-7) -> Array:
    """DIoU of all pairs, see `ops.box_iou`.  (N, 4), (M, 4) -> (N, M).

    Example:
        >>> distance_box_iou([[0, 0, 2, 2]], [[0, 0, 2, 2]]).tolist()
        [[1.0]]
    """
    op = "distance_box_iou"
    return ops.box_iou(boxes_of(boxes1, op, "boxes1"), boxes_of(boxes2, op, "boxes2"), "diou", eps)


def complete_box_iou(boxes1: Numbers, boxes2: Numbers, eps: float = 1e-7) -> Array:
    """CIoU of all pairs, see `ops.box_iou`.  (N, 4), (M, 4) -> (N, M).

    Example:
        >>> complete_box_iou([[0, 0, 2, 2]], [[0, 0, 2, 2]]).tolist()
        [[1.0]]
    """
    op = "complete_box_iou"
    return ops.box_iou(boxes_of(boxes1, op, "boxes1"), boxes_of(boxes2, op, "boxes2"), "ciou", eps)


def nms(boxes: Numbers, scores: Numbers, iou_threshold: float) -> npt.NDArray[np.int64]:
    """Numbers of the boxes that none of a higher score overlaps too much; see `ops.nms`.

    Example:
        >>> nms([[0, 0, 2, 2], [0, 0, 2, 1.8]], [0.5, 0.9], iou_threshold=0.5).tolist()
        [1]
    """
    return ops.nms(boxes_of(boxes, "nms", "boxes"), scores_of(scores, "nms"), iou_threshold)


def batched_nms(
    boxes: Numbers, scores: Numbers, idxs: npt.ArrayLike, iou_threshold: float
) -> npt.NDArray[np.int64]:
    """As `nms`, where only boxes with the same number in `idxs` suppress each other.

    Example:
        >>> same = [[0, 0, 2, 2], [0, 0, 2, 2]]
        >>> batched_nms(same, [0.5, 0.9], [0, 1], iou_threshold=0.5).tolist()
        [1, 0]
    """
    op = "batched_nms"
    return ops.nms(
        boxes_of(boxes, op, "boxes"),
        scores_of(scores, op),
        iou_threshold,
        integers(_numbers(idxs), op, "idxs"),
    )


def soft_nms(
    boxes: Numbers,
    scores: Numbers,
    idxs: npt.ArrayLike | None = None,
    method: Literal["linear", "gaussian"] = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 1e-3,
) -> tuple[npt.NDArray[np.int64], Array]:
    """Let scores decay by overlaps with better boxes; see `ops.soft_nms`.

    Example:
        >>> numbers, scores = soft_nms([[0, 0, 2, 2], [0, 0, 2, 2]], [0.5, 0.9])
        >>> numbers.tolist(), bool(scores[1] < 0.1)
        ([1, 0], True)
    """
    op = "soft_nms"
    return ops.soft_nms(
        boxes_of(boxes, op, "boxes"),
        scores_of(scores, op),
        None if idxs is None else integers(_numbers(idxs), op, "idxs"),
        method,
        iou_threshold,
        sigma,
        score_threshold,
    )


def box_area(boxes: Numbers) -> Array:
    """Width times height.  (N, 4) -> (N,).

    Example:
        >>> box_area([[0, 0, 2, 3]]).tolist()
        [6.0]
    """
    b = boxes_of(boxes, "box_area", "boxes")
    area: Array = (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    return area


def box_convert(boxes: Numbers, in_fmt: str, out_fmt: str) -> Array:
    """Write boxes down in another way.  (N, 4) -> (N, 4).

    Args:
        boxes: in the form `in_fmt`.
        in_fmt: "xyxy" (two corners), "xywh" (a corner and sizes) or "cxcywh" (centre and sizes).
        out_fmt: likewise.

    Raises:
        ValueError: a form is unknown, or `boxes` is not (N, 4).

    Example:
        >>> box_convert([[1, 1, 3, 5]], "xyxy", "cxcywh").tolist()
        [[2.0, 3.0, 2.0, 4.0]]
    """
    op = "box_convert"
    b = boxes_of(boxes, op, "boxes").copy()
    for name, form in (("in_fmt", in_fmt), ("out_fmt", out_fmt)):
        if form not in FORMATS:
            raise ValueError(f"{op}: {name} must be one of {', '.join(FORMATS)}, got {form!r}")
    first, second = b[:, :2], b[:, 2:]
    if in_fmt == out_fmt:
        return b
    if in_fmt == "cxcywh":
        first -= second / 2
    if in_fmt != "xyxy":
        second += first
    if out_fmt != "xyxy":
        second -= first
    if out_fmt == "cxcywh":
        first += second / 2
    return b


def clip_boxes_to_image(boxes: Numbers, size: Sequence[int]) -> Array:
    """Move ends that lie outside of an image to its border.  (N, 4) -> (N, 4).

    Args:
        boxes: x1, y1, x2, y2 in rows.
        size: (height, width) of the image.

    Example:
        >>> clip_boxes_to_image([[-1, 2, 9, 9]], (5, 8)).tolist()
        [[0.0, 2.0, 8.0, 5.0]]
    """
    height, width = size
    most = np.array([width, height, width, height], np.float32)
    clipped: Array = np.clip(boxes_of(boxes, "clip_boxes_to_image", "boxes"), np.float32(0), most)
    return clipped


def remove_small_boxes(boxes: Numbers, min_size: float) -> npt.NDArray[np.int64]:
    """Numbers of the boxes both of whose sides are at least `min_size` long.

    Example:
        >>> remove_small_boxes([[0, 0, 5, 5], [0, 0, 5, 1]], 2).tolist()
        [0]
    """
    b = boxes_of(boxes, "remove_small_boxes", "boxes")
    large = (b[:, 2:] - b[:, :2] >= min_size).all(axis=1)
    return np.flatnonzero(large).astype(np.int64)


def boxes_of(boxes: Any, op: str, name: str) -> Array:
    """A float32 array (N, 4), from whatever holds such numbers; nothing at all is (0, 4)."""
    array = as_float32(_numbers(boxes))
    if array.size == 0 and array.ndim <= 2 and array.shape != (0, 4):
        array = np.zeros((0, 4), np.float32)
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(f"{op}: {name} must have shape (N, 4), got {array.shape}")
    return array


def scores_of(scores: Any, op: str) -> Array:
    """A float32 array (N,)."""
    array = as_float32(_numbers(scores))
    if array.ndim != 1:
        raise ValueError(f"{op}: scores must have shape (N,), got {array.shape}")
    return array


def _numbers(given: Any) -> Any:
    return given.data if isinstance(given, Tensor) else np.asarray(given)
