"""Changes of memory layout, at the border and before a fully connected layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import ACTIVATIONS, channels_last, normal

from convlet import _core

if TYPE_CHECKING:
    from collections.abc import Callable

by_name = pytest.mark.parametrize("name", ACTIVATIONS)
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


@by_contender
@by_name
def test_layout_to_channels_last(race: Callable[..., None], name: str, contender: str) -> None:
    x = np.ascontiguousarray(normal(*ACTIVATIONS[name]))
    race(
        f"to_channels_last, {name}",
        contender,
        convlet=lambda: _core.to_channels_last(x),
        numpy=lambda: channels_last(x),
    )


@by_contender
@by_name
def test_layout_to_contiguous(race: Callable[..., None], name: str, contender: str) -> None:
    x = normal(*ACTIVATIONS[name])
    race(
        f"to_contiguous, {name}",
        contender,
        convlet=lambda: _core.to_contiguous(x),
        numpy=lambda: np.ascontiguousarray(x),
    )
