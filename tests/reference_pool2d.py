"""Pooling in the plainest loops."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference import Array, Pair, ceil_out_size, crop, out_size, pad


def lowest(dtype: np.dtype[Any]) -> Any:
    """A value that no other is smaller than."""
    return np.iinfo(dtype).min if dtype.kind == "i" else -np.inf


def pooled_size(
    shape: tuple[int, ...],
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    ceil_mode: bool,
) -> Pair:
    rule = ceil_out_size if ceil_mode else out_size
    return (
        rule(shape[2], kernel[0], stride[0], padding[0], dilation[0]),
        rule(shape[3], kernel[1], stride[1], padding[1], dilation[1]),
    )


def max_pool2d(
    x: Array,
    kernel: Pair,
    stride: Pair,
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    ceil_mode: bool = False,
) -> tuple[Array, Array]:
    """The first largest value of each window, or its first NaN; and its position r * S + s."""
    images, channels, height, width = x.shape
    out_h, out_w = pooled_size(x.shape, kernel, stride, padding, dilation, ceil_mode)
    y = np.full((images, channels, out_h, out_w), lowest(x.dtype), x.dtype)
    indices = np.full(y.shape, -1, np.int64)
    for n, c, i, j in np.ndindex(y.shape):
        for r in range(kernel[0]):
            for s in range(kernel[1]):
                h = i * stride[0] + r * dilation[0] - padding[0]
                w = j * stride[1] + s * dilation[1] - padding[1]
                if not (0 <= h < height and 0 <= w < width):
                    continue
                value, best = x[n, c, h, w], y[n, c, i, j]
                first = indices[n, c, i, j] < 0
                if first or value > best or (np.isnan(value) and not np.isnan(best)):
                    y[n, c, i, j] = value
                    indices[n, c, i, j] = r * kernel[1] + s
    return y, indices


def max_pool2d_grad(
    dy: Array,
    indices: Array,
    input_shape: tuple[int, int, int, int],
    kernel: Pair,
    stride: Pair,
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> Array:
    dx = np.zeros(input_shape, dy.dtype)
    for n, c, i, j in np.ndindex(dy.shape):
        r, s = divmod(int(indices[n, c, i, j]), kernel[1])
        h = i * stride[0] + r * dilation[0] - padding[0]
        w = j * stride[1] + s * dilation[1] - padding[1]
        dx[n, c, h, w] += dy[n, c, i, j]
    return dx


def window_weights(
    shape: tuple[int, ...],
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool,
    count_include_pad: bool,
) -> list[tuple[int, int, slice, slice, int]]:
    """(i, j, rows, columns, divisor) of each window, in padded pixels."""
    _, _, height, width = shape
    out_h, out_w = pooled_size(shape, kernel, stride, padding, (1, 1), ceil_mode)
    found = []
    for i in range(out_h):
        for j in range(out_w):
            top, left = i * stride[0], j * stride[1]
            bottom = min(top + kernel[0], height + 2 * padding[0])
            right = min(left + kernel[1], width + 2 * padding[1])
            if count_include_pad:
                count = (bottom - top) * (right - left)
            else:
                rows = min(bottom, height + padding[0]) - max(top, padding[0])
                columns = min(right, width + padding[1]) - max(left, padding[1])
                count = rows * columns
            found.append((i, j, slice(top, bottom), slice(left, right), count))
    return found


def avg_pool2d(
    x: Array,
    kernel: Pair,
    stride: Pair,
    padding: Pair = (0, 0),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    out = pooled_size(x.shape, kernel, stride, padding, (1, 1), ceil_mode)
    padded = pad(x, padding)
    y = np.zeros((*x.shape[:2], *out), np.float64)
    for i, j, rows, columns, count in window_weights(
        x.shape, kernel, stride, padding, ceil_mode, count_include_pad
    ):
        y[:, :, i, j] = padded[:, :, rows, columns].sum((2, 3)) / count
    return y


def avg_pool2d_grad(
    dy: Array,
    input_shape: tuple[int, int, int, int],
    kernel: Pair,
    stride: Pair,
    padding: Pair = (0, 0),
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    dx = pad(np.zeros(input_shape, np.float64), padding)
    for i, j, rows, columns, count in window_weights(
        input_shape, kernel, stride, padding, ceil_mode, count_include_pad
    ):
        dx[:, :, rows, columns] += dy[:, :, i, j, np.newaxis, np.newaxis] / count
    return crop(dx, padding, input_shape)
