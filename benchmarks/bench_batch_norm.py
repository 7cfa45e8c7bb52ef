"""Batch normalisation with ReLU (csrc/kernels/norm.cpp), in training, and its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import ACTIVATIONS, normal

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

PIXELS = (0, 2, 3)

by_name = pytest.mark.parametrize("name", ACTIVATIONS)
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


def per_channel(values: Array) -> Array:
    return values[:, np.newaxis, np.newaxis]


def numpy_forward(x: Array) -> Array:
    mean, variance = x.mean(PIXELS), x.var(PIXELS)
    scale = 1 / np.sqrt(variance + np.float32(1e-5))
    return np.maximum(x * per_channel(scale) - per_channel(mean * scale), 0)


def numpy_grad(dy: Array, x: Array, y: Array, mean: Array, variance: Array) -> Array:
    scale = 1 / np.sqrt(variance + np.float32(1e-5))
    hat = (x - per_channel(mean)) * per_channel(scale)
    dz = dy * (y > 0)
    slope = per_channel((dz * hat).mean(PIXELS))
    return per_channel(scale) * (dz - per_channel(dz.mean(PIXELS)) - hat * slope)


@by_contender
@by_name
def test_batch_norm_relu(race: Callable[..., None], name: str, contender: str) -> None:
    x = normal(*ACTIVATIONS[name])
    race(
        f"batch_norm + relu, {name}",
        contender,
        convlet=lambda: ops.batch_norm(x, *ops.batch_moments(x), activation="relu"),
        numpy=lambda: numpy_forward(x),
    )


@by_contender
@by_name
def test_batch_norm_relu_grad(race: Callable[..., None], name: str, contender: str) -> None:
    x, dy = normal(*ACTIVATIONS[name]), normal(*ACTIVATIONS[name], seed=1)
    mean, variance = ops.batch_moments(x)
    y = ops.batch_norm(x, mean, variance, activation="relu")
    race(
        f"batch_norm + relu gradient, {name}",
        contender,
        convlet=lambda: ops.batch_norm_grad(dy, x, mean, variance, y=y)[0],
        numpy=lambda: numpy_grad(dy, x, y, mean, variance),
    )
