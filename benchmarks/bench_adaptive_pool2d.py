"""Adaptive pooling (csrc/kernels/adaptive_pool2d.cpp): to one pixel, as classifiers end, and to few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import normal

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from shapes import Array

# name, shape of the input, size of the output
POOLS = [
    ("resnet18 end", (8, 512, 7, 7), 1),
    ("mobilenet end", (8, 1280, 7, 7), 1),
    ("squeeze 64@112", (4, 64, 112, 112), 1),
    ("vgg 512@14 to 7", (8, 512, 14, 14), 7),
    ("uneven 256@13 to 6", (8, 256, 13, 13), 6),
]
by_pool = pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool[0])
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])
Pool = tuple[str, tuple[int, int, int, int], int]


def borders(size: int, out: int) -> list[slice]:
    return [slice(i * size // out, -((i + 1) * size // -out)) for i in range(out)]


def numpy_avg(x: Array, out: int) -> Array:
    """No loop over pixels: a mean for each window."""
    if out == 1:
        return x.mean((2, 3), keepdims=True)
    y = np.empty((x.shape[0], out, out, x.shape[1]), np.float32).transpose(0, 3, 1, 2)
    for i, rows in enumerate(borders(x.shape[2], out)):
        for j, columns in enumerate(borders(x.shape[3], out)):
            y[:, :, i, j] = x[:, :, rows, columns].mean((2, 3))
    return y


def numpy_avg_grad(dy: Array, shape: tuple[int, int, int, int]) -> Array:
    n, c, h, w = shape
    dx = np.zeros((n, h, w, c), np.float32).transpose(0, 3, 1, 2)
    for i, rows in enumerate(borders(h, dy.shape[2])):
        for j, columns in enumerate(borders(w, dy.shape[3])):
            area = (rows.stop - rows.start) * (columns.stop - columns.start)
            dx[:, :, rows, columns] += dy[:, :, i : i + 1, j : j + 1] / np.float32(area)
    return dx


def numpy_max(x: Array, out: int) -> tuple[Array, npt.NDArray[np.int64]]:
    n, c, _, width = x.shape
    y = np.empty((n, out, out, c), np.float32)
    indices = np.empty((n, out, out, c), np.int64)
    for i, rows in enumerate(borders(x.shape[2], out)):
        for j, columns in enumerate(borders(width, out)):
            pixels = x[:, :, rows, columns].transpose(0, 2, 3, 1).reshape(n, -1, c)
            at = pixels.argmax(1)
            y[:, i, j] = np.take_along_axis(pixels, at[:, np.newaxis], 1)[:, 0]
            r, s = np.divmod(at, columns.stop - columns.start)
            indices[:, i, j] = (rows.start + r) * width + columns.start + s
    return y.transpose(0, 3, 1, 2), indices.transpose(0, 3, 1, 2)


@by_contender
@by_pool
def test_adaptive_avg_pool2d(race: Callable[..., None], pool: Pool, contender: str) -> None:
    name, shape, out = pool
    x = normal(*shape)
    race(
        f"adaptive_avg_pool2d, {name}",
        contender,
        convlet=lambda: ops.adaptive_avg_pool2d(x, out),
        numpy=lambda: numpy_avg(x, out),
    )


@by_contender
@by_pool
def test_adaptive_avg_pool2d_grad(race: Callable[..., None], pool: Pool, contender: str) -> None:
    name, shape, out = pool
    dy = normal(*shape[:2], out, out)
    race(
        f"adaptive_avg_pool2d_grad, {name}",
        contender,
        convlet=lambda: ops.adaptive_avg_pool2d_grad(dy, shape),
        numpy=lambda: numpy_avg_grad(dy, shape),
    )


@by_contender
@by_pool
def test_adaptive_max_pool2d(race: Callable[..., None], pool: Pool, contender: str) -> None:
    name, shape, out = pool
    x = normal(*shape)
    race(
        f"adaptive_max_pool2d, {name}",
        contender,
        convlet=lambda: ops.adaptive_max_pool2d(x, out),
        numpy=lambda: numpy_max(x, out),
    )
