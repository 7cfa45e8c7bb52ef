"""Transposed convolution and its gradients, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import float32, integer, pair
from convlet.ops.conv2d import conv2d, conv2d_grad_weight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Array

__all__ = ["conv_transpose2d", "conv_transpose2d_grad_input", "conv_transpose2d_grad_weight"]


def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Array:
    """The gradient of a convolution by its input, as an operator.  (N, C, H, W) -> (N, K, I, J).

    Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning", section 4.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        weight: kernels (C, K / groups, R, S).
        bias: one number per output channel (K,), or None.
        stride: step of the output's pixels that neighbouring input pixels write around.
        padding: rows and columns cut from each side of the output.
        output_padding: rows and columns added at the bottom and the right; below the stride.
        groups: number of blocks that input and output channels are divided into.
        dilation: distance between the taps of a kernel.

    Returns:
        (N, K, I, J), I = (H - 1) * stride - 2 * padding + dilation * (R - 1) + output_padding + 1,
        J likewise; channels are innermost in memory.

    Raises:
        TypeError: an array is not float32, or an argument is not an int.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> x = np.ones((1, 1, 1, 2), np.float32)
        >>> conv_transpose2d(x, np.ones((1, 1, 1, 3), np.float32), stride=2)[0, 0]
        array([[1., 1., 2., 1., 1.]], dtype=float32)
    """
    op = "conv_transpose2d"
    return _core.conv_transpose2d_forward(
        float32(x, op, "x"),
        float32(weight, op, "weight"),
        None if bias is None else float32(bias, op, "bias"),
        pair(stride, op, "stride"),
        pair(padding, op, "padding"),
        pair(output_padding, op, "output_padding"),
        integer(groups, op, "groups"),
        pair(dilation, op, "dilation"),
    )


def conv_transpose2d_grad_input(
    dy: Array,
    weight: Array,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Array:
    """Gradient of `conv_transpose2d` by its input: a plain convolution.

    (N, K, I, J) -> (N, C, H, W); errors are as for `conv2d`.

    Example:
        >>> import numpy as np
        >>> dy = np.ones((1, 1, 1, 5), np.float32)
        >>> conv_transpose2d_grad_input(dy, np.ones((1, 1, 1, 3), np.float32), stride=2)[0, 0]
        array([[3., 3.]], dtype=float32)
    """
    return conv2d(dy, weight, None, stride, padding, dilation, groups)


def conv_transpose2d_grad_weight(
    dy: Array,
    x: Array,
    weight_shape: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Array:
    """Gradient of `conv_transpose2d` by its weight.  -> `weight_shape` (C, K / groups, R, S).

    Errors are as for `conv2d_grad_weight`, of which this swaps the first two arguments.

    Example:
        >>> import numpy as np
        >>> dy, x = np.ones((1, 1, 1, 5), np.float32), np.ones((1, 1, 1, 2), np.float32)
        >>> conv_transpose2d_grad_weight(dy, x, (1, 1, 1, 3), stride=2)[0, 0]
        array([[2., 2., 2.]], dtype=float32)
    """
    return conv2d_grad_weight(x, dy, weight_shape, stride, padding, dilation, groups)
