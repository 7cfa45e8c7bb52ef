"""Figures, backgrounds, lines and noise on a canvas of float32 (3, H, W), from 0 to 1."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from convlet.data.shapes.figures import FIGURES

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["Patch", "bar", "blend", "cover", "crop", "finish", "grid", "rasterise"]

Array: TypeAlias = npt.NDArray[np.floating[Any]]

# Below this radius a pixel is sampled 3 x 3 times, above 2 x 2 times; the figure's distance smooths
# each of these samples again.
_SMALL = 12.0


class Patch(NamedTuple):
    """Part of a picture: how much of each pixel is covered, and where its first pixel lies."""

    coverage: Array
    top: int
    left: int

    @property
    def region(self) -> tuple[slice, slice]:
        """The rows and columns that a cropped patch covers."""
        height, width = self.coverage.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


@lru_cache(maxsize=8)
def grid(size: int) -> tuple[Array, Array]:
    """The x (1, W) and y (H, 1) of pixel centres of a square picture, which has sides of 1."""
    centres = (np.arange(size, dtype=np.float32) + 0.5) / size
    return centres[None, :], centres[:, None]


def rasterise(label: int, centre: tuple[float, float], radius: float, degrees: float) -> Patch:
    """Draw a figure, antialiased, with its centre (x, y) and radius in pixels; nothing is cut."""
    left, top = (math.floor(c - radius) - 1 for c in centre)
    right, bottom = (math.ceil(c + radius) + 1 for c in centre)
    samples = 3 if radius < _SMALL else 2
    step = 1.0 / samples
    u = np.arange(left + step / 2, right, step, dtype=np.float32) - centre[0]
    v = np.arange(top + step / 2, bottom, step, dtype=np.float32) - centre[1]
    turn = math.radians(degrees)
    cosine, sine = math.cos(turn) / radius, math.sin(turn) / radius
    x = u[None, :] * cosine - v[:, None] * sine
    y = -(u[None, :] * sine + v[:, None] * cosine)
    inside = np.clip(0.5 - FIGURES[label](x, y) * (radius * samples), 0, 1)
    blocks = inside.reshape(bottom - top, samples, right - left, samples)
    return Patch(blocks.mean(axis=(1, 3)), top, left)


def crop(patch: Patch, size: int) -> Patch:
    """The part of a patch that lies in a picture of size x size."""
    height, width = patch.coverage.shape
    top, left = max(patch.top, 0), max(patch.left, 0)
    bottom, right = min(patch.top + height, size), min(patch.left + width, size)
    rows = slice(top - patch.top, max(bottom, top) - patch.top)
    columns = slice(left - patch.left, max(right, left) - patch.left)
    return Patch(patch.coverage[rows, columns], top, left)


def blend(canvas: Array, patch: Patch, colour: Array, shading: tuple[float, float]) -> None:
    """Lay a cropped patch on the canvas; shading (dx, dy) brightens toward that side."""
    height, width = patch.coverage.shape
    part = canvas[(slice(None), *patch.region)]
    paint = colour[:, None, None]
    if shading != (0.0, 0.0):
        across = np.linspace(-shading[0], shading[0], width, dtype=np.float32)
        down = np.linspace(-shading[1], shading[1], height, dtype=np.float32)
        paint = paint * (1 + across[None, None, :] + down[None, :, None])
    part += (paint - part) * patch.coverage


def bar(size: int, through: tuple[float, float], degrees: float, width: float) -> Array:
    """The coverage (size, size) of an endless straight bar.

    Args:
        size: Of the picture, in pixels.
        through: A point (x, y) on the middle of the bar; the picture has sides of 1.
        degrees: Its direction.
        width: In sides of the picture.
    """
    x, y = grid(size)
    turn = math.radians(degrees)
    across = (x - through[0]) * (math.sin(turn) * size) - (y - through[1]) * (math.cos(turn) * size)
    return np.clip(0.5 + width / 2 * size - np.abs(across), 0, 1)


def cover(canvas: Array, coverage: Array, colour: Array) -> None:
    """Paint a colour (3,) on the canvas where coverage (H, W) says."""
    for plane, value in zip(canvas, colour, strict=True):
        np.add(plane, (value - plane) * coverage, out=plane)


def finish(canvas: Array, rng: Generator, noise: tuple[float, float]) -> npt.NDArray[np.uint8]:
    """Add noise of a random strength and round to uint8."""
    strength = rng.uniform(*noise) * 255.0
    speckle = rng.standard_normal(canvas.shape, dtype=np.float32)
    return np.clip(canvas * 255 + speckle * strength + 0.5, 0, 255).astype(np.uint8)
