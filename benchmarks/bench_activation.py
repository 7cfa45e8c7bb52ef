"""Element-wise activations (csrc/kernels/activation.cpp) and their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import ACTIVATIONS, normal

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapes import Array

by_name = pytest.mark.parametrize("name", ACTIVATIONS)
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


@by_contender
@by_name
def test_relu(race: Callable[..., None], name: str, contender: str) -> None:
    x = normal(*ACTIVATIONS[name])
    race(
        f"relu, {name}",
        contender,
        convlet=lambda: ops.relu(x),
        numpy=lambda: np.maximum(x, 0),
    )


@by_contender
@by_name
def test_relu_grad(race: Callable[..., None], name: str, contender: str) -> None:
    dy, y = normal(*ACTIVATIONS[name]), ops.relu(normal(*ACTIVATIONS[name], seed=1))
    race(
        f"relu_grad, {name}",
        contender,
        convlet=lambda: ops.relu_grad(dy, y),
        numpy=lambda: dy * (y > 0),
    )


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
}
GRADIENTS: dict[str, Callable[[Array, Array], Array]] = {
    "relu6_grad": lambda dy, y: dy * ((y > 0) & (y < 6)),
    "sigmoid_grad": lambda dy, y: dy * y * (1 - y),
    "silu_grad": lambda dy, x: dy * (s := sigmoid(x)) * (1 + x * (1 - s)),
    "hardswish_grad": lambda dy, x: dy * np.where(x <= -3, 0, np.where(x < 3, x / 3 + 0.5, 1)),
}


@by_contender
@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions(race: Callable[..., None], function: str, contender: str) -> None:
    x = normal(*ACTIVATIONS["resnet18 64@56"])
    race(
        f"{function}, resnet18 64@56",
        contender,
        convlet=lambda: getattr(ops, function)(x),
        numpy=lambda: FUNCTIONS[function](x),
    )


@by_contender
@pytest.mark.parametrize("function", GRADIENTS)
def test_gradients(race: Callable[..., None], function: str, contender: str) -> None:
    dy, saved = (normal(*ACTIVATIONS["resnet18 64@56"], seed=seed) for seed in (0, 1))
    race(
        f"{function}, resnet18 64@56",
        contender,
        convlet=lambda: getattr(ops, function)(dy, saved),
        numpy=lambda: GRADIENTS[function](dy, saved),
    )
