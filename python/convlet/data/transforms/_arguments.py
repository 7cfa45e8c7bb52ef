"""Checks of the arguments that transforms share; each is made once, when a transform is made."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Any

from convlet.data._arguments import whole

__all__ = ["MOST_PIXELS", "per_channel", "probability", "real", "reals", "size_pair", "span"]

MOST_PIXELS = 2**20  # along one axis


def real(value: Any, function: str, name: str) -> float:
    """A finite number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{function}: {name} must be a number, got {value!r:.60}")
    if not math.isfinite(value):
        raise ValueError(f"{function}: {name} must be finite, got {value}")
    return float(value)


def reals(value: Any, function: str, name: str, *counts: int) -> tuple[float, ...]:
    """A sequence of finite numbers, of one of some lengths."""
    if isinstance(value, str) or not (isinstance(value, Sequence) or hasattr(value, "tolist")):
        raise TypeError(f"{function}: {name} must be numbers, got {value!r:.60}")
    if len(value) not in counts:
        wanted = " or ".join(map(str, counts))
        raise ValueError(f"{function}: {name} must be {wanted} numbers, got {value!r:.60}")
    return tuple(real(each, function, name) for each in value)


def probability(value: Any, function: str, name: str = "p") -> float:
    """A number in [0, 1]."""
    number = real(value, function, name)
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"{function}: {name} must be in [0, 1], got {number}")
    return number


def span(
    value: Any, function: str, name: str, lowest: float = -math.inf, highest: float = math.inf
) -> tuple[float, float]:
    """Two numbers in order, within limits."""
    low, high = reals(value, function, name, 2)
    if not lowest <= low <= high <= highest:
        raise ValueError(
            f"{function}: {name} must be two numbers in order, in [{lowest}, {highest}], "
            f"got ({low}, {high})"
        )
    return low, high


def size_pair(value: Any, function: str, name: str = "size") -> tuple[int, int]:
    """Height and width, of one number or two."""
    sides = tuple(value) if isinstance(value, Sequence) else (value,)
    if len(sides) not in (1, 2):
        raise ValueError(f"{function}: {name} must be one number or two, got {value!r:.60}")
    height, width = (whole(side, function, name, 1, MOST_PIXELS) for side in (sides * 2)[:2])
    return height, width


def per_channel(value: Any, channels: int, function: str, name: str) -> tuple[float, ...]:
    """A number for each channel, of one number or of as many as there are channels."""
    if isinstance(value, numbers.Real):
        return (real(value, function, name),) * channels
    if isinstance(value, Sequence) and len(value) == 1:
        value = tuple(value) * channels
    return reals(value, function, name, channels)
