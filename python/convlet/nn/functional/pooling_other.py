"""Pooling of lines, of powers, and back from maxima, on tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet import ops
from convlet.autograd import record
from convlet.nn.functional._views import as_image, as_line
from convlet.nn.functional.pooling import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    avg_pool2d,
    max_pool2d,
)
from convlet.ops._arguments import flag, integers, numbers, pair, pool_stride, ranked, real
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Array, IntArray

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_max_pool1d",
    "avg_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_unpool2d",
]


def max_pool1d(
    input: Tensor | npt.ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Keep the largest value of each window of a line.  (N, C, L) -> (N, C, J).

    Arguments and errors are those of `max_pool2d`.

    Example:
        >>> max_pool1d([[[1.0, 4.0, 3.0, 2.0]]], 2).flatten()
        Tensor([4., 3.])
    """
    op = "max_pool1d"
    kernel, step = _window(kernel_size, stride, op)
    (border,), (gap,) = numbers(padding, 1, op, "padding"), numbers(dilation, 1, op, "dilation")
    y = max_pool2d(
        as_image(as_tensor(input), op), (1, kernel), (1, step), (0, border), (1, gap), ceil_mode
    )
    return as_line(y)


def avg_pool1d(
    input: Tensor | npt.ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Average each window of a line.  (N, C, L) -> (N, C, J).

    Arguments and errors are those of `avg_pool2d`.

    Example:
        >>> avg_pool1d([[[1.0, 4.0, 3.0, 2.0]]], 2).flatten()
        Tensor([2.5, 2.5])
    """
    op = "avg_pool1d"
    kernel, step = _window(kernel_size, stride, op)
    (border,) = numbers(padding, 1, op, "padding")
    y = avg_pool2d(
        as_image(as_tensor(input), op),
        (1, kernel),
        (1, step),
        (0, border),
        ceil_mode,
        count_include_pad,
    )
    return as_line(y)


def adaptive_avg_pool1d(
    input: Tensor | npt.ArrayLike, output_size: int | Sequence[int] | None
) -> Tensor:
    """Average each of J windows of a line.  (N, C, L) -> (N, C, J).

    Arguments and errors are those of `adaptive_avg_pool2d`.

    Example:
        >>> adaptive_avg_pool1d([[[1.0, 4.0, 3.0, 2.0]]], 1).item()
        2.5
    """
    x = as_image(as_tensor(input), "adaptive_avg_pool1d")
    return as_line(adaptive_avg_pool2d(x, (1, _length(output_size, "adaptive_avg_pool1d"))))


def adaptive_max_pool1d(
    input: Tensor | npt.ArrayLike, output_size: int | Sequence[int] | None
) -> Tensor:
    """Keep the largest value of each of J windows of a line.  (N, C, L) -> (N, C, J).

    Arguments and errors are those of `adaptive_max_pool2d`.

    Example:
        >>> adaptive_max_pool1d([[[1.0, 4.0, 3.0, 2.0]]], 1).item()
        4.0
    """
    x = as_image(as_tensor(input), "adaptive_max_pool1d")
    return as_line(adaptive_max_pool2d(x, (1, _length(output_size, "adaptive_max_pool1d"))))


def lp_pool2d(
    input: Tensor | npt.ArrayLike,
    norm_type: float,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
) -> Tensor:
    """(sum of x ** p) ** (1 / p) over each window.  (N, C, H, W) -> (N, C, I, J).

    1 is the sum, 2 the length of a vector. Where the sum is 0, so is the gradient.

    Args:
        input: images; for a p that is odd or no whole number they should not be negative.
        norm_type: p, not 0.
        kernel_size: size of the window, an int or (height, width).
        stride: step of the window; `kernel_size` unless given.
        ceil_mode: keep a last window that only partly covers the image.

    Raises:
        TypeError: an argument is not of its type.
        ValueError: p is 0, or the window does not fit the image.

    Example:
        >>> lp_pool2d([[[[3.0, 4.0]]]], 2, (1, 2)).item()
        5.0
    """
    op = "lp_pool2d"
    x, p = as_tensor(input), real(norm_type, op, "norm_type")
    if p == 0.0 or not math.isfinite(p):
        raise ValueError(f"{op}: norm_type must be a finite number and not 0, got {norm_type}")
    kernel = pair(kernel_size, op, "kernel_size")
    step = pool_stride(stride, kernel, op)
    rounds = flag(ceil_mode, op, "ceil_mode")
    x_data, taps = x.data, np.float32(kernel[0] * kernel[1])
    means = ops.avg_pool2d(x_data ** np.float32(p), kernel, step, 0, rounds)
    with np.errstate(divide="ignore", invalid="ignore"):
        y: Array = (means * taps) ** np.float32(1.0 / p)

    def vjp(dy: Array) -> tuple[Array]:
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = dy * y / (means * np.float32(p))
        spread = np.where(means == 0, np.float32(0), slope)
        dx = ops.avg_pool2d_grad(spread, x_data.shape, kernel, step, 0, rounds)
        return (dx * np.float32(p) * x_data ** np.float32(p - 1.0),)

    return record(y, (x,), vjp)


def max_unpool2d(
    input: Tensor | npt.ArrayLike,
    indices: npt.ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: Sequence[int] | None = None,
) -> Tensor:
    """Put each number where its maximum came from, zeros elsewhere.  (N, C, I, J) -> (N, C, H, W).

    Zeiler and Fergus 2014, "Visualizing and understanding convolutional networks". Where an index
    comes twice, one of the numbers stays.

    Args:
        input: images.
        indices: h * W + w of each number, as `max_pool2d(…, return_indices=True)` gives them.
        kernel_size: that of the pooling.
        stride: that of the pooling; `kernel_size` unless given.
        padding: that of the pooling.
        output_size: (H, W), or a shape that ends so; unless given, the least that the pooling may
            have had.

    Raises:
        TypeError: `indices` are no integers, or a size is not an int.
        ValueError: shapes do not fit, or an index points outside the image.

    Example:
        >>> max_unpool2d([[[[5.0]]]], [[[[3]]]], 2).numpy()[0, 0]
        array([[0., 0.],
               [0., 5.]], dtype=float32)
    """
    op = "max_unpool2d"
    x = as_tensor(input)
    n, c, rows, columns = ranked(x.data, op, "input", 4).shape
    places = integers(np.asarray(indices), op, "indices")
    if places.shape != x.shape:
        raise ValueError(f"{op}: indices must have shape {x.shape}, got {places.shape}")
    kernel = pair(kernel_size, op, "kernel_size")
    step, border = pool_stride(stride, kernel, op), pair(padding, op, "padding")
    if output_size is None:
        h, w = (
            (extent - 1) * step[axis] - 2 * border[axis] + kernel[axis]
            for axis, extent in enumerate((rows, columns))
        )
    else:
        h, w = pair(tuple(output_size)[-2:], op, "output_size")
    if h < 1 or w < 1:
        raise ValueError(f"{op}: output_size must be at least 1, got {h} and {w}")
    if places.size and not 0 <= places.min() <= places.max() < h * w:
        raise ValueError(f"{op}: indices must be in [0, {h * w}), got {_outside(places, h * w)}")
    flat = places.reshape(n, c, rows * columns).astype(np.int64)
    y = np.zeros((n, c, h * w), np.float32)
    np.put_along_axis(y, flat, x.data.reshape(n, c, rows * columns), axis=2)

    def vjp(dy: Array) -> tuple[Array]:
        taken = np.take_along_axis(dy.reshape(n, c, h * w), flat, axis=2)
        return (taken.reshape(n, c, rows, columns),)

    return record(y.reshape(n, c, h, w), (x,), vjp)


def _outside(places: IntArray, count: int) -> int:
    return int(places[(places < 0) | (places >= count)][0])


def _window(
    kernel_size: int | Sequence[int], stride: int | Sequence[int] | None, op: str
) -> tuple[int, int]:
    (kernel,) = numbers(kernel_size, 1, op, "kernel_size")
    (step,) = (kernel,) if stride is None else numbers(stride, 1, op, "stride")
    return kernel, step


def _length(output_size: int | Sequence[int] | None, op: str) -> int | None:
    return None if output_size is None else numbers(output_size, 1, op, "output_size")[0]
