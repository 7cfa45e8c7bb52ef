"""Places on an image that a detector speaks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.ops._arguments import pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Array

__all__ = ["anchor_grid", "point_grid"]


def point_grid(size: int | Sequence[int], stride: int | Sequence[int]) -> Array:
    """Centres of the cells of a feature map, in pixels of the image.  -> (H W, 2).

    Args:
        size: (H, W) of the feature map, or an int for both.
        stride: how many pixels apart its cells are, in (y, x), or an int for both.

    Returns:
        x and y of each cell, row by row, float32.

    Raises:
        ValueError: a size is negative or a stride is not positive.

    Example:
        >>> point_grid((1, 3), 8).tolist()
        [[4.0, 4.0], [12.0, 4.0], [20.0, 4.0]]
    """
    height, width = pair(size, "point_grid", "size")
    down, right = pair(stride, "point_grid", "stride")
    if height < 0 or width < 0:
        raise ValueError(f"point_grid: size must not be negative, got {(height, width)}")
    if down < 1 or right < 1:
        raise ValueError(f"point_grid: stride must be at least 1, got {(down, right)}")
    grid = np.empty((height, width, 2), np.float32)
    grid[..., 0] = (np.arange(width, dtype=np.float32) + np.float32(0.5)) * right
    grid[..., 1] = (np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)) * down
    return grid.reshape(-1, 2)


def anchor_grid(
    size: int | Sequence[int], stride: int | Sequence[int], shapes: Sequence[Sequence[float]]
) -> Array:
    """Boxes of given shapes about the centre of each cell.  -> (H W A, 4).

    Args:
        size: (H, W) of the feature map, or an int for both.
        stride: how many pixels apart its cells are, in (y, x), or an int for both.
        shapes: (width, height) of each of A anchors, in pixels, positive.

    Returns:
        x1, y1, x2, y2, cell by cell and for each cell shape by shape, float32.

    Raises:
        ValueError: a size, stride or shape is out of range.

    Example:
        >>> anchor_grid(1, 8, [(4, 4), (8, 2)]).tolist()
        [[2.0, 2.0, 6.0, 6.0], [0.0, 3.0, 8.0, 5.0]]
    """
    sides = np.asarray(shapes, np.float32)
    if sides.ndim != 2 or sides.shape[1] != 2 or not (np.isfinite(sides) & (sides > 0)).all():
        raise ValueError(f"anchor_grid: shapes must be (A, 2), finite and positive, got {shapes!r}")
    centres = point_grid(size, stride)[:, None]
    corners = [centres - sides / 2, centres + sides / 2]
    return np.concatenate(corners, axis=2).reshape(-1, 4).astype(np.float32)
