"""Fully connected layers: matrix products, in which NumPy calls a library tuned for decades."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shapes import normal

import reference
from convlet import ops
from convlet.bench import numpy_reference

if TYPE_CHECKING:
    from collections.abc import Callable

# name, rows, inputs, outputs
LAYERS = [
    ("lenet fc1", 64, 400, 120),
    ("lenet fc3", 64, 84, 10),
    ("resnet18 fc", 64, 512, 1000),
]
ONE_IMAGE = [
    ("lenet fc1, one image", 1, 400, 120),
    ("resnet50 fc, one image", 1, 2048, 1000),
    ("vgg fc2, one image", 1, 4096, 4096),
]
by_layer = pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer[0])
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])
Linear = tuple[str, int, int, int]


@by_contender
@pytest.mark.parametrize("layer", LAYERS + ONE_IMAGE, ids=lambda layer: layer[0])
def test_linear(race: Callable[..., None], layer: Linear, contender: str) -> None:
    name, rows, inputs, outputs = layer
    x, weight, bias = normal(rows, inputs), normal(outputs, inputs), normal(outputs)
    race(
        f"linear, {name}",
        contender,
        convlet=lambda: ops.linear(x, weight, bias),
        numpy=lambda: numpy_reference.linear(x, weight, bias),
    )


@by_contender
@by_layer
def test_linear_grad_input(race: Callable[..., None], layer: Linear, contender: str) -> None:
    name, rows, inputs, outputs = layer
    dy, weight = normal(rows, outputs), normal(outputs, inputs)
    race(
        f"linear_grad_input, {name}",
        contender,
        convlet=lambda: ops.linear_grad_input(dy, weight),
        numpy=lambda: dy @ weight,
    )


@by_contender
@by_layer
def test_linear_grad_weight(race: Callable[..., None], layer: Linear, contender: str) -> None:
    name, rows, inputs, outputs = layer
    dy, x = normal(rows, outputs), normal(rows, inputs)
    race(
        f"linear_grad_weight, {name}",
        contender,
        convlet=lambda: ops.linear_grad_weight(dy, x),
        numpy=lambda: dy.T @ x,
    )


@by_contender
def test_linear_grad_bias(race: Callable[..., None], contender: str) -> None:
    dy = normal(64, 120)
    race(
        "linear_grad_bias, lenet fc1",
        contender,
        convlet=lambda: ops.linear_grad_bias(dy),
        numpy=lambda: dy.sum(0),
    )


@pytest.mark.parametrize("contender", ["convlet", "numpy", "loops"])
def test_linear_small(race: Callable[..., None], contender: str) -> None:
    x, weight, bias = normal(4, 12), normal(8, 12), normal(8)
    race(
        "linear, small",
        contender,
        convlet=lambda: ops.linear(x, weight, bias),
        numpy=lambda: numpy_reference.linear(x, weight, bias),
        loops=lambda: reference.linear(x, weight, bias),
    )
