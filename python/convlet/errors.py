"""Errors that convlet raises beside Python's own."""

from __future__ import annotations

__all__ = ["FormatError", "NonFiniteLossError"]


class FormatError(ValueError):
    """A file does not hold what its format promises; the message names the file."""


class NonFiniteLossError(ArithmeticError):
    """The loss became NaN or infinite; training stopped before the weights were touched."""
