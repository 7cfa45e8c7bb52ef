"""Drawing many figures into one picture, with boxes and masks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt

from convlet.data._arguments import UINT64_MAX, whole
from convlet.data.shapes.backgrounds import paint_background
from convlet.data.shapes.colours import apart_from
from convlet.data.shapes.difficulty import Difficulty, difficulty_named
from convlet.data.shapes.figures import FIGURES
from convlet.data.shapes.painting import Patch, blend, crop, finish, rasterise
from convlet.data.shapes.scene import Objects, Scenes

if TYPE_CHECKING:
    from numpy.random import Generator

__all__ = ["scenes"]

Bytes: TypeAlias = npt.NDArray[np.uint8]

_SCENE = 3  # the first word of the random seeds
_TRIES = 12  # places tried for an object before the scene does without it
_LEAST_RADIUS = 5.0  # pixels; smaller figures cannot be told apart


def scenes(
    count: int, size: int = 128, seed: int = 0, difficulty: str = "medium", start: int = 0
) -> Scenes:
    """Draw pictures of many figures, with boxes, classes and masks.

    Figures overlap, some pictures are empty, and at the difficulty hard figures may be cut off
    by the border. Picture i depends only on seed, size, difficulty and i.

    Args:
        count: How many.
        size: Height and width in pixels, from 32 to 1024.
        seed: Another seed draws other pictures.
        difficulty: `"easy"`, `"medium"` or `"hard"`.
        start: The number of the first picture, so that a second call continues a first.

    Returns:
        A sequence of `Scene`, with all pictures in its `images`, uint8 (count, 3, size, size).

    Raises:
        ValueError: An argument is out of range.
        TypeError: An argument is not an int.

    Example:
        >>> drawn = scenes(3, size=64, difficulty="easy")
        >>> drawn.images.shape, drawn[0].boxes.shape[1], drawn[0].semantic.shape
        ((3, 3, 64, 64), 4, (64, 64))
    """
    function = "shapes.scenes"
    count = whole(count, function, "count", maximum=2**31)
    size = whole(size, function, "size", minimum=32, maximum=1024)
    seed = whole(seed, function, "seed", maximum=UINT64_MAX)
    start = whole(start, function, "start", maximum=2**31)
    level = difficulty_named(difficulty, function)
    images = np.empty((count, 3, size, size), dtype=np.uint8)
    instances = np.zeros((count, size, size), dtype=np.uint8)
    objects = []
    for position in range(count):
        rng = np.random.default_rng([_SCENE, seed, start + position])
        images[position], found = _draw(rng, size, level, instances[position])
        objects.append(found)
    return Scenes(images, instances, objects)


def _draw(rng: Generator, size: int, level: Difficulty, instances: Bytes) -> tuple[Bytes, Objects]:
    """One picture and its objects; instances (H, W) of zeros is filled in."""
    canvas, surroundings = paint_background(rng, size, level)
    wanted = 0
    if rng.random() >= level.empty:
        wanted = int(rng.integers(level.objects[0], level.objects[1] + 1))
    labels: list[int] = []
    colours: list[npt.NDArray[np.float32]] = []
    areas = np.zeros(wanted + 1, dtype=np.int64)  # of whole figures; the first is background's
    for _ in range(wanted):
        label = int(rng.integers(len(FIGURES)))
        radius = max(rng.uniform(*level.scene_radius) * size, _LEAST_RADIUS)
        placed = _find_place(rng, label, radius, level=level, instances=instances, areas=areas)
        if placed is None:
            continue
        patch, area = placed
        rows, columns = patch.region
        behind = np.unique(instances[rows, columns])
        near = [colours[number - 1][None] for number in behind if number > 0]
        colour = apart_from(
            rng, np.concatenate([surroundings, *near]), level.contrast, level.shading
        )
        direction = rng.uniform(0.0, 2 * math.pi)
        slope = (level.shading * math.cos(direction), level.shading * math.sin(direction))
        blend(canvas, patch, colour, slope)
        labels.append(label)
        colours.append(colour)
        areas[len(labels)] = area
        instances[rows, columns][patch.coverage >= 0.5] = len(labels)
    seen = np.bincount(instances.ravel(), minlength=wanted + 1)
    kept = slice(1, len(labels) + 1)
    found = Objects(
        _boxes(instances, len(labels)),
        np.array(labels, dtype=np.int64),
        (seen[kept] / areas[kept]).astype(np.float32),
    )
    return finish(canvas, rng, level.noise), found


def _find_place(
    rng: Generator,
    label: int,
    radius: float,
    *,
    level: Difficulty,
    instances: Bytes,
    areas: npt.NDArray[np.int64],
) -> tuple[Patch, int] | None:
    """A cropped patch that hides no earlier object too much, and the whole figure's area."""
    size = len(instances)
    # Drawn once, at a random part of a pixel, and then moved by whole pixels.
    fraction = (float(rng.random()), float(rng.random()))
    drawn = rasterise(label, fraction, radius, rng.uniform(-level.turn, level.turn))
    area = int(np.count_nonzero(drawn.coverage >= 0.5))
    border = radius * (1.0 - 2.0 * level.outside)
    before = np.bincount(instances.ravel(), minlength=len(areas))
    least = areas * (1.0 - level.overlap)
    for x, y in rng.uniform(border, max(size - border, border), (_TRIES, 2)).astype(np.int64):
        patch = crop(Patch(drawn.coverage, drawn.top + int(y), drawn.left + int(x)), size)
        solid = patch.coverage >= 0.5
        if np.count_nonzero(solid) < area * (1.0 - level.outside):
            continue
        covered = np.bincount(instances[patch.region][solid], minlength=len(areas))
        if ((before - covered) >= least)[1:].all():
            return patch, area
    return None


def _boxes(instances: Bytes, count: int) -> npt.NDArray[np.float32]:
    boxes = np.empty((count, 4), dtype=np.float32)
    for number in range(count):
        mask = instances == number + 1
        columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
        boxes[number] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes
