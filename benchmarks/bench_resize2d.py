"""Resizing (csrc/kernels/resize2d.cpp) and its gradient: the doubling of U-Net's way up, and others."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import normal

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapes import Array

# name, shape of the input, size of the output
SIZES = [
    ("unet 64@64 to 128", (2, 64, 64, 64), 128),
    ("fpn 256@13 to 26", (4, 256, 13, 13), 26),
    ("96@50 to 33", (4, 96, 50, 50), 33),
]
by_size = pytest.mark.parametrize("size", SIZES, ids=lambda size: size[0])
by_mode = pytest.mark.parametrize("mode", ["nearest", "bilinear"])
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])
Size = tuple[str, tuple[int, int, int, int], int]


@cache
def matrix(size: int, out: int, mode: str) -> Array:
    """Weights (out, size) of one axis: products with them are what NumPy is best at."""
    weights = np.zeros((out, size), np.float32)
    at = np.arange(out) * size / out
    if mode == "bilinear":
        at = np.clip((np.arange(out) + 0.5) * size / out - 0.5, 0, size - 1)
    left = np.floor(at).astype(int)
    part = at - left if mode == "bilinear" else np.zeros(out)
    weights[np.arange(out), left] = 1 - part
    weights[np.arange(out), np.minimum(left + 1, size - 1)] += part.astype(np.float32)
    return weights


def numpy_resize(x: Array, out: int, mode: str) -> Array:
    if mode == "nearest":
        at = np.arange(out) * x.shape[2] // out
        pixels = x.transpose(0, 2, 3, 1)[:, at[:, np.newaxis], at]
        return pixels.transpose(0, 3, 1, 2)
    return products(x, matrix(x.shape[2], out, mode))


def products(x: Array, weights: Array) -> Array:
    n, c, h, w = x.shape
    rows = weights @ x.transpose(0, 2, 3, 1).reshape(n, h, w * c)
    pixels = weights @ rows.reshape(n, -1, w, c)
    return pixels.transpose(0, 3, 1, 2)


@by_contender
@by_mode
@by_size
def test_resize2d(race: Callable[..., None], size: Size, mode: str, contender: str) -> None:
    name, shape, out = size
    x = normal(*shape)
    race(
        f"resize2d {mode}, {name}",
        contender,
        convlet=lambda: ops.resize2d(x, out, mode),
        numpy=lambda: numpy_resize(x, out, mode),
    )


@by_contender
@by_mode
@by_size
def test_resize2d_grad(race: Callable[..., None], size: Size, mode: str, contender: str) -> None:
    name, shape, out = size
    dy = normal(*shape[:2], out, out)
    race(
        f"resize2d_grad {mode}, {name}",
        contender,
        convlet=lambda: ops.resize2d_grad(dy, shape, mode),
        numpy=lambda: products(dy, np.ascontiguousarray(matrix(shape[2], out, mode).T)),
    )
