"""Pooling to a given output size, whatever the input's, and its gradients, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import float32, integers, output_pair, ranked, shape4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Array, IntArray

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_grad",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_grad",
]


def adaptive_max_pool2d(
    x: Array, output_size: int | Sequence[int | None] | None
) -> tuple[Array, IntArray]:
    """Keep the largest value of each of I x J windows.  (N, C, H, W) -> (N, C, I, J), indices.

    Window i holds rows floor(i H / I) to ceil((i + 1) H / I) - 1, and columns alike: windows
    differ by at most one pixel in size, and overlap by at most one where I does not divide H. A NaN
    in a window is its maximum.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        output_size: (I, J), or an int for both; None stands for the input's size.

    Returns:
        The maxima, and the pixel h * W + w that each came from.

    Raises:
        TypeError: `x` is not float32, or a size is not an int.
        ValueError: an image has no pixel, or a size is below 1.

    Example:
        >>> import numpy as np
        >>> y, indices = adaptive_max_pool2d(np.float32([[[[1, 4, 3]]]]), (1, 2))
        >>> y.ravel(), indices.ravel()
        (array([4., 4.], dtype=float32), array([1, 1], dtype=int32))
    """
    op = "adaptive_max_pool2d"
    images = ranked(float32(x, op, "x"), op, "x", 4)
    return _core.adaptive_max_pool2d_forward(images, output_pair(output_size, images, op))


def adaptive_max_pool2d_grad(dy: Array, indices: IntArray, input_shape: Sequence[int]) -> Array:
    """Gradient of `adaptive_max_pool2d`.  (N, C, I, J) -> `input_shape` (N, C, H, W).

    Each number of `dy` is added where its maximum came from. Every index is checked.

    Raises:
        TypeError: `dy` is not float32, or `indices` is not of integers.
        ValueError: shapes do not fit, or an index points outside its window.

    Example:
        >>> import numpy as np
        >>> dy, indices = np.float32([[[[5, 2]]]]), np.int32([[[[1, 1]]]])
        >>> adaptive_max_pool2d_grad(dy, indices, (1, 1, 1, 3)).ravel()
        array([0., 7., 0.], dtype=float32)
    """
    op = "adaptive_max_pool2d_grad"
    return _core.adaptive_max_pool2d_grad(
        float32(dy, op, "dy"),
        integers(indices, op, "indices"),
        shape4(input_shape, op, "input_shape"),
    )


def adaptive_avg_pool2d(x: Array, output_size: int | Sequence[int | None] | None) -> Array:
    """Average each of I x J windows.  (N, C, H, W) -> (N, C, I, J).

    Windows are those of `adaptive_max_pool2d`; a size of 1 averages the whole image.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        output_size: (I, J), or an int for both; None stands for the input's size.

    Raises:
        TypeError: `x` is not float32, or a size is not an int.
        ValueError: an image has no pixel, or a size is below 1.

    Example:
        >>> import numpy as np
        >>> adaptive_avg_pool2d(np.float32([[[[1, 4, 2]]]]), (None, 2)).ravel()
        array([2.5, 3. ], dtype=float32)
    """
    op = "adaptive_avg_pool2d"
    images = ranked(float32(x, op, "x"), op, "x", 4)
    return _core.adaptive_avg_pool2d_forward(images, output_pair(output_size, images, op))


def adaptive_avg_pool2d_grad(dy: Array, input_shape: Sequence[int]) -> Array:
    """Gradient of `adaptive_avg_pool2d`: each number spread over its window.  -> `input_shape`.

    Raises:
        TypeError: `dy` is not float32.
        ValueError: shapes do not fit.

    Example:
        >>> import numpy as np
        >>> adaptive_avg_pool2d_grad(np.float32([[[[2, 6]]]]), (1, 1, 1, 3)).ravel()
        array([1., 4., 3.], dtype=float32)
    """
    op = "adaptive_avg_pool2d_grad"
    return _core.adaptive_avg_pool2d_grad(
        float32(dy, op, "dy"), shape4(input_shape, op, "input_shape")
    )
