"""The figures: for each class, how far a point lies outside its outline (negative inside).

Coordinates are the figure's own: y points up, the figure fits in a circle of radius 1 about the
origin. Distances are exact near straight edges and arcs, which is where the painter looks.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CLASS_NAMES", "FIGURES"]

Array: TypeAlias = npt.NDArray[np.floating[Any]]


def _circle(x: Array, y: Array) -> Array:
    return np.sqrt(x * x + y * y) - 0.92


def _square(x: Array, y: Array) -> Array:
    return np.maximum(np.abs(x), np.abs(y)) - 0.7


def _triangle(x: Array, y: Array) -> Array:
    return _regular(x, y, 3, 0.5)


def _pentagon(x: Array, y: Array) -> Array:
    return _regular(x, y, 5, math.cos(math.pi / 5))


def _star(x: Array, y: Array) -> Array:
    # Fold the ten half points onto the one right of the topmost, which is one straight edge.
    x = np.abs(x)
    for turn in (math.radians(-36), math.radians(216)):
        nx, ny = math.cos(turn), math.sin(turn)
        beyond = 2 * np.maximum(x * nx + y * ny, 0)
        x, y = x - beyond * nx, y - beyond * ny
    x = np.abs(x)
    inner = 0.45
    ex, ey = inner * math.sin(math.radians(36)), inner * math.cos(math.radians(36)) - 1
    length = math.hypot(ex, ey)
    return x * (-ey / length) + (y - 1) * (ex / length)


def _cross(x: Array, y: Array) -> Array:
    x, y = np.abs(x), np.abs(y)
    long, short = np.maximum(x, y), np.minimum(x, y)
    return np.maximum(long - 0.95, short - 0.3)


def _ring(x: Array, y: Array) -> Array:
    return np.abs(np.sqrt(x * x + y * y) - 0.74) - 0.21


def _heart(x: Array, y: Array) -> Array:
    # A square on its corner with a half disc on each of its upper sides.
    x, y = np.abs(x), y + 0.16
    half = 0.54
    diagonal = math.sqrt(0.5)
    square = np.maximum(np.abs(x + y), np.abs(x - y)) * diagonal - half
    centre = half * math.sqrt(0.5)
    lobe = np.sqrt((x - centre) ** 2 + (y - centre) ** 2) - half
    return np.minimum(square, lobe)


def _crescent(x: Array, y: Array) -> Array:
    outer = np.sqrt(x * x + y * y) - 0.95
    x = x - 0.46
    return np.maximum(outer, 0.72 - np.sqrt(x * x + y * y))


def _arrow(x: Array, y: Array) -> Array:
    x = np.abs(x)
    slope = math.sqrt(0.5)
    head = np.maximum((x + y - 0.95) * slope, -y)
    # The upper end of the shaft lies inside the head, so that no seam shows.
    shaft = np.maximum(np.maximum(x - 0.26, -0.95 - y), y - 0.2)
    return np.asarray(np.minimum(head, shaft))


def _regular(x: Array, y: Array, sides: int, apothem: float) -> Array:
    distance = -y  # the edge at the bottom, then those to its right and left
    for side in range(1, sides // 2 + 1):
        turn = 2 * math.pi * side / sides
        across = np.abs(x) * math.sin(turn) - y * math.cos(turn)
        distance = np.maximum(distance, across)
    return distance - apothem


FIGURES: tuple[Callable[[Array, Array], Array], ...] = (
    _circle,
    _square,
    _triangle,
    _pentagon,
    _star,
    _cross,
    _ring,
    _heart,
    _crescent,
    _arrow,
)

CLASS_NAMES = tuple(figure.__name__.removeprefix("_") for figure in FIGURES)
