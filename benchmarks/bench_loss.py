"""Softmax cross-entropy and its gradient."""

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

SIZES = [(64, 10), (256, 1000)]
by_size = pytest.mark.parametrize("size", SIZES, ids=str)
with_loops = pytest.mark.parametrize("contender", ["convlet", "numpy", "loops"])


@with_loops
@by_size
def test_softmax_cross_entropy(
    race: Callable[..., None], size: tuple[int, int], contender: str
) -> None:
    logits, labels = normal(*size), np.arange(size[0]) % size[1]
    race(
        f"softmax_cross_entropy, {size}",
        contender,
        convlet=lambda: ops.softmax_cross_entropy(logits, labels),
        numpy=lambda: numpy_reference.softmax_cross_entropy(logits, labels),
        loops=lambda: reference_loss.softmax_cross_entropy(logits, labels),
    )


@with_loops
@by_size
def test_softmax_cross_entropy_grad(
    race: Callable[..., None], size: tuple[int, int], contender: str
) -> None:
    logits, labels = normal(*size), np.arange(size[0]) % size[1]
    dlosses = np.full(size[0], 1 / size[0], np.float32)
    probabilities = ops.softmax_cross_entropy(logits, labels)[1]
    arguments = probabilities, labels, dlosses
    race(
        f"softmax_cross_entropy_grad, {size}",
        contender,
        convlet=lambda: ops.softmax_cross_entropy_grad(*arguments),
        numpy=lambda: numpy_reference.softmax_cross_entropy_grad(*arguments),
        loops=lambda: reference_loss.softmax_cross_entropy_grad(*arguments),
    )
