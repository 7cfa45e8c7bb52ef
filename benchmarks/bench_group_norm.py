"""Group normalisation and its gradient, forward with its statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import normal

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapes import Array

GROUPS = 32
# name, shape of the input
LAYERS = [("64@56", (4, 64, 56, 56)), ("256@14", (8, 256, 14, 14))]
by_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])
Layer = tuple[str, tuple[int, int, int, int]]


def grouped(x: Array) -> Array:
    """(N, H, W, G, C / G), a view where channels are innermost."""
    n, c, h, w = x.shape
    return x.transpose(0, 2, 3, 1).reshape(n, h, w, GROUPS, c // GROUPS)


def images(x: Array) -> Array:
    n, h, w, _, _ = x.shape
    return x.reshape(n, h, w, -1).transpose(0, 3, 1, 2)


def numpy_moments(x: Array) -> tuple[Array, Array]:
    pixels = grouped(x)
    return pixels.mean((1, 2, 4), keepdims=True), pixels.var((1, 2, 4), keepdims=True)


def numpy_norm(x: Array) -> Array:
    mean, variance = numpy_moments(x)
    return images((grouped(x) - mean) / np.sqrt(variance + 1e-5))


def numpy_grad(dy: Array, x: Array, mean: Array, variance: Array) -> Array:
    inverse = 1 / np.sqrt(variance + 1e-5)
    hat, slope = (grouped(x) - mean) * inverse, grouped(dy)
    axes = (1, 2, 4)
    shared = slope.mean(axes, keepdims=True) + hat * (slope * hat).mean(axes, keepdims=True)
    return images(inverse * (slope - shared))


@by_contender
@by_layer
def test_group_norm(race: Callable[..., None], layer: Layer, contender: str) -> None:
    name, shape = layer
    x = normal(*shape)
    race(
        f"group_norm, {name}",
        contender,
        convlet=lambda: ops.group_norm(x, *ops.group_moments(x, GROUPS)),
        numpy=lambda: numpy_norm(x),
    )


@by_contender
@by_layer
def test_group_norm_grad(race: Callable[..., None], layer: Layer, contender: str) -> None:
    name, shape = layer
    x, dy = normal(*shape), normal(*shape, seed=1)
    ours, theirs = ops.group_moments(x, GROUPS), numpy_moments(x)
    race(
        f"group_norm_grad, {name}",
        contender,
        convlet=lambda: ops.group_norm_grad(dy, x, *ours)[0],
        numpy=lambda: numpy_grad(dy, x, *theirs),
    )
