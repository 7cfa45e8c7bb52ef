"""Dropout and its gradient."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import ACTIVATIONS, normal

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

P = 0.25
SCALE = np.float32(1 / (1 - P))

by_name = pytest.mark.parametrize("name", ACTIVATIONS)
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


@by_contender
@by_name
def test_dropout(race: Callable[..., None], name: str, contender: str) -> None:
    x, rng = normal(*ACTIVATIONS[name]), np.random.default_rng(0)

    def by_numpy() -> tuple[np.ndarray, np.ndarray]:
        mask = rng.random(x.shape, dtype=np.float32) >= P
        return x * (mask * SCALE), mask

    # They draw other bits: what must agree is how much is kept, and its scale.
    for y in (by_numpy()[0], ops.dropout(x, P, seed=3)[0]):
        kept = y != 0
        assert abs(kept.mean() - (1 - P)) < 0.01
        assert np.allclose(y[kept], x[kept] * SCALE)
    race(
        f"dropout, {name}",
        contender,
        same=False,
        convlet=lambda: ops.dropout(x, P, seed=3),
        numpy=by_numpy,
    )


@by_contender
@by_name
def test_dropout_grad(race: Callable[..., None], name: str, contender: str) -> None:
    dy = normal(*ACTIVATIONS[name])
    y, mask = ops.dropout(np.ones_like(dy), P, seed=3)
    kept = y != 0
    race(
        f"dropout_grad, {name}",
        contender,
        convlet=lambda: ops.dropout_grad(dy, mask, P),
        numpy=lambda: dy * (kept * SCALE),
    )
