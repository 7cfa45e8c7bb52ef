"""Regions of images brought to one size, and the gradient, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import flag, float32, integer, pair, real, shape4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Array

__all__ = ["roi_align", "roi_align_grad"]


def roi_align(
    x: Array,
    boxes: Array,
    output_size: int | Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Array:
    """Average the bilinear values at points of each bin of a region.  -> (K, C, I, J).

    He et al., 2017, "Mask R-CNN". A region is cut into I x J bins; in each lie sampling_ratio^2
    points, evenly. Points further than a pixel outside of the image count as 0.

    Args:
        x: images (N, C, H, W), float32.
        boxes: (K, 5), float32: the number of an image, then x1, y1, x2, y2.
        output_size: (I, J), or an int for both.
        spatial_scale: what coordinates are multiplied by, 1/16 for features of that stride.
        sampling_ratio: points per bin and axis; as many as a bin has pixels, rounded up, if it is
            not positive.
        aligned: whether pixels have their centres at a half, so that coordinates move by -1/2.
            Without it regions are at least one pixel large.

    Raises:
        TypeError: an array is not float32, or an argument not of its type.
        ValueError: a box names no image or lies more than 2^20 pixels away, or a size is below 1.

    Example:
        >>> import numpy as np
        >>> x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
        >>> roi_align(x, np.float32([[0, 0, 0, 4, 4]]), 2, aligned=True)[0, 0]
        array([[ 2.5,  4.5],
               [10.5, 12.5]], dtype=float32)
    """
    op = "roi_align"
    return _core.roi_align_forward(
        float32(x, op, "x"),
        float32(boxes, op, "boxes"),
        pair(output_size, op, "output_size"),
        *_rule(op, spatial_scale, sampling_ratio, aligned),
    )


def roi_align_grad(
    dy: Array,
    boxes: Array,
    input_shape: Sequence[int],
    spatial_scale: float = 1.0,
    sampling_ratio: int = -1,
    aligned: bool = False,
) -> Array:
    """Gradient of `roi_align` by the images.  (K, C, I, J) -> `input_shape`.

    Regions add up in their order: the bits do not depend on threads. Errors are as for `roi_align`.

    Example:
        >>> import numpy as np
        >>> dy = np.ones((1, 1, 1, 1), np.float32)
        >>> roi_align_grad(dy, np.float32([[0, 0, 0, 2, 2]]), (1, 1, 2, 2), aligned=True)[0, 0]
        array([[0.25, 0.25],
               [0.25, 0.25]], dtype=float32)
    """
    op = "roi_align_grad"
    return _core.roi_align_grad(
        float32(dy, op, "dy"),
        float32(boxes, op, "boxes"),
        shape4(input_shape, op, "input_shape"),
        *_rule(op, spatial_scale, sampling_ratio, aligned),
    )


def _rule(
    op: str, spatial_scale: object, sampling_ratio: object, aligned: object
) -> tuple[float, int, bool]:
    return (
        real(spatial_scale, op, "spatial_scale"),
        integer(sampling_ratio, op, "sampling_ratio"),
        flag(aligned, op, "aligned"),
    )
