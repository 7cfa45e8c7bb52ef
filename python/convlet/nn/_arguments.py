"""Checks of what layers are built from; geometry is checked when they run."""

from __future__ import annotations

from convlet.ops._arguments import integer


def positive(value: object, layer: str, name: str) -> int:
    """An int of at least 1."""
    number = integer(value, layer, name)
    if number < 1:
        raise ValueError(f"{layer}: {name} must be at least 1, got {number}")
    return number
