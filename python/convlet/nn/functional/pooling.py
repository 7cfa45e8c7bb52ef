"""Pooling on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops
from convlet.autograd import record
from convlet.nn.functional._windows import windowed
from convlet.ops._arguments import pair, pool_stride
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import IntArray, Pair

__all__ = ["adaptive_avg_pool2d", "adaptive_max_pool2d", "avg_pool2d", "max_pool2d"]


def max_pool2d(
    input: Tensor | npt.ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:
    """Keep the largest value of each window.  (N, C, H, W) -> (N, C, I, J).

    Arguments and errors are those of `convlet.ops.max_pool2d`, and:

    Args:
        input: images.
        kernel_size: size of the window.
        stride: its step; `kernel_size` unless given.
        padding: border that never wins.
        dilation: distance between the taps of a window.
        ceil_mode: keep a last window that only partly covers the image.
        return_indices: whether to give a pair, with the pixel h * W + w that each maximum came
            from, an array of ints.

    Example:
        >>> from convlet import Tensor
        >>> max_pool2d(Tensor([[[[1.0, 4.0], [3.0, 2.0]]]]), 2).item()
        4.0
    """
    x = as_tensor(input)
    kernel = pair(kernel_size, "max_pool2d", "kernel_size")
    step = pool_stride(stride, kernel, "max_pool2d")
    border = pair(padding, "max_pool2d", "padding")
    gaps = pair(dilation, "max_pool2d", "dilation")
    y, indices = ops.max_pool2d(x.data, kernel, step, border, gaps, ceil_mode)
    shape = x.data.shape
    maxima = record(
        y,
        (x,),
        lambda dy, _: (
            ops.max_pool2d_grad(dy, indices, shape, kernel, step, border, gaps, ceil_mode),
        ),
        fresh=True,
    )
    windowed(maxima, kernel, step, gaps)
    if not return_indices:
        return maxima
    return maxima, _pixels(indices, shape[3], kernel[1], step, border, gaps)


def avg_pool2d(
    input: Tensor | npt.ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """Average each window.  (N, C, H, W) -> (N, C, I, J).

    Arguments and errors are those of `convlet.ops.avg_pool2d`.

    Example:
        >>> from convlet import Tensor
        >>> avg_pool2d(Tensor([[[[1.0, 4.0], [3.0, 2.0]]]]), 2).item()
        2.5
    """
    x = as_tensor(input)
    kernel = pair(kernel_size, "avg_pool2d", "kernel_size")
    step = pool_stride(stride, kernel, "avg_pool2d")
    border = pair(padding, "avg_pool2d", "padding")
    shape = x.data.shape
    means = record(
        ops.avg_pool2d(x.data, kernel, step, border, ceil_mode, count_include_pad),
        (x,),
        lambda dy, _: (
            ops.avg_pool2d_grad(dy, shape, kernel, step, border, ceil_mode, count_include_pad),
        ),
        fresh=True,
    )
    return windowed(means, kernel, step)


def adaptive_max_pool2d(
    input: Tensor | npt.ArrayLike,
    output_size: int | Sequence[int | None] | None,
    return_indices: bool = False,
) -> Any:
    """Keep the largest value of each of I x J windows.  (N, C, H, W) -> (N, C, I, J).

    Arguments and errors are those of `convlet.ops.adaptive_max_pool2d`; with `return_indices` a
    pair, with the pixel h * W + w that each maximum came from.

    Example:
        >>> from convlet import Tensor
        >>> adaptive_max_pool2d(Tensor([[[[1.0, 4.0], [3.0, 2.0]]]]), 1).item()
        4.0
    """
    x = as_tensor(input)
    y, indices = ops.adaptive_max_pool2d(x.data, output_size)
    shape = x.data.shape
    maxima = record(
        y, (x,), lambda dy, _: (ops.adaptive_max_pool2d_grad(dy, indices, shape),), fresh=True
    )
    _adaptive(maxima, shape)
    return (maxima, indices.astype(np.int64)) if return_indices else maxima


def adaptive_avg_pool2d(
    input: Tensor | npt.ArrayLike, output_size: int | Sequence[int | None] | None
) -> Tensor:
    """Average each of I x J windows.  (N, C, H, W) -> (N, C, I, J).

    Arguments and errors are those of `convlet.ops.adaptive_avg_pool2d`.

    Example:
        >>> from convlet import Tensor
        >>> adaptive_avg_pool2d(Tensor([[[[1.0, 4.0], [3.0, 2.0]]]]), 1).item()
        2.5
    """
    x = as_tensor(input)
    y = ops.adaptive_avg_pool2d(x.data, output_size)
    shape = x.data.shape
    means = record(y, (x,), lambda dy, _: (ops.adaptive_avg_pool2d_grad(dy, shape),), fresh=True)
    return _adaptive(means, shape)


def _pixels(
    indices: IntArray, width: int, taps: int, step: Pair, border: Pair, gaps: Pair
) -> IntArray:
    """Positions inside windows as pixels h * W + w of the image."""
    places = indices.astype(np.int64)
    rows, columns = np.arange(places.shape[2])[:, None], np.arange(places.shape[3])
    h = rows * step[0] - border[0] + places // taps * gaps[0]
    w = columns * step[1] - border[1] + places % taps * gaps[1]
    return np.asarray(h * width + w)


def _adaptive(y: Tensor, shape: tuple[int, ...]) -> Tensor:
    pairs = list(zip(shape[2:], y.shape[2:], strict=True))
    sizes = [-(-extent // many) + (extent % many > 0) for extent, many in pairs if many]
    return windowed(y, sizes, [extent / many for extent, many in pairs if many])
