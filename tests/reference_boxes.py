"""Boxes and regions in the plainest loops, in float64."""

from __future__ import annotations

from math import atan2, ceil, exp, pi
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reference import Array

    Box = Sequence[float] | Array


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(a: Box, b: Box, kind: str, eps: float = 0.0) -> float:
    """One of the four measures of two boxes."""
    width = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0)
    height = max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    union = area(a) + area(b) - width * height
    iou = width * height / (union + eps) if union + eps > 0 else 0.0
    if kind == "iou":
        return iou
    wide, high = max(a[2], b[2]) - min(a[0], b[0]), max(a[3], b[3]) - min(a[1], b[1])
    if kind == "giou":
        return iou - ((wide * high - union) / (wide * high + eps) if wide * high + eps > 0 else 0)
    far = ((a[0] + a[2] - b[0] - b[2]) / 2) ** 2 + ((a[1] + a[3] - b[1] - b[3]) / 2) ** 2
    across = wide**2 + high**2 + eps
    diou = iou - (far / across if across > 0 else 0)
    if kind == "diou":
        return diou
    turn = atan2(b[2] - b[0], b[3] - b[1]) - atan2(a[2] - a[0], a[3] - a[1])
    v = 4 / pi**2 * turn**2
    return diou - (v * v / (1 - iou + v + eps) if v > 0 else 0.0)


def nms(boxes: Array, scores: Array, threshold: float, idxs: Sequence[int]) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(idxs[i] != idxs[k] or overlap(boxes[i], boxes[k], "iou") <= threshold for k in kept):
            kept.append(i)
    return kept


def soft_nms(boxes: Array, scores: Array, sigma: float, least: float) -> dict[int, float]:
    """The gaussian rule: number to score."""
    left, kept = {i: float(s) for i, s in enumerate(scores)}, {}
    while left and max(left.values()) >= least:
        top = max(left, key=lambda i: left[i])
        kept[top] = left.pop(top)
        for i in left:
            left[i] *= exp(-(overlap(boxes[top], boxes[i], "iou") ** 2) / sigma)
    return kept


def bilinear(image: Array, y: float, x: float) -> Array:
    """The value of (C, H, W) between pixels; 0 further than a pixel outside."""
    height, width = image.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(len(image))
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = int(y), int(x)
    below, right = min(top + 1, height - 1), min(left + 1, width - 1)
    v, u = y - top, x - left
    value: Array = (1 - v) * ((1 - u) * image[:, top, left] + u * image[:, top, right]) + v * (
        (1 - u) * image[:, below, left] + u * image[:, below, right]
    )
    return value


def roi_align(
    x: Array, rois: Array, out: tuple[int, int], scale: float, ratio: int, aligned: bool
) -> Array:
    y = np.zeros((len(rois), x.shape[1], *out))
    for k, (image, *corners) in enumerate(rois.astype(np.float64)):
        x1, y1, x2, y2 = (c * scale - 0.5 * aligned for c in corners)
        width, height = x2 - x1, y2 - y1
        if not aligned:
            width, height = max(width, 1.0), max(height, 1.0)
        bin_h, bin_w = height / out[0], width / out[1]
        rows = ratio if ratio > 0 else max(ceil(bin_h), 0)
        columns = ratio if ratio > 0 else max(ceil(bin_w), 0)
        for i, j in np.ndindex(out):
            for a, b in np.ndindex(rows, columns):
                at = y1 + (i + (a + 0.5) / rows) * bin_h, x1 + (j + (b + 0.5) / columns) * bin_w
                y[k, :, i, j] += bilinear(x[int(image)], *at) / max(rows * columns, 1)
    return y
