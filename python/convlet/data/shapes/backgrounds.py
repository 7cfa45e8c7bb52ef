"""Backgrounds: two muted colours in a pattern, and stray lines over it."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from convlet.data.shapes.colours import background_pair
from convlet.data.shapes.painting import bar, cover, grid

if TYPE_CHECKING:
    from numpy.random import Generator

    from convlet.data.shapes.difficulty import Difficulty

__all__ = ["paint_background"]

Array: TypeAlias = npt.NDArray[np.floating[Any]]


def paint_background(rng: Generator, size: int, difficulty: Difficulty) -> tuple[Array, Array]:
    """A new canvas (3, H, W), and the colours (K, 3) from which objects must differ."""
    pair = background_pair(rng, difficulty.texture)
    pattern = _PATTERNS[int(rng.integers(difficulty.patterns))](rng, size)
    canvas = pair[0][:, None, None] + (pair[1] - pair[0])[:, None, None] * pattern
    colours = [pair]
    for _ in range(int(rng.integers(difficulty.lines[0], difficulty.lines[1] + 1))):
        # A line is the background, brighter or darker: seen, yet nothing like an object.
        shift = rng.uniform(0.1, 0.25) * (1.0 if rng.random() < 0.5 else -1.0)
        line = np.clip(pair[int(rng.integers(2))] + shift, 0, 1)
        through = (float(rng.random()), float(rng.random()))
        thickness = max(rng.uniform(0.008, 0.03), 1.0 / size)
        cover(canvas, bar(size, through, rng.uniform(0.0, 180.0), thickness), line)
        colours.append(line[None])
    return canvas, np.concatenate(colours)


def _gradient(rng: Generator, size: int) -> Array:
    x, y = grid(size)
    turn = rng.uniform(0.0, 2 * math.pi)
    ramp = (x - 0.5) * math.cos(turn) + (y - 0.5) * math.sin(turn)
    return ramp * 0.7 + 0.5


def _glow(rng: Generator, size: int) -> Array:
    x, y = grid(size)
    x, y = x - rng.random(), y - rng.random()
    return np.exp((x * x + y * y) * -rng.uniform(1.5, 5.0))


def _clouds(rng: Generator, size: int) -> Array:
    total = np.zeros((size, size), dtype=np.float32)
    for knots, weight in ((3, 0.6), (7, 0.4)):
        weights = _interpolation(size, knots)
        total += weights @ (rng.random((knots, knots), dtype=np.float32) * weight) @ weights.T
    return total


def _stripes(rng: Generator, size: int) -> Array:
    x, y = grid(size)
    turn, phase = rng.uniform(0.0, 2 * math.pi, 2).tolist()
    across = x * math.cos(turn) + y * math.sin(turn)
    waves = 2 * math.pi * rng.uniform(2.0, 7.0)
    return np.asarray(0.5 + 0.5 * np.sin(across * waves + phase))


def _checks(rng: Generator, size: int) -> Array:
    x, y = grid(size)
    phase = rng.uniform(0.0, 2 * math.pi, 2).tolist()
    waves = 2 * math.pi * rng.uniform(1.5, 4.0)
    product = np.sin(x * waves + phase[0]) * np.sin(y * waves + phase[1])
    return np.asarray(np.clip(0.5 + 4 * product, 0, 1))


def _grain(rng: Generator, size: int) -> Array:
    knots = max(size // 5, 2)
    weights = _interpolation(size, knots)
    return weights @ rng.random((knots, knots), dtype=np.float32) @ weights.T


@lru_cache(maxsize=32)
def _interpolation(size: int, knots: int) -> Array:
    """Weights (size, knots) that draw a smooth line through knots values."""
    place = np.linspace(0.0, knots - 1.0, size)
    first = np.minimum(place.astype(np.intp), knots - 2)
    share = place - first
    share = share * share * (3 - 2 * share)
    weights = np.zeros((size, knots), dtype=np.float32)
    rows = np.arange(size)
    weights[rows, first] = 1 - share
    weights[rows, first + 1] = share
    return weights


_PATTERNS = (_gradient, _glow, _clouds, _stripes, _grain, _checks)
