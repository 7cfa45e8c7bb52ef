"""Checks of the numbers that steer an optimiser."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from convlet.ops._arguments import integer


def number(value: Any, optimizer: str, name: str, below: float = math.inf) -> float:
    """A finite number of at least 0, and less than `below`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{optimizer}: {name} must be a number, got {type(value).__name__}")
    result = float(value)
    if not 0.0 <= result < below:
        wanted = "finite and at least 0" if below == math.inf else f"in [0, {below:g})"
        raise ValueError(f"{optimizer}: {name} must be {wanted}, got {result}")
    return result


def above_zero(value: Any, optimizer: str, name: str) -> float:
    """A finite number above 0."""
    result = number(value, optimizer, name)
    if result == 0.0:
        raise ValueError(f"{optimizer}: {name} must be above 0, got {result}")
    return result


def count(value: Any, optimizer: str, name: str, least: int = 1) -> int:
    """An int of at least `least`."""
    result = integer(value, optimizer, name)
    if result < least:
        raise ValueError(f"{optimizer}: {name} must be at least {least}, got {result}")
    return result
