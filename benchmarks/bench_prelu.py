"""ReLU with a learnt slope (csrc/kernels/prelu.cpp), and its gradients."""

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


def slopes(x: Array) -> Array:
    return np.linspace(0.1, 0.4, x.shape[1], dtype=np.float32)


@by_contender
@by_name
def test_prelu(race: Callable[..., None], name: str, contender: str) -> None:
    x = normal(*ACTIVATIONS[name])
    weight = slopes(x)
    spread = weight.reshape(-1, 1, 1)
    race(
        f"prelu, {name}",
        contender,
        convlet=lambda: ops.prelu(x, weight),
        numpy=lambda: np.where(x > 0, x, spread * x),
    )


@by_contender
@by_name
def test_prelu_grad(race: Callable[..., None], name: str, contender: str) -> None:
    dy, x = normal(*ACTIVATIONS[name]), normal(*ACTIVATIONS[name], seed=1)
    weight = slopes(x)
    spread = weight.reshape(-1, 1, 1)

    def by_numpy() -> tuple[Array, Array]:
        passes = x > 0
        return np.where(passes, dy, spread * dy), np.where(passes, 0, dy * x).sum((0, 2, 3))

    race(
        f"prelu_grad, {name}",
        contender,
        convlet=lambda: ops.prelu_grad(dy, x, weight),
        numpy=by_numpy,
    )
