"""Adaptive pooling in the plainest loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reference import Array, Pair

    Window = tuple[int, int, int, int, int, int]


def windows(size: tuple[int, ...], out: tuple[int, ...]) -> Iterator[Window]:
    """(i, j, top, bottom, left, right) of each window, by counting which pixels it touches."""

    def touched(i: int, size: int, out: int) -> tuple[int, int]:
        inside = [p for p in range(size) if p * out < (i + 1) * size and (p + 1) * out > i * size]
        return inside[0], inside[-1] + 1

    for i in range(out[0]):
        for j in range(out[1]):
            yield i, j, *touched(i, size[0], out[0]), *touched(j, size[1], out[1])


def adaptive_max_pool2d(x: Array, out: Pair) -> tuple[Array, Array]:
    """The first largest value of each window, or its first NaN; and its pixel h * W + w."""
    y = np.zeros((*x.shape[:2], *out), x.dtype)
    indices = np.zeros(y.shape, np.int64)
    for i, j, top, bottom, left, right in windows(x.shape[2:], out):
        flat = x[:, :, top:bottom, left:right].reshape(*x.shape[:2], -1)
        at = flat.argmax(-1)  # the first NaN, else the first largest
        y[:, :, i, j] = np.take_along_axis(flat, at[..., np.newaxis], -1)[..., 0]
        r, s = np.divmod(at, right - left)
        indices[:, :, i, j] = (top + r) * x.shape[3] + left + s
    return y, indices


def adaptive_max_pool2d_grad(dy: Array, indices: Array, shape: tuple[int, ...]) -> Array:
    dx = np.zeros(shape, dy.dtype)
    for n, c, i, j in np.ndindex(dy.shape):
        h, w = divmod(int(indices[n, c, i, j]), shape[3])
        dx[n, c, h, w] += dy[n, c, i, j]
    return dx


def adaptive_avg_pool2d(x: Array, out: Pair) -> Array:
    y = np.zeros((*x.shape[:2], *out), np.float64)
    for i, j, top, bottom, left, right in windows(x.shape[2:], out):
        area = (bottom - top) * (right - left)
        y[:, :, i, j] = x[:, :, top:bottom, left:right].sum((2, 3)) / area
    return y


def adaptive_avg_pool2d_grad(dy: Array, shape: tuple[int, ...]) -> Array:
    dx = np.zeros(shape, np.float64)
    for i, j, top, bottom, left, right in windows(shape[2:], dy.shape[2:]):
        share = dy[:, :, i, j] / ((bottom - top) * (right - left))
        dx[:, :, top:bottom, left:right] += share[:, :, np.newaxis, np.newaxis]
    return dx
