"""Boxes (csrc/kernels/boxes.cpp) beside NumPy's broadcasting: anchors with objects, and suppression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapes import Array

by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


def boxes(count: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 500, (count, 2))
    return np.hstack([corner, corner + rng.uniform(10, 120, (count, 2))]).astype(np.float32)


def numpy_iou(a: Array, b: Array) -> Array:
    low = np.maximum(a[:, np.newaxis, :2], b[:, :2])
    high = np.minimum(a[:, np.newaxis, 2:], b[:, 2:])
    inter = np.clip(high - low, 0, None).prod(-1)
    area_a, area_b = (np.prod(box[:, 2:] - box[:, :2], axis=1) for box in (a, b))
    iou: Array = inter / (area_a[:, np.newaxis] + area_b - inter)
    return iou


def numpy_nms(box: Array, scores: Array, threshold: float) -> Any:
    order, kept = np.argsort(-scores, kind="stable"), []
    while len(order):
        kept.append(order[0])
        overlaps = numpy_iou(box[order[:1]], box[order[1:]])[0]
        order = order[1:][overlaps <= threshold]
    return np.array(kept)


@by_contender
@pytest.mark.parametrize(("n", "m"), [(8732, 20), (1000, 1000)])
def test_box_iou(race: Callable[..., None], n: int, m: int, contender: str) -> None:
    a, b = boxes(n, 1), boxes(m, 2)
    race(
        f"box_iou, {n} x {m}",
        contender,
        convlet=lambda: ops.box_iou(a, b),
        numpy=lambda: numpy_iou(a, b),
    )


@by_contender
@pytest.mark.parametrize("count", [200, 2000])
def test_nms(race: Callable[..., None], count: int, contender: str) -> None:
    a, scores = boxes(count, 3), np.random.default_rng(4).random(count).astype(np.float32)
    race(
        f"nms, {count} boxes",
        contender,
        convlet=lambda: ops.nms(a, scores, 0.5),
        numpy=lambda: numpy_nms(a, scores, 0.5),
    )
