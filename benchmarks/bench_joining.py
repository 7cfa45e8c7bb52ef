"""Residual sums, joined channels (csrc/joining.cpp) and shuffled ones (csrc/pixel_shuffle.cpp)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import ACTIVATIONS, normal

from convlet import ops
from convlet.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

by_name = pytest.mark.parametrize("name", ACTIVATIONS)
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


@by_contender
@by_name
def test_add(race: Callable[..., None], name: str, contender: str) -> None:
    a, b = normal(*ACTIVATIONS[name]), normal(*ACTIVATIONS[name], seed=1)
    race(
        f"add, {name}",
        contender,
        convlet=lambda: ops.add(a, b),
        numpy=lambda: a + b,
    )


@by_contender
@by_name
def test_join_channels(race: Callable[..., None], name: str, contender: str) -> None:
    a, b = normal(*ACTIVATIONS[name]), normal(*ACTIVATIONS[name], seed=1)
    race(
        f"join_channels, {name}",
        contender,
        convlet=lambda: ops.join_channels([a, b]),
        numpy=lambda: np.concatenate([a, b], axis=1),
    )


@by_contender
@by_name
def test_cut_channels(race: Callable[..., None], name: str, contender: str) -> None:
    x = normal(*ACTIVATIONS[name])
    half = x.shape[1] // 2
    race(
        f"cut_channels, {name}",
        contender,
        convlet=lambda: ops.cut_channels(x, [half, half]),
        numpy=lambda: [x[:, :half].copy(order="K"), x[:, half:].copy(order="K")],
    )


@by_contender
def test_pixel_shuffle(race: Callable[..., None], contender: str) -> None:
    x = normal(8, 44, 64, 64)
    n, c, h, w = x.shape

    def axes() -> np.ndarray:
        parts = x.transpose(0, 2, 3, 1).reshape(n, h, w, c // 4, 2, 2).transpose(0, 1, 4, 2, 5, 3)
        return np.ascontiguousarray(parts).reshape(n, 2 * h, 2 * w, c // 4).transpose(0, 3, 1, 2)

    race(
        "pixel_shuffle, 44 channels at 64, 8 images",
        contender,
        convlet=lambda: F.pixel_shuffle(x, 2).data,
        numpy=axes,
    )
