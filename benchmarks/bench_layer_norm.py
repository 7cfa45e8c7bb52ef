"""Layer normalisation (csrc/kernels/layer_norm.cpp) and its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import normal

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapes import Array

# name, rows and features
LAYERS = [("convnext 96", (4 * 56 * 56, 96)), ("vit 768", (8 * 197, 768))]
by_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])
Layer = tuple[str, tuple[int, int]]


def numpy_norm(x: Array, weight: Array) -> Array:
    mean, variance = x.mean(1, keepdims=True), x.var(1, keepdims=True)
    return (x - mean) / np.sqrt(variance + 1e-5) * weight


def numpy_grad(
    dy: Array, x: Array, mean: Array, inverse: Array, weight: Array
) -> tuple[Array, Array, Array]:
    hat, g = (x - mean[:, np.newaxis]) * inverse[:, np.newaxis], dy * weight
    dx = g - g.mean(1, keepdims=True) - hat * (g * hat).mean(1, keepdims=True)
    return dx * inverse[:, np.newaxis], (dy * hat).sum(0), dy.sum(0)


@by_contender
@by_layer
def test_layer_norm(race: Callable[..., None], layer: Layer, contender: str) -> None:
    name, (rows, features) = layer
    x, weight = normal(rows, features), normal(features)
    race(
        f"layer_norm, {name}",
        contender,
        convlet=lambda: ops.layer_norm(x, features, weight)[0],
        numpy=lambda: numpy_norm(x, weight),
    )


@by_contender
@by_layer
def test_layer_norm_grad(race: Callable[..., None], layer: Layer, contender: str) -> None:
    name, (rows, features) = layer
    x, dy, weight = normal(rows, features), normal(rows, features, seed=1), normal(features)
    moments = ops.layer_norm(x, features)[1:]
    race(
        f"layer_norm_grad, {name}",
        contender,
        convlet=lambda: ops.layer_norm_grad(dy, x, *moments, weight),
        numpy=lambda: numpy_grad(dy, x, *moments, weight),
    )
