"""Checks of the arguments that the data functions share."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from convlet import _core

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["UINT32_MAX", "UINT64_MAX", "flag", "sides", "threads", "whole"]

UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1
MOST_THREADS = 1024
LARGEST_SIDE = 4096  # pixels that pictures in files are brought to


def whole(
    value: SupportsIndex, function: str, name: str, minimum: int = 0, maximum: int = 2**63 - 1
) -> int:
    """An integer between minimum and maximum, or an error that says which argument it is."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{function}: {name} must be an int, got {type(value).__name__}")
    number = operator.index(value)
    if number < minimum:
        raise ValueError(f"{function}: {name} must be at least {minimum}, got {number}")
    if number > maximum:
        raise ValueError(f"{function}: {name} must be at most {maximum}, got {number}")
    return number


def sides(size: SupportsIndex | Sequence[SupportsIndex], function: str) -> tuple[int, int]:
    """Height and width of pictures, from one number for both or from two."""
    pair = size if isinstance(size, (tuple, list)) else (size, size)
    if len(pair) != 2:
        raise ValueError(f"{function}: size must be one number or two, got {size}")
    height, width = (whole(side, function, "size", 1, LARGEST_SIDE) for side in pair)
    return height, width


def threads(num_threads: SupportsIndex | None, function: str) -> int:
    """How many threads to use: those of `convlet.get_num_threads()` for None."""
    if num_threads is None:
        return _core.get_num_threads()
    return whole(num_threads, function, "num_threads", 1, MOST_THREADS)


def flag(value: object, function: str, name: str) -> bool:
    """True or False, or an error that says which argument it is."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{function}: {name} must be a bool, got {type(value).__name__}")
    return bool(value)
