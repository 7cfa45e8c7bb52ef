"""Images times a factor for each channel (csrc/kernels/channel_scale.cpp), and its gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shapes import ACTIVATIONS, normal

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

by_name = pytest.mark.parametrize("name", ACTIVATIONS)
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


@by_contender
@by_name
def test_channel_scale(race: Callable[..., None], name: str, contender: str) -> None:
    x = normal(*ACTIVATIONS[name])
    scale = normal(*x.shape[:2], 1, 1)
    race(
        f"channel_scale, {name}",
        contender,
        convlet=lambda: ops.channel_scale(x, scale),
        numpy=lambda: x * scale,
    )


@by_contender
@by_name
def test_channel_scale_grad(race: Callable[..., None], name: str, contender: str) -> None:
    dy, x = normal(*ACTIVATIONS[name]), normal(*ACTIVATIONS[name], seed=1)
    scale = normal(*x.shape[:2], 1, 1)
    race(
        f"channel_scale_grad, {name}",
        contender,
        convlet=lambda: ops.channel_scale_grad(dy, x, scale),
        numpy=lambda: (dy * scale, (dy * x).sum((2, 3), keepdims=True)),
    )
