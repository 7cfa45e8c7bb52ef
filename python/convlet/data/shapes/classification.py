"""Pictures of one figure each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from convlet.data._arguments import UINT64_MAX, whole
from convlet.data.labelled import LabelledImages
from convlet.data.shapes.backgrounds import paint_background
from convlet.data.shapes.colours import apart_from
from convlet.data.shapes.difficulty import Difficulty, difficulty_named
from convlet.data.shapes.figures import FIGURES
from convlet.data.shapes.painting import Patch, bar, blend, cover, crop, finish, rasterise

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["classification"]

Array: TypeAlias = npt.NDArray[np.floating[Any]]

# The first words of the random seeds: pictures, the order of classes.
_PICTURE, _ORDER = 1, 2

_TRIES = 4  # bars tried before the figure is shown whole


def classification(
    count: int, size: int = 32, seed: int = 0, difficulty: str = "medium", start: int = 0
) -> LabelledImages:
    """Draw pictures of one figure each.

    Every run of as many pictures as there are classes, from a multiple of that number on, holds
    each class once. Picture i depends only on seed, size, difficulty and i.

    Args:
        count: How many.
        size: Height and width in pixels, from 16 to 1024.
        seed: Another seed draws other pictures.
        difficulty: `"easy"`, `"medium"` or `"hard"`.
        start: The number of the first picture, so that a second call continues a first.

    Returns:
        images, uint8 (count, 3, size, size); labels, int64 (count,), which index `CLASS_NAMES`.

    Raises:
        ValueError: An argument is out of range.
        TypeError: An argument is not an int.

    Example:
        >>> images, labels = classification(20, size=48, difficulty="hard")
        >>> images.shape, sorted(labels[:10].tolist())
        ((20, 3, 48, 48), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    """
    function = "shapes.classification"
    count = whole(count, function, "count", maximum=2**31)
    size = whole(size, function, "size", minimum=16, maximum=1024)
    seed = whole(seed, function, "seed", maximum=UINT64_MAX)
    start = whole(start, function, "start", maximum=2**31)
    level = difficulty_named(difficulty, function)
    images = np.empty((count, 3, size, size), dtype=np.uint8)
    labels = np.empty(count, dtype=np.int64)
    classes = len(FIGURES)
    order = np.empty(0, dtype=np.int64)
    for position in range(count):
        run, place = divmod(start + position, classes)
        if place == 0 or position == 0:
            order = np.random.default_rng([_ORDER, seed, run]).permutation(classes)
        labels[position] = order[place]
        rng = np.random.default_rng([_PICTURE, seed, start + position])
        images[position] = _draw(rng, int(order[place]), size, level)
    return LabelledImages(images, labels)


def _draw(rng: Generator, label: int, size: int, level: Difficulty) -> npt.NDArray[np.uint8]:
    canvas, surroundings = paint_background(rng, size, level)
    radius = rng.uniform(*level.radius) * size
    x, y = rng.uniform(radius, size - radius, 2).tolist()
    patch = crop(rasterise(label, (x, y), radius, rng.uniform(-level.turn, level.turn)), size)
    colour = apart_from(rng, surroundings, level.contrast, level.shading)
    direction = rng.uniform(0.0, 2 * math.pi)
    slope = (level.shading * math.cos(direction), level.shading * math.sin(direction))
    blend(canvas, patch, colour, slope)
    if rng.random() < level.bar:
        _hide_behind_bar(rng, canvas, patch, np.concatenate([surroundings, colour[None]]), level)
    return finish(canvas, rng, level.noise)


def _hide_behind_bar(
    rng: Generator, canvas: Array, patch: Patch, surroundings: Array, level: Difficulty
) -> None:
    """Lay a bar over the figure that hides no more of it than the level allows."""
    size = canvas.shape[-1]
    height, width = patch.coverage.shape
    rows, columns = patch.region
    for _ in range(_TRIES):
        # A bar as wide as this share of the figure hides about this share of its area.
        thickness = rng.uniform(*level.hidden) * max(height, width) / size
        aside = rng.uniform(-0.3, 0.3, 2)
        through = (
            float(patch.left + width * (0.5 + aside[0])) / size,
            float(patch.top + height * (0.5 + aside[1])) / size,
        )
        coverage = bar(size, through, rng.uniform(0.0, 180.0), thickness)
        hidden = float((coverage[rows, columns] * patch.coverage).sum() / patch.coverage.sum())
        if level.hidden[0] <= hidden <= level.hidden[1]:
            colour = apart_from(rng, surroundings, level.contrast * 0.7)
            cover(canvas, coverage, colour)
            return
