"""Cross-entropy of classes and of one logit for two, and their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import normal

import reference_loss
from convlet import ops
from convlet.bench import numpy_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapes import Array

SIZES = [(64, 10), (256, 1000)]
PIXELS = [(65536, 2), (65536, 21)]  # of four maps of 128 x 128
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])
RACES = [
    *((size, contender) for size in SIZES for contender in ("convlet", "numpy", "loops")),
    *((size, contender) for size in PIXELS for contender in ("convlet", "numpy")),
]
by_race = pytest.mark.parametrize(("size", "contender"), RACES, ids=str)


@by_race
def test_softmax_cross_entropy(
    race: Callable[..., None], size: tuple[int, int], contender: str
) -> None:
    logits, labels = normal(*size), np.arange(size[0]) % size[1]
    loops = {"loops": lambda: reference_loss.softmax_cross_entropy(logits, labels)}
    race(
        f"softmax_cross_entropy, {size}",
        contender,
        convlet=lambda: ops.softmax_cross_entropy(logits, labels),
        numpy=lambda: numpy_reference.softmax_cross_entropy(logits, labels),
        **(loops if size in SIZES else {}),
    )


@by_race
def test_softmax_cross_entropy_grad(
    race: Callable[..., None], size: tuple[int, int], contender: str
) -> None:
    logits, labels = normal(*size), np.arange(size[0]) % size[1]
    dlosses = np.full(size[0], 1 / size[0], np.float32)
    probabilities = ops.softmax_cross_entropy(logits, labels)[1]
    arguments = probabilities, labels, dlosses
    loops = {"loops": lambda: reference_loss.softmax_cross_entropy_grad(*arguments)}
    race(
        f"softmax_cross_entropy_grad, {size}",
        contender,
        convlet=lambda: ops.softmax_cross_entropy_grad(*arguments),
        numpy=lambda: numpy_reference.softmax_cross_entropy_grad(*arguments),
        **(loops if size in SIZES else {}),
    )


MAPS = (8, 1, 128, 128)


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


@by_contender
def test_binary_cross_entropy(race: Callable[..., None], contender: str) -> None:
    x, t = normal(*MAPS), sigmoid(normal(*MAPS, seed=1))
    race(
        f"binary_cross_entropy, {MAPS}",
        contender,
        convlet=lambda: ops.binary_cross_entropy(x, t),
        numpy=lambda: np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x))),
    )


@by_contender
def test_binary_cross_entropy_grad(race: Callable[..., None], contender: str) -> None:
    x, t = normal(*MAPS), sigmoid(normal(*MAPS, seed=1))
    dlosses = normal(*MAPS, seed=2)
    race(
        f"binary_cross_entropy_grad, {MAPS}",
        contender,
        convlet=lambda: ops.binary_cross_entropy_grad(dlosses, x, t),
        numpy=lambda: dlosses * (sigmoid(x) - t),
    )
