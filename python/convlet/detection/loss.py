"""What wrong answers of a detector cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops
from convlet.autograd import record
from convlet.detection.assignment import assign_points
from convlet.models.fcos import FCOS_PLACE
from convlet.tensor import as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

__all__ = ["FCOSLoss"]

_ALPHA, _GAMMA = 0.25, 2.0  # of the focal loss


class FCOSLoss:
    """Focal loss of classes, GIoU loss of boxes and cross-entropy of centre-ness, added.

    Each is a sum over places by the number of places that answer for a box (Tian et al. 2019), the
    GIoU loss weighted by the centre-ness of the place. Which place answers for which box:
    `assign_points`. Images without objects teach what is no object; boxes to be ignored teach
    nothing, and inside of them no answer is wrong.

    Called with outputs (N, P, 8 + K) of `models.fcos` and targets (N, M, 6) as `DetectionDataset`
    gives them (x1, y1, x2, y2, class, whether to ignore; rows of class -1 are no boxes) it gives the
    loss; the gradient is computed together with it.

    Raises:
        ValueError: shapes do not fit, or a class does not exist; the message names the image.

    Example:
        >>> import convlet as cl
        >>> from convlet import models
        >>> model = models.fcos(num_classes=2, seed=0)
        >>> images = cl.Tensor(np.zeros((1, 3, 64, 64), np.float32))
        >>> FCOSLoss()(model(images), np.float32([[[8, 8, 40, 40, 1, 0]]])).item() > 0
        True
    """

    def __call__(self, outputs: Tensor, targets: Any) -> Tensor:
        """One number."""
        x = as_tensor(outputs)
        rows = x.data
        objects = checked_targets("FCOSLoss", targets, rows, FCOS_PLACE)
        images, places, columns = rows.shape
        classes = columns - FCOS_PLACE
        wanted = np.zeros((images, places, classes), np.float32)
        counted = np.ones((images, places, 1), np.float32)
        distances = np.zeros((images, places, 4), np.float32)
        positive = np.zeros((images, places), bool)
        for n, real in enumerate(objects):
            found = assign_points(rows[n, :, :2], rows[n, :, 2], real[:, :4], real[:, 5] != 0)
            own = found.matched >= 0
            positive[n] = own
            distances[n] = found.distances
            wanted[n, own, real[found.matched[own], 4].astype(np.int64)] = 1
            counted[n, :, 0] = found.counted | own
        share = np.float32(1 / max(int(positive.sum()), 1))
        gradient = np.zeros(rows.shape, np.float32)
        loss = _focal(rows, wanted, counted, share, gradient)
        if positive.any():
            loss += _places(rows, distances, positive, share, gradient)
        return record(np.asarray(loss, np.float32), (x,), lambda dy: (gradient * dy,))


def _focal(rows: Array, wanted: Array, counted: Array, share: np.float32, gradient: Array) -> float:
    logits = np.ascontiguousarray(rows[..., FCOS_PLACE:])
    p = ops.sigmoid(logits)
    entropy = ops.binary_cross_entropy(logits, wanted)
    wrong = p + wanted - 2 * p * wanted
    factor = (_ALPHA * wanted + (1 - _ALPHA) * (1 - wanted)) * counted * share
    slope = wrong * wrong * (p - wanted)
    slope += _GAMMA * wrong * (1 - 2 * wanted) * p * (1 - p) * entropy
    gradient[..., FCOS_PLACE:] = factor * slope
    return float((factor * wrong * wrong * entropy).sum(dtype=np.float64))


def _places(
    rows: Array,
    distances: Array,
    positive: npt.NDArray[np.bool_],
    share: np.float32,
    gradient: Array,
) -> float:
    """The losses of boxes and of centre-ness, at places that answer for a box."""
    said, true = rows[positive], distances[positive]
    across, down = true[:, 0::2], true[:, 1::2]
    middle = np.sqrt(
        across.min(axis=1) / across.max(axis=1) * (down.min(axis=1) / down.max(axis=1))
    )
    # About the place itself, a box is (-left, -upper, right, lower).
    sign = np.array([-1, -1, 1, 1], np.float32)
    ours, theirs = np.ascontiguousarray(said[:, 3:7] * sign), true * sign
    weight = middle / np.float32(middle.sum())
    overlap = ops.paired_box_iou(ours, theirs, "giou")
    slope, _ = ops.paired_box_iou_grad(-weight, ours, theirs, "giou")
    logits = np.ascontiguousarray(said[:, 7])
    entropy = ops.binary_cross_entropy(logits, middle)
    part = np.zeros(said.shape, np.float32)
    part[:, 3:7] = slope * sign
    part[:, 7] = (ops.sigmoid(logits) - middle) * share
    gradient[positive] += part
    return float((weight * (1 - overlap)).sum() + entropy.sum() * share)


def checked_targets(op: str, targets: Any, rows: Array, first: int) -> list[Array]:
    """The objects (K, 6) of each image, of targets that fit outputs (N, P, first + classes)."""
    boxes = np.asarray(targets, np.float32)
    if rows.ndim != 3 or rows.shape[2] <= first:
        raise ValueError(f"{op}: outputs must be (N, P, {first} + classes), got {rows.shape}")
    if boxes.ndim != 3 or boxes.shape[2] != 6 or len(boxes) != len(rows):
        raise ValueError(
            f"{op}: targets must be ({len(rows)}, M, 6) for {len(rows)} images, got {boxes.shape}"
        )
    real = boxes[..., 4] >= 0
    sound = np.isfinite(boxes).all(axis=2) & (boxes[..., 2:4] > boxes[..., :2]).all(axis=2)
    sound &= boxes[..., 4] < rows.shape[2] - first
    if (real & ~sound).any():
        image, row = np.argwhere(real & ~sound)[0]
        raise ValueError(
            f"{op}: image {image} of the batch has the box {boxes[image, row].tolist()}; it must "
            f"be finite, x1 < x2, y1 < y2, with a class below {rows.shape[2] - first}"
        )
    return [image[image[:, 4] >= 0] for image in boxes]
