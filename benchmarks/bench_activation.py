"""Element-wise activation and its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import ACTIVATIONS, normal

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

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
