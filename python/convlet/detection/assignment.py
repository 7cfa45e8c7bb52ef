"""Which place of an image answers for which box."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["Assignment", "assign_points"]

_RADIUS = 1.5  # strides from the middle of a box within which places answer for it
_REACH = 4.0  # a level is for boxes whose farthest side is up to 2 _REACH strides away


@dataclass(frozen=True)
class Assignment:
    """What each of P places has to say.

    Attributes:
        matched: int64 (P,), the number of the box a place answers for, or -1.
        distances: float32 (P, 4), to the left, upper, right and lower side of that box, or 0.
        counted: bool (P,), False for places without a box inside of a region to be ignored: what
            they say of classes costs nothing.
    """

    matched: npt.NDArray[np.int64]
    distances: Array
    counted: npt.NDArray[np.bool_]


def assign_points(
    points: Array, strides: Array, boxes: Array, ignored: npt.NDArray[np.bool_]
) -> Assignment:
    """The rule of FCOS (Tian et al. 2019, arXiv:1904.01355) with sampling about the centre.

    A place answers for a box that it lies in, no farther than 1.5 strides from the middle in x and y,
    if the farthest side of the box is within the bounds of its level: up to 8 strides away, and on
    all levels but the finest more than 4. The finest level has no lower, the coarsest no upper bound.
    Of several boxes it takes the smallest. A box too small to hold a place gets none.

    Args:
        points: (P, 2), x and y of places.
        strides: (P,), how far each is from its neighbours: tells the levels apart.
        boxes: (M, 4), x1, y1, x2, y2, each with an area.
        ignored: (M,), which boxes are regions to be ignored.

    Example:
        >>> points = np.float32([[4, 4], [12, 4]])
        >>> found = assign_points(
        ...     points, np.float32([8, 8]), np.float32([[0, 0, 7, 9]]), np.array([False])
        ... )
        >>> found.matched.tolist(), found.distances[0].tolist()
        ([0, -1], [4.0, 4.0, 3.0, 5.0])
    """
    count = len(points)
    matched = np.full(count, -1, np.int64)
    distances = np.zeros((count, 4), np.float32)
    counted = np.ones(count, bool)
    if len(boxes) == 0 or count == 0:
        return Assignment(matched, distances, counted)
    to_start = points[:, None] - boxes[None, :, :2]
    to_end = boxes[None, :, 2:] - points[:, None]
    sides = np.concatenate([to_start, to_end], axis=2)  # (P, M, 4): left, upper, right, lower
    inside = sides.min(axis=2) > 0
    counted = ~(inside & ignored).any(axis=1)
    wanted = np.flatnonzero(~ignored)
    if len(wanted) == 0:
        return Assignment(matched, distances, counted)
    boxes, sides, inside = boxes[wanted], sides[:, wanted], inside[:, wanted]
    middle = np.abs(sides[..., :2] - sides[..., 2:]).max(axis=2) / 2
    farthest = sides.max(axis=2)
    finest, coarsest = strides.min(), strides.max()
    least = np.where(strides == finest, 0.0, _REACH * strides)[:, None]
    most = np.where(strides == coarsest, np.inf, 2 * _REACH * strides)[:, None]
    able = inside & (middle < _RADIUS * strides[:, None]) & (farthest > least) & (farthest <= most)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    cost = np.where(able, areas, np.inf)
    best = cost.argmin(axis=1)
    found = np.flatnonzero(able[np.arange(count), best])
    matched[found] = wanted[best[found]]
    distances[found] = sides[found, best[found]]
    return Assignment(matched, distances, counted)
