"""Checks of the arguments that the data functions share."""

from __future__ import annotations

import operator
from typing import SupportsIndex

import numpy as np

__all__ = ["UINT32_MAX", "UINT64_MAX", "flag", "whole"]

UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1


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


def flag(value: object, function: str, name: str) -> bool:
    """True or False, or an error that says which argument it is."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{function}: {name} must be a bool, got {type(value).__name__}")
    return bool(value)
