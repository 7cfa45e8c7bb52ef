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


def gelu_grad(dy: Array, x: Array) -> Array:
    t = np.tanh(0.7978846 * (x + 0.044715 * x * x * x))
    bend = 0.5 * x * (1 - t * t) * 0.7978846 * (1 + 3 * 0.044715 * x * x)
    return dy * (0.5 * (1 + t) + bend)


# NumPy has no error function: GELU is the one by tanh on both sides.
MORE = {"gelu": ("tanh",), "gelu_grad": ("tanh",)}
FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "relu6": lambda x: np.clip(x, 0, 6),
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
    "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "tanh": np.tanh,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(0.7978846 * (x + 0.044715 * x * x * x))),
    "softplus": lambda x: np.logaddexp(0, x),
    "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
}
GRADIENTS: dict[str, Callable[[Array, Array], Array]] = {
    "relu6_grad": lambda dy, y: dy * ((y > 0) & (y < 6)),
    "sigmoid_grad": lambda dy, y: dy * y * (1 - y),
    "silu_grad": lambda dy, x: dy * (s := sigmoid(x)) * (1 + x * (1 - s)),
    "hardswish_grad": lambda dy, x: dy * np.where(x <= -3, 0, np.where(x < 3, x / 3 + 0.5, 1)),
    "tanh_grad": lambda dy, y: dy * (1 - y * y),
    "elu_grad": lambda dy, x: dy * np.where(x > 0, 1, np.exp(np.minimum(x, 0))),
    "gelu_grad": gelu_grad,
    "softplus_grad": lambda dy, x: dy * sigmoid(x),
}


@by_contender
@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions(race: Callable[..., None], function: str, contender: str) -> None:
    x = normal(*ACTIVATIONS["resnet18 64@56"])
    race(
        f"{function}, resnet18 64@56",
        contender,
        convlet=lambda: getattr(ops, function)(x, *MORE.get(function, ())),
        numpy=lambda: FUNCTIONS[function](x),
    )


@by_contender
@pytest.mark.parametrize("function", GRADIENTS)
def test_gradients(race: Callable[..., None], function: str, contender: str) -> None:
    dy, saved = (normal(*ACTIVATIONS["resnet18 64@56"], seed=seed) for seed in (0, 1))
    race(
        f"{function}, resnet18 64@56",
        contender,
        convlet=lambda: getattr(ops, function)(dy, saved, *MORE.get(function, ())),
        numpy=lambda: GRADIENTS[function](dy, saved),
    )
