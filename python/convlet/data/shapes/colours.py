"""Colours that can be told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["apart_from", "background_pair", "contrast"]

Array: TypeAlias = npt.NDArray[np.floating[Any]]

# Brightness and the two colour differences (blue, red) of the television standard BT.601, where
# brightness counts more, as it does to eyes.
_SEEN = np.array(
    [[0.299, 0.587, 0.114], [-0.127, -0.248, 0.375], [0.375, -0.314, -0.061]], dtype=np.float32
).T
_CANDIDATES = 32


def contrast(one: Array, other: Array) -> Array:
    """How far apart colours (..., 3) look, broadcast; black and white are 1 apart."""
    difference = (one - other) @ _SEEN
    return np.asarray(np.sqrt((difference * difference).sum(axis=-1)))


def apart_from(rng: Generator, others: Array, least: float, shading: float = 0.0) -> Array:
    """A colour at least so far from each of others (K, 3), or the farthest of those drawn.

    It is not taken to be the farthest always: then nearly all would be black, white or yellow.
    With shading it stays so far when made that much brighter or darker.
    """
    candidates = _vivid(rng, _CANDIDATES)
    tones = np.array([1.0 - shading, 1.0, 1.0 + shading], dtype=np.float32)
    shades = np.minimum(candidates[:, None] * tones[:, None], 1.0)
    nearest = contrast(shades[:, :, None], others).min(axis=(1, 2))
    good = np.flatnonzero(nearest >= least)
    chosen: Array = candidates[good[0] if good.size else nearest.argmax()]
    return chosen


def background_pair(rng: Generator, reach: float) -> Array:
    """Two muted colours (2, 3) no further apart than reach.

    Both are dark or both are light: from a middle grey nothing is far.
    """
    dark = rng.random() < 0.5
    brightness = rng.uniform(0.1, 0.45, 2) if dark else rng.uniform(0.75, 1.0, 2)
    saturation = rng.uniform(0.05, 0.7, 2) if dark else rng.uniform(0.05, 0.4, 2)
    first, toward = _from_hue(rng.random(2), saturation, brightness)
    distance = max(float(contrast(first, toward)), 1e-6)
    share = min(reach * rng.uniform(0.4, 1.0) / distance, 1.0)
    return np.stack([first, first + (toward - first) * share])


def _vivid(rng: Generator, count: int) -> Array:
    # Half strong, half any, so that white, grey and dark objects occur.
    saturation = np.maximum(rng.random(count), rng.random(count))
    brightness = np.maximum(rng.random(count), rng.uniform(0.0, 0.8, count))
    return _from_hue(rng.random(count), saturation, brightness)


def _from_hue(
    hue: npt.NDArray[np.float64],
    saturation: npt.NDArray[np.float64],
    brightness: npt.NDArray[np.float64],
) -> Array:
    """Hue, saturation and value, each in [0, 1] and (K,), as red, green and blue (K, 3)."""
    sector = (np.array([5.0, 3.0, 1.0]) + 6.0 * hue[:, None]) % 6.0
    drop = np.clip(np.minimum(sector, 4.0 - sector), 0.0, 1.0)
    rgb: Array = brightness[:, None] * (1.0 - saturation[:, None] * drop)
    return rgb.astype(np.float32)
