"""Regions (csrc/kernels/roi_align.cpp) of a feature map beside NumPy's gathers, and the gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shapes import normal

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapes import Array

SHAPE, REGIONS, BINS, POINTS, SCALE = (1, 256, 50, 50), 100, 7, 2, 1 / 16
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


def regions() -> Array:
    rng = np.random.default_rng(0)
    corner = rng.uniform(0, 500, (REGIONS, 2))
    rows = [np.zeros((REGIONS, 1)), corner, corner + rng.uniform(32, 250, (REGIONS, 2))]
    return np.hstack(rows).astype(np.float32)


def taps(rois: Array) -> tuple[Any, Any, Array]:
    """Rows, columns and weights of the four pixels around each point: (4, K, points, points)."""
    at = (np.arange(BINS * POINTS, dtype=np.float32) + 0.5) / (BINS * POINTS)
    axes = []
    for low, high, size in ((2, 4, SHAPE[2]), (1, 3, SHAPE[3])):
        start = rois[:, low] * SCALE
        points = start[:, np.newaxis] + (rois[:, high] * SCALE - start)[:, np.newaxis] * at
        points = np.clip(points, 0, size - 1)
        left = np.floor(points).astype(int)
        axes.append((left, np.minimum(left + 1, size - 1), points - left))
    (top, below, v), (left, right, u) = axes
    v, u = v[:, :, np.newaxis], u[:, np.newaxis, :]
    weights = np.stack([(1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u]).astype(np.float32)
    rows = [top, top, below, below]
    columns = [left, right, left, right]
    return [r[:, :, np.newaxis] for r in rows], [c[:, np.newaxis, :] for c in columns], weights


def numpy_roi_align(x: Array, rois: Array) -> Array:
    pixels = x.transpose(0, 2, 3, 1)[0]
    rows, columns, weights = taps(rois)
    values = sum(weights[i][..., np.newaxis] * pixels[rows[i], columns[i]] for i in range(4))
    bins = np.reshape(values, (REGIONS, BINS, POINTS, BINS, POINTS, -1)).mean((2, 4))
    return bins.transpose(0, 3, 1, 2)


def numpy_roi_align_grad(dy: Array, rois: Array) -> Array:
    rows, columns, weights = taps(rois)
    spread = dy.transpose(0, 2, 3, 1).repeat(POINTS, 1).repeat(POINTS, 2) / POINTS**2
    dx = np.zeros((SHAPE[2], SHAPE[3], SHAPE[1]), np.float32)
    for i in range(4):
        np.add.at(dx, (rows[i], columns[i]), weights[i][..., np.newaxis] * spread)
    return dx.transpose(2, 0, 1)[np.newaxis]


@by_contender
def test_roi_align(race: Callable[..., None], contender: str) -> None:
    x, rois = normal(*SHAPE), regions()
    rois[:, 1:] = rois[:, 1:].clip(0, (SHAPE[2] - 1) / SCALE)  # NumPy's side clips
    race(
        "roi_align, 100 of 256@50",
        contender,
        convlet=lambda: ops.roi_align(x, rois, BINS, SCALE, POINTS, aligned=False),
        numpy=lambda: numpy_roi_align(x, rois),
    )


@by_contender
def test_roi_align_grad(race: Callable[..., None], contender: str) -> None:
    dy, rois = normal(REGIONS, SHAPE[1], BINS, BINS), regions()
    rois[:, 1:] = rois[:, 1:].clip(0, (SHAPE[2] - 1) / SCALE)
    race(
        "roi_align_grad, 100 of 256@50",
        contender,
        convlet=lambda: ops.roi_align_grad(dy, rois, SHAPE, SCALE, POINTS, aligned=False),
        numpy=lambda: numpy_roi_align_grad(dy, rois),
    )
