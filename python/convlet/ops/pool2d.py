"""Max and average pooling and their gradients, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import flag, float32, integers, pair, pool_stride, shape4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Array, IntArray

__all__ = ["avg_pool2d", "avg_pool2d_grad", "max_pool2d", "max_pool2d_grad"]


def max_pool2d(
    x: Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> tuple[Array, IntArray]:
    """Keep the largest value of each window.  (N, C, H, W) -> (N, C, I, J), indices.

    Padding never wins: it counts as smaller than -inf. A NaN in a window is its maximum.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        kernel_size: size of the window, an int or (height, width).
        stride: step of the window; `kernel_size` unless given.
        padding: border around the image, at most half the window.
        dilation: distance between the taps of a window.
        ceil_mode: keep a last window that only partly covers the image.

    Returns:
        The maxima, and the position r * S + s of each inside its window (R, S), as
        `max_pool2d_grad` wants it.

    Raises:
        TypeError: `x` is not float32, or an argument is not an int.
        ValueError: the window does not fit the image.

    Example:
        >>> import numpy as np
        >>> y, indices = max_pool2d(np.float32([[[[1, 4], [3, 2]]]]), 2)
        >>> y.item(), indices.item()
        (4.0, 1)
    """
    kernel = pair(kernel_size, "max_pool2d", "kernel_size")
    return _core.max_pool2d_forward(
        float32(x, "max_pool2d", "x"),
        kernel,
        pool_stride(stride, kernel, "max_pool2d"),
        pair(padding, "max_pool2d", "padding"),
        pair(dilation, "max_pool2d", "dilation"),
        flag(ceil_mode, "max_pool2d", "ceil_mode"),
    )


def max_pool2d_grad(
    dy: Array,
    indices: IntArray,
    input_shape: Sequence[int],
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Array:
    """Gradient of `max_pool2d`.  (N, C, I, J) -> `input_shape` (N, C, H, W).

    Each number of `dy` is added where its maximum came from. Every index is checked.

    Raises:
        TypeError: `dy` is not float32, or `indices` is not of integers.
        ValueError: shapes do not fit, or an index points outside its window or the image.

    Example:
        >>> import numpy as np
        >>> dy, indices = np.float32([[[[7]]]]), np.uint8([[[[1]]]])
        >>> max_pool2d_grad(dy, indices, (1, 1, 2, 2), 2)[0, 0]
        array([[0., 7.],
               [0., 0.]], dtype=float32)
    """
    op = "max_pool2d_grad"
    kernel = pair(kernel_size, op, "kernel_size")
    return _core.max_pool2d_grad(
        float32(dy, op, "dy"),
        integers(indices, op, "indices"),
        shape4(input_shape, op, "input_shape"),
        kernel,
        pool_stride(stride, kernel, op),
        pair(padding, op, "padding"),
        pair(dilation, op, "dilation"),
        flag(ceil_mode, op, "ceil_mode"),
    )


def avg_pool2d(
    x: Array,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """Average each window.  (N, C, H, W) -> (N, C, I, J).

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        kernel_size: size of the window, an int or (height, width).
        stride: step of the window; `kernel_size` unless given.
        padding: zeros around the image, at most half the window.
        ceil_mode: keep a last window that only partly covers the image.
        count_include_pad: whether the divisor counts the padding.

    Raises:
        TypeError: `x` is not float32, or an argument is not an int.
        ValueError: the window does not fit the image.

    Example:
        >>> import numpy as np
        >>> avg_pool2d(np.float32([[[[1, 4], [3, 2]]]]), 2).item()
        2.5
    """
    kernel = pair(kernel_size, "avg_pool2d", "kernel_size")
    return _core.avg_pool2d_forward(
        float32(x, "avg_pool2d", "x"),
        kernel,
        pool_stride(stride, kernel, "avg_pool2d"),
        pair(padding, "avg_pool2d", "padding"),
        flag(ceil_mode, "avg_pool2d", "ceil_mode"),
        flag(count_include_pad, "avg_pool2d", "count_include_pad"),
    )


def avg_pool2d_grad(
    dy: Array,
    input_shape: Sequence[int],
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    """Gradient of `avg_pool2d`: each number spread over its window.  -> `input_shape`.

    Errors are as for `avg_pool2d`.

    Example:
        >>> import numpy as np
        >>> avg_pool2d_grad(np.float32([[[[8]]]]), (1, 1, 2, 2), 2)[0, 0]
        array([[2., 2.],
               [2., 2.]], dtype=float32)
    """
    op = "avg_pool2d_grad"
    kernel = pair(kernel_size, op, "kernel_size")
    return _core.avg_pool2d_grad(
        float32(dy, op, "dy"),
        shape4(input_shape, op, "input_shape"),
        kernel,
        pool_stride(stride, kernel, op),
        pair(padding, op, "padding"),
        flag(ceil_mode, op, "ceil_mode"),
        flag(count_include_pad, op, "count_include_pad"),
    )
