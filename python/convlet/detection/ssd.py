"""SSD: which default box answers for which object, what wrong answers cost, and boxes from answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops
from convlet.autograd import record
from convlet.detection.decoding import Detections, keep_best
from convlet.detection.loss import checked_targets
from convlet.models.ssdlite import SSD_PLACE
from convlet.tensor import as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

__all__ = ["SSDLoss", "decode_ssd", "match_boxes"]

_SPREAD = np.array([10, 10, 5, 5], np.float32)  # by which offsets are multiplied
_LARGEST = math.log(1000 / 16)  # of the logarithm of a factor of width or height
_WRONG_TO_RIGHT = 3  # default boxes without an object that are counted for one with an object
_COVERED = 0.5  # share of a default box in a region to be ignored from which it costs nothing


class SSDLoss:
    """Cross-entropy of classes with the background, and smooth L1 loss of offsets, added.

    Both are sums over default boxes by the number of those that answer for an object
    (`match_boxes`). Of the others of an image only the three times as many with the highest loss are
    counted (Liu et al. 2016, arXiv:1512.02325, 2.2); of an image without objects, three. Inside of
    regions to be ignored no answer is wrong.

    Called with outputs (N, P, 9 + K) of `models.ssdlite320_mobilenet_v3_large` and targets (N, M, 6)
    as `DetectionDataset` gives them it gives the loss; the gradient is computed together with it.

    Raises:
        ValueError: shapes do not fit, or a class does not exist; the message names the image.

    Example:
        >>> import convlet as cl
        >>> from convlet import models
        >>> model = models.ssdlite320_mobilenet_v3_large(num_classes=2, seed=0)
        >>> images = cl.Tensor(np.zeros((2, 3, 64, 64), np.float32))
        >>> SSDLoss()(model(images), np.float32([[[8, 8, 40, 40, 1, 0]]] * 2)).item() > 0
        True
    """

    def __call__(self, outputs: Tensor, targets: Any) -> Tensor:
        """One number."""
        x = as_tensor(outputs)
        rows = x.data
        objects = checked_targets("SSDLoss", targets, rows, SSD_PLACE)
        images, places, _ = rows.shape
        label = np.zeros((images, places), np.int64)
        wanted = np.zeros((images, places, 4), np.float32)
        counted = np.ones((images, places), bool)
        for n, real in enumerate(objects):
            boxes = rows[n, :, :4]
            matched, counted[n] = match_boxes(boxes, real[:, :4], real[:, 5] != 0)
            own = np.flatnonzero(matched >= 0)
            label[n, own] = 1 + real[matched[own], 4].astype(np.int64)
            wanted[n, own] = _offsets(boxes[own], real[matched[own], :4])
        positive = label > 0
        share = np.float32(1 / max(int(positive.sum()), 1))
        gradient = np.zeros(rows.shape, np.float32)
        scores = rows[..., SSD_PLACE - 1 :]
        logarithms = _log_softmax(scores)
        entropy = -np.take_along_axis(logarithms, label[..., None], 2)[..., 0]
        chosen = positive | _hardest(entropy, positive, counted)
        slope = np.exp(logarithms[chosen])
        slope[np.arange(len(slope)), label[chosen]] -= 1
        gradient[..., SSD_PLACE - 1 :][chosen] = slope * share
        far = rows[..., 4:8][positive] - wanted[positive]
        inner = np.clip(far, -1, 1)  # the slope of the smooth L1 loss
        parts = gradient[..., 4:8]
        parts[positive] = inner * share
        total = entropy[chosen].sum(dtype=np.float64)
        total += (inner * (far - inner / 2)).sum(dtype=np.float64)
        return record(np.asarray(total * share, np.float32), (x,), lambda dy: (gradient * dy,))


def match_boxes(
    defaults: Array,
    boxes: Array,
    ignored: npt.NDArray[np.bool_],
    threshold: float = 0.5,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Which object each default box answers for (Liu et al. 2016, 2.2).

    It answers for the one it overlaps most, if their IoU is at least the threshold; and the default
    box that overlaps an object most answers for it in any case.

    Args:
        defaults: (P, 4), x and y of the middle, width, height.
        boxes: (M, 4), x1, y1, x2, y2, each with an area.
        ignored: (M,), which boxes are regions to be ignored.
        threshold: the least IoU.

    Returns:
        Numbers of boxes, -1 for none, int64 (P,); and bool (P,), False where a default box without an
        object lies in a region to be ignored by half or more.

    Example:
        >>> defaults = np.float32([[5, 5, 10, 10], [5, 5, 4, 4], [25, 5, 10, 10]])
        >>> boxes = np.float32([[0, 0, 9, 10], [21, 3, 23, 5]])
        >>> match_boxes(defaults, boxes, np.array([False, False]))[0].tolist()
        [0, -1, 1]
    """
    corners = _corners(defaults)
    matched = np.full(len(defaults), -1, np.int64)
    counted = np.ones(len(defaults), bool)
    if len(boxes) == 0 or len(defaults) == 0:
        return matched, counted
    regions, wanted = boxes[ignored], np.flatnonzero(~ignored)
    if len(regions):
        inside = np.minimum(corners[:, None, 2:], regions[:, 2:])
        inside = inside - np.maximum(corners[:, None, :2], regions[:, :2])
        share = inside.clip(0).prod(axis=2) / (defaults[:, 2] * defaults[:, 3])[:, None]
        counted = ~(share >= _COVERED).any(axis=1)
    if len(wanted):
        iou = ops.box_iou(np.ascontiguousarray(boxes[wanted]), corners)
        best = iou.argmax(axis=0)
        found = iou[best, np.arange(len(defaults))] >= threshold
        matched[found] = wanted[best[found]]
        matched[iou.argmax(axis=1)] = wanted
    return matched, counted


