"""What the operators mean, in the plainest loops: the slowest code of the repository.

Every function keeps the dtype of its input, so that int64 arrays give exact answers and float64
arrays give nearly exact ones. Nothing here is shared with the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

Array: TypeAlias = npt.NDArray[Any]
Pair: TypeAlias = tuple[int, int]
Window: TypeAlias = tuple[int, int, slice, slice]


def out_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """How often a dilated window fits as it slides over a padded axis."""
    span = dilation * (kernel - 1) + 1
    count = 0
    while count * stride + span <= size + 2 * padding:
        count += 1
    return count


def ceil_out_size(size: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """The same, and a last window over the end where the others leave a rest.

    A window that would start beyond the image and its left padding is dropped, as in PyTorch.
    """
    count = out_size(size, kernel, stride, padding, dilation)
    covered = (count - 1) * stride + dilation * (kernel - 1) + 1
    if covered < size + 2 * padding and count * stride < size + padding:
        count += 1
    return count


def pad(x: Array, padding: Pair, value: Any = 0) -> Array:
    """A border of `value` around each image."""
    n, c, h, w = x.shape
    padded = np.full((n, c, h + 2 * padding[0], w + 2 * padding[1]), value, x.dtype)
    padded[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + w] = x
    return padded


def crop(padded: Array, padding: Pair, shape: tuple[int, ...]) -> Array:
    """The image inside its border."""
    _, _, h, w = shape
    return padded[:, :, padding[0] : padding[0] + h, padding[1] : padding[1] + w].copy()


def windows(out: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Iterator[Window]:
    """(i, j, rows, columns): the padded pixels that output pixel (i, j) looks at."""
    for i in range(out[0]):
        for j in range(out[1]):
            top, left = i * stride[0], j * stride[1]
            yield (
                i,
                j,
                slice(top, top + dilation[0] * (kernel[0] - 1) + 1, dilation[0]),
                slice(left, left + dilation[1] * (kernel[1] - 1) + 1, dilation[1]),
            )


def group_of(k: int, out_channels: int, group_channels: int, groups: int) -> slice:
    """The input channels that output channel k looks at."""
    first = k // (out_channels // groups) * group_channels
    return slice(first, first + group_channels)


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    outs, group_channels, *kernel = weight.shape
    axes = zip(x.shape[2:], kernel, stride, padding, dilation, strict=True)
    out_h, out_w = (out_size(*axis) for axis in axes)
    padded = pad(x, padding)
    y = np.zeros((x.shape[0], outs, out_h, out_w), x.dtype)
    for i, j, rows, columns in windows((out_h, out_w), (kernel[0], kernel[1]), stride, dilation):
        for k in range(outs):
            window = padded[:, group_of(k, outs, group_channels, groups), rows, columns]
            y[:, k, i, j] = (window * weight[k]).sum((1, 2, 3))
    if bias is not None:
        y += bias[:, np.newaxis, np.newaxis]
    return y


def conv2d_grad_input(
    dy: Array,
    weight: Array,
    input_shape: tuple[int, int, int, int],
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    outs, group_channels, *kernel = weight.shape
    dx = pad(np.zeros(input_shape, dy.dtype), padding)
    out = dy.shape[2], dy.shape[3]
    for i, j, rows, columns in windows(out, (kernel[0], kernel[1]), stride, dilation):
        for k in range(outs):
            grad = dy[:, k, i, j, np.newaxis, np.newaxis, np.newaxis]
            dx[:, group_of(k, outs, group_channels, groups), rows, columns] += grad * weight[k]
    return crop(dx, padding, input_shape)


def conv2d_grad_weight(
    dy: Array,
    x: Array,
    weight_shape: tuple[int, int, int, int],
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    groups: int = 1,
) -> Array:
    outs, group_channels, *kernel = weight_shape
    padded = pad(x, padding)
    dw = np.zeros(weight_shape, dy.dtype)
    out = dy.shape[2], dy.shape[3]
    for i, j, rows, columns in windows(out, (kernel[0], kernel[1]), stride, dilation):
        for k in range(outs):
            grad = dy[:, k, i, j, np.newaxis, np.newaxis, np.newaxis]
            window = padded[:, group_of(k, outs, group_channels, groups), rows, columns]
            dw[k] += (grad * window).sum(0)
    return dw


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    y = np.zeros((x.shape[0], weight.shape[0]), x.dtype)
    for n in range(x.shape[0]):
        for k in range(weight.shape[0]):
            y[n, k] = (x[n] * weight[k]).sum()
    return y if bias is None else y + bias


def relu(x: Array) -> Array:
    return np.where(x < 0, 0, x).astype(x.dtype)
