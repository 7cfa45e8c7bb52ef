"""Pooling on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import ops
from convlet.autograd import record
from convlet.ops._arguments import pair, pool_stride
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["adaptive_avg_pool2d", "adaptive_max_pool2d", "avg_pool2d", "max_pool2d"]


def max_pool2d(
    input: Tensor | npt.ArrayLike,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Keep the largest value of each window.  (N, C, H, W) -> (N, C, I, J).

    Arguments and errors are those of `convlet.ops.max_pool2d`.

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
    return record(
        y,
        (x,),
        lambda dy: (
            ops.max_pool2d_grad(dy, indices, shape, kernel, step, border, gaps, ceil_mode),
        ),
    )


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
    return record(
        ops.avg_pool2d(x.data, kernel, step, border, ceil_mode, count_include_pad),
        (x,),
        lambda dy: (
            ops.avg_pool2d_grad(dy, shape, kernel, step, border, ceil_mode, count_include_pad),
        ),
    )


def adaptive_max_pool2d(
    input: Tensor | npt.ArrayLike, output_size: int | Sequence[int | None] | None
) -> Tensor:
    """Keep the largest value of each of I x J windows.  (N, C, H, W) -> (N, C, I, J).

    Arguments and errors are those of `convlet.ops.adaptive_max_pool2d`.

    Example:
        >>> from convlet import Tensor
        >>> adaptive_max_pool2d(Tensor([[[[1.0, 4.0], [3.0, 2.0]]]]), 1).item()
        4.0
    """
    x = as_tensor(input)
    y, indices = ops.adaptive_max_pool2d(x.data, output_size)
    shape = x.data.shape
    return record(y, (x,), lambda dy: (ops.adaptive_max_pool2d_grad(dy, indices, shape),))


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
    return record(y, (x,), lambda dy: (ops.adaptive_avg_pool2d_grad(dy, shape),))
