"""Faces on photographs, by MTCNN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import convlet as cl
from convlet import ops

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.models.mtcnn import MTCNN
    from convlet.ops._arguments import Array

__all__ = ["Faces", "find_faces"]

_CELL, _STRIDE = 12, 2  # of the first network
_BATCH = 256


class Faces(NamedTuple):
    """The K faces of an image, from the surest on.

    Attributes:
        boxes: float32 (K, 4), x1, y1, x2, y2 in pixels.
        scores: float32 (K,).
        labels: int64 (K,), zeros.
        points: float32 (K, 5, 2), x and y of the left and the right eye as one sees them, the nose,
            the left and the right corner of the mouth.
    """

    boxes: Array
    scores: Array
    labels: npt.NDArray[np.int64]
    points: Array


def find_faces(
    model: MTCNN,
    image: npt.NDArray[np.uint8],
    *,
    smallest: int = 20,
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7),
    factor: float = 0.709,
) -> Faces:
    """Find faces in three stages, each of which throws most windows of the one before away.

    Zhang et al. 2016, "Joint face detection and alignment using multitask cascaded convolutional
    networks", arXiv:1604.02878.

    Args:
        model: `models.mtcnn()`.
        image: uint8 (3, H, W).
        smallest: the least side of a face in pixels.
        thresholds: how sure each stage has to be.
        factor: from each scale at which faces are looked for to the next.

    Raises:
        TypeError: the image is not uint8.
        ValueError: the image is not (3, H, W), or a number is out of range.

    Example:
        >>> from convlet import models
        >>> model = models.mtcnn(weights=None)  # with those of facenet-pytorch unless told
        >>> found = find_faces(model, np.zeros((3, 24, 24), np.uint8))
        >>> found.boxes.shape[1:], found.points.shape[1:]
        ((4,), (5, 2))
    """
    given: Any = image
    if not isinstance(given, np.ndarray) or given.dtype != np.uint8:
        kind = getattr(given, "dtype", type(given).__name__)
        raise TypeError(f"find_faces: image must be uint8, got {kind}")
    if image.ndim != 3 or image.shape[0] != 3:
        raise ValueError(f"find_faces: image must be (3, H, W), got {image.shape}")
    if smallest < 1 or not 0 < factor < 1:
        raise ValueError(
            f"find_faces: smallest must be at least 1 and factor in (0, 1), "
            f"got {smallest} and {factor}"
        )
    pixels = image[None].astype(np.float32)
    with cl.evaluating(model), cl.no_grad():
        boxes = _proposals(model, pixels, _CELL / smallest, factor, thresholds[0])
        boxes = _square(boxes)
        boxes, scores, moves, _ = _judge(model.rnet, pixels, boxes, 24, thresholds[1])
        chosen = ops.nms(boxes, scores, 0.7)
        boxes = _square(_corrected(boxes[chosen], moves[chosen]))
        boxes, scores, moves, extra = _judge(model.onet, pixels, boxes, 48, thresholds[2])
    sides = boxes[:, None, 2:] - boxes[:, None, :2] + 1
    shares = np.stack([extra[:, :5], extra[:, 5:10]], axis=2)
    points = shares * sides + boxes[:, None, :2] - 1
    boxes = _corrected(boxes, moves)
    chosen = _apart(boxes, scores, 0.7)
    labels = np.zeros(len(chosen), np.int64)
    return Faces(boxes[chosen], scores[chosen], labels, points[chosen].astype(np.float32))


def _proposals(model: MTCNN, pixels: Array, scale: float, factor: float, threshold: float) -> Array:
    height, width = pixels.shape[2:]
    found, moved = [np.zeros((0, 4), np.float32)], [np.zeros((0, 4), np.float32)]
    scores = [np.zeros(0, np.float32)]
    while min(height, width) * scale >= _CELL:
        small = _area_resized(pixels, (int(height * scale + 1), int(width * scale + 1)))
        faces, moves = (part.numpy() for part in model.pnet(_normal(small)))
        row, column = np.nonzero(faces[0, 1] >= threshold)
        corner = np.stack([column, row], axis=1) * _STRIDE
        window = np.concatenate([(corner + 1) // scale, (corner + _CELL) // scale], axis=1)
        sure = faces[0, 1, row, column]
        chosen = ops.nms(window.astype(np.float32), sure, 0.5)
        own = moves[0, :, row, column][chosen]
        found.append(window[chosen].astype(np.float32))
        moved.append(_moved(found[-1], own))
        scores.append(sure[chosen])
        scale *= factor
    chosen = ops.nms(np.concatenate(found), np.concatenate(scores), 0.7)
    return np.concatenate(moved)[chosen]


def _moved(window: Array, moves: Array) -> Array:
    sides = window[:, 2:] - window[:, :2]
    moved: Array = window + moves * np.concatenate([sides, sides], axis=1)
    return moved.astype(np.float32)


def _corrected(boxes: Array, moves: Array) -> Array:
    sides = boxes[:, 2:] - boxes[:, :2] + 1
    corrected: Array = boxes + moves * np.concatenate([sides, sides], axis=1)
    return corrected.astype(np.float32)


def _square(boxes: Array) -> Array:
    sides = boxes[:, 2:] - boxes[:, :2]
    side = sides.max(axis=1, keepdims=True)
    start = boxes[:, :2] + sides / 2 - side / 2
    return np.concatenate([start, start + side], axis=1).astype(np.float32)


def _judge(
    network: Any, pixels: Array, boxes: Array, side: int, threshold: float
) -> tuple[Array, Array, Array, Array]:
    """Windows that a network takes for faces, with scores, corrections and points."""
    height, width = pixels.shape[2:]
    edges = np.trunc(boxes).astype(np.int64)
    edges[:, :2] = np.maximum(edges[:, :2], 1)
    edges[:, 2:] = np.minimum(edges[:, 2:], [width, height])
    sound = (edges[:, 2:] >= edges[:, :2]).all(axis=1)
    boxes, edges = boxes[sound], edges[sound]
    rows = [(np.zeros((0, 2)), np.zeros((0, 4)), np.zeros((0, 10)))]
    for first in range(0, len(boxes), _BATCH):
        windows = [
            _area_resized(pixels[:, :, y1 - 1 : y2, x1 - 1 : x2], (side, side))
            for x1, y1, x2, y2 in edges[first : first + _BATCH].tolist()
        ]
        outputs = [part.numpy() for part in network(_normal(np.concatenate(windows)))]
        rows.append((outputs[0], outputs[1], outputs[2] if len(outputs) > 2 else rows[0][2]))
    faces, moves, extra = (
        np.concatenate(column).astype(np.float32) for column in zip(*rows, strict=True)
    )
    kept = np.flatnonzero(faces[:, 1] > threshold)
    points = extra[kept] if len(extra) else extra
    return boxes[kept], faces[kept, 1], moves[kept], points


def _apart(boxes: Array, scores: Array, most: float) -> npt.NDArray[np.int64]:
    """Boxes from the surest on of which no better one covers a larger share than `most`."""
    kept: list[int] = []
    for number in np.argsort(-scores, kind="stable").tolist():
        others = boxes[kept]
        sides = np.minimum(boxes[number, 2:], others[:, 2:]) - np.maximum(
            boxes[number, :2], others[:, :2]
        )
        shared = np.maximum(sides + 1, 0).prod(axis=1)
        areas = (others[:, 2:] - others[:, :2] + 1).prod(axis=1)
        own = (boxes[number, 2:] - boxes[number, :2] + 1).prod()
        if not (shared / np.minimum(areas, own) > most).any():
            kept.append(number)
    return np.array(kept, np.int64)


def _area_resized(pixels: Array, size: tuple[int, int]) -> Array:
    return ops.adaptive_avg_pool2d(pixels, size)


def _normal(pixels: Array) -> cl.Tensor:
    return cl.Tensor((pixels - np.float32(127.5)) / np.float32(128))
