"""Batch normalisation with ReLU (csrc/kernels/norm.cpp), in training, and its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shapes import ACTIVATIONS, normal

from convlet import ops
from convlet.bench import numpy_reference

if TYPE_CHECKING:
    from collections.abc import Callable


by_name = pytest.mark.parametrize("name", ACTIVATIONS)
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


@by_contender
@by_name
def test_batch_norm_relu(race: Callable[..., None], name: str, contender: str) -> None:
    x = normal(*ACTIVATIONS[name])
    race(
        f"batch_norm + relu, {name}",
        contender,
        convlet=lambda: ops.batch_norm(x, *ops.batch_moments(x), activation="relu"),
        numpy=lambda: numpy_reference.batch_norm_relu(x),
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
        convlet=lambda: ops.batch_norm_grad(
            dy, x, mean, variance, scale_shift=ops.batch_norm_scale_shift(mean, variance)
        )[0],
        numpy=lambda: numpy_reference.batch_norm_relu_grad(dy, x, y, mean, variance)[0],
    )