def decode_ssd(
    outputs: Array,
    size: Sequence[float],
    *,
    score_threshold: float = 0.05,
    iou_threshold: float = 0.55,
    most: int = 100,
    across_classes: bool = False,
) -> list[Detections]:
    """Boxes from the outputs of an `SSDLite`, for each image.  (N, P, 9 + K) -> N Detections.

    A score is the class's share of the softmax, in which the background takes part; `keep_best` says
    which stay. Arguments and errors are those of `decode_fcos`.

    Example:
        >>> row = [8, 8, 4, 4, 0, 0, 0, 0, -9, -9, 9]  # a default box as it is, of class 1
        >>> found = decode_ssd(np.float32([[row]]), (16, 16))[0]
        >>> found.boxes.tolist(), found.labels.tolist()
        ([[6.0, 6.0, 10.0, 10.0]], [1])
    """
    rows = np.asarray(outputs, np.float32)
    if rows.ndim != 3 or rows.shape[2] <= SSD_PLACE:
        raise ValueError(
            f"decode_ssd: outputs must be (N, P, {SSD_PLACE} + classes), got {rows.shape}"
        )
    scores = np.exp(_log_softmax(rows[..., SSD_PLACE - 1 :]))[..., 1:]
    offsets = rows[..., 4:8] / _SPREAD
    boxes = np.empty((*rows.shape[:2], 4), np.float32)
    boxes[..., :2] = rows[..., :2] + offsets[..., :2] * rows[..., 2:4]
    boxes[..., 2:] = rows[..., 2:4] * np.exp(np.minimum(offsets[..., 2:], np.float32(_LARGEST)))
    return [
        keep_best(
            _corners(boxes[n]),
            scores[n],
            size,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            most=most,
            across_classes=across_classes,
        )
        for n in range(len(rows))
    ]


def _corners(boxes: Array) -> Array:
    """Middles and sides as corners."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1).astype(np.float32)


def _offsets(defaults: Array, boxes: Array) -> Array:
    """What a network has to say of default boxes for them to become boxes."""
    sides = boxes[:, 2:] - boxes[:, :2]
    middles = boxes[:, :2] + sides / 2
    shift = (middles - defaults[:, :2]) / defaults[:, 2:]
    offsets: Array = np.concatenate([shift, np.log(sides / defaults[:, 2:])], axis=1) * _SPREAD
    return offsets


def _log_softmax(scores: Array) -> Array:
    shifted = scores - scores.max(axis=2, keepdims=True)
    logarithms: Array = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    return logarithms


def _hardest(
    entropy: Array, positive: npt.NDArray[np.bool_], counted: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Of default boxes without an object, those with the highest loss of each image."""
    able = counted & ~positive
    order = np.argsort(np.where(able, -entropy, np.inf), axis=1, kind="stable")
    most = _WRONG_TO_RIGHT * np.maximum(positive.sum(axis=1), 1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(order.shape[1])[None], axis=1)
    hardest: npt.NDArray[np.bool_] = able & (rank < most[:, None])
    return hardest
