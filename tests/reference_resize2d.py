"""Resizing in the plainest loops, in fractions where they decide."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reference import Array


def nearest_weights(size: int, out: int, factor: float | None = None) -> Array:
    """A matrix (out, size) with a 1 where a target takes its value from."""
    weights = np.zeros((out, size))
    for i in range(out):
        at = i * Fraction(size, out) if factor is None else i / Fraction(factor)
        weights[i, min(floor(at), size - 1)] = 1
    return weights


def linear_weights(size: int, out: int, align: bool, factor: float | None = None) -> Array:
    """A matrix (out, size) whose rows say how much of each pixel is in a target."""
    weights = np.zeros((out, size))
    for i in range(out):
        if align:
            at = Fraction(i * (size - 1), max(out - 1, 1)) if out > 1 else Fraction(0)
        else:
            scale = Fraction(size, out) if factor is None else 1 / Fraction(factor)
            at = (i + Fraction(1, 2)) * scale - Fraction(1, 2)
        at = min(max(at, Fraction(0)), Fraction(size - 1))
        left = floor(at)
        weights[i, left] += float(1 - (at - left))
        if at > left:
            weights[i, left + 1] += float(at - left)
    return weights


def resize2d(x: Array, rows: Array, columns: Array) -> Array:
    """y[n, c, i, j] = sum of rows[i, h] * columns[j, w] * x[n, c, h, w], in float64."""
    y: Array = np.einsum("ih,jw,nchw->ncij", rows, columns, x.astype(np.float64))
    return y
