"""Two-dimensional convolution and its gradients, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import borders, describe, float32, integer, pair, ranked, shape4

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Activation, Array

__all__ = [
    "PackedWeight",
    "conv2d",
    "conv2d_grad_bias",
    "conv2d_grad_input",
    "conv2d_grad_weight",
    "conv2d_moments",
]

PackedWeight = _core.PackedWeight


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    scale: Array | None = None,
    residual: Array | None = None,
    activation: Activation = "none",
    packed: PackedWeight | None = None,
    version: int | None = None,
) -> Array:
    """Cross-correlate images with a bank of kernels.  (N, C, H, W) -> (N, K, I, J).

    y[n,k,i,j] = activation(bias[k] + residual[n,k,i,j] + scale[k] * sum over c,r,s of
    weight[k,c,r,s] * x[n, c, i*stride + r*dilation - padding, j*stride + s*dilation - padding])

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        weight: kernels (K, C / groups, R, S).
        bias: one number per output channel (K,), or None.
        stride: step of the window, an int or (height, width).
        padding: zeros added on each side, an int or (height, width), or (top, left, bottom, right).
        dilation: distance between the taps of a kernel.
        groups: number of blocks that input and output channels are divided into.
        scale: a factor of each output channel (K,), or None: with `bias` a batch normalisation in
            evaluation (`batch_norm_scale_shift`).
        residual: (N, K, I, J), added before the activation, or None.
        activation: "none", "relu", "relu6", "silu" or "hardswish", all in the same pass.
        packed: keeps the weight in the kernels' order from call to call, and sees by itself when the
            weight has changed: for weights that stay as they are.
        version: a number of the weight's present values, another one whenever they may have been
            written, by which `packed` knows them without reading them; None: it reads them.

    Returns:
        (N, K, I, J) with I = (H + 2 * padding - dilation * (R - 1) - 1) // stride + 1, J likewise, where
        top + bottom and left + right take the place of 2 * padding; channels are innermost in memory.

    Raises:
        TypeError: an array is not float32, or an argument is not an int.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> x = np.ones((1, 1, 3, 3), np.float32)
        >>> conv2d(x, np.ones((1, 1, 2, 2), np.float32))[0, 0]
        array([[4., 4.],
               [4., 4.]], dtype=float32)
    """
    check_packed(packed, "conv2d")
    return _core.conv2d_forward(
        float32(x, "conv2d", "x"),
        float32(weight, "conv2d", "weight"),
        None if bias is None else float32(bias, "conv2d", "bias"),
        pair(stride, "conv2d", "stride"),
        borders(padding, "conv2d"),
        pair(dilation, "conv2d", "dilation"),
        integer(groups, "conv2d", "groups"),
        activation,
        None if scale is None else float32(scale, "conv2d", "scale"),
        None if residual is None else float32(residual, "conv2d", "residual"),
        packed,
        None if version is None else integer(version, "conv2d", "version"),
    )


def conv2d_moments(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    packed: PackedWeight | None = None,
    version: int | None = None,
) -> tuple[Array, Array, Array]:
    """`conv2d`, and the moments of what it gives.  (N, C, H, W) -> (N, K, I, J), (K,), (K,).

    For a batch normalisation that follows in training: mean and biased variance of each channel, as
    `batch_moments` has them within rounding, are taken of each block of pixels as it is written,
    before it leaves the caches. Blocks are joined in double precision (Chan, Golub and LeVeque 1983),
    and each sums differences from its first pixel, so that a mean far from zero costs no digits.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        weight: kernels (K, C / groups, R, S).
        bias: one number per output channel (K,), or None.
        stride: step of the window, an int or (height, width).
        padding: zeros added on each side, an int or (height, width), or (top, left, bottom, right).
        dilation: distance between the taps of a kernel.
        groups: number of blocks that input and output channels are divided into.
        packed: keeps the weight in the kernels' order, as for `conv2d`.
        version: a number of the weight's present values, as for `conv2d`.

    Returns:
        What `conv2d` gives, to the bit; the means; the variances.

    Raises:
        TypeError: an array is not float32, or an argument is not an int.
        ValueError: the shapes do not fit together, or the output has no pixel.

    Example:
        >>> import numpy as np
        >>> x = np.array([1, 3], np.float32).reshape(2, 1, 1, 1)
        >>> y, mean, variance = conv2d_moments(x, np.full((1, 1, 1, 1), 2, np.float32))
        >>> y.ravel(), mean, variance
        (array([2., 6.], dtype=float32), array([4.], dtype=float32), array([4.], dtype=float32))
    """
    op = "conv2d_moments"
    check_packed(packed, op)
    return _core.conv2d_moments(
        float32(x, op, "x"),
        float32(weight, op, "weight"),
        None if bias is None else float32(bias, op, "bias"),
        pair(stride, op, "stride"),
        borders(padding, op),
        pair(dilation, op, "dilation"),
        integer(groups, op, "groups"),
        packed,
        None if version is None else integer(version, op, "version"),
    )


def conv2d_grad_input(
    dy: Array,
    weight: Array,
    input_shape: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Array:
    """Gradient of `conv2d` by its input.  (N, K, I, J) -> `input_shape` (N, C, H, W).

    Also known as the transposed convolution of `dy`. The arguments after `input_shape` are the
    forward's; errors are as for `conv2d`.

    Example:
        >>> import numpy as np
        >>> dy = np.ones((1, 1, 2, 2), np.float32)
        >>> conv2d_grad_input(dy, np.ones((1, 1, 2, 2), np.float32), (1, 1, 3, 3))[0, 0]
        array([[1., 2., 1.],
               [2., 4., 2.],
               [1., 2., 1.]], dtype=float32)
    """
    op = "conv2d_grad_input"
    return _core.conv2d_grad_input(
        float32(dy, op, "dy"),
        float32(weight, op, "weight"),
        shape4(input_shape, op, "input_shape"),
        pair(stride, op, "stride"),
        borders(padding, op),
        pair(dilation, op, "dilation"),
        integer(groups, op, "groups"),
    )


def conv2d_grad_weight(
    dy: Array,
    x: Array,
    weight_shape: Sequence[int],
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Array:
    """Gradient of `conv2d` by its weight.  -> `weight_shape` (K, C / groups, R, S).

    The arguments after `weight_shape` are the forward's; errors are as for `conv2d`.

    Example:
        >>> import numpy as np
        >>> dy = np.ones((1, 1, 2, 2), np.float32)
        >>> conv2d_grad_weight(dy, np.ones((1, 1, 3, 3), np.float32), (1, 1, 2, 2))[0, 0]
        array([[4., 4.],
               [4., 4.]], dtype=float32)
    """
    op = "conv2d_grad_weight"
    return _core.conv2d_grad_weight(
        float32(dy, op, "dy"),
        float32(x, op, "x"),
        shape4(weight_shape, op, "weight_shape"),
        pair(stride, op, "stride"),
        borders(padding, op),
        pair(dilation, op, "dilation"),
        integer(groups, op, "groups"),
    )


def conv2d_grad_bias(dy: Array) -> Array:
    """Gradient of `conv2d` by its bias: the sum of each channel.  (N, K, I, J) -> (K,).

    Example:
        >>> import numpy as np
        >>> conv2d_grad_bias(np.ones((2, 1, 2, 2), np.float32))
        array([8.], dtype=float32)
    """
    op = "conv2d_grad_bias"
    return _core.channel_sum(ranked(float32(dy, op, "dy"), op, "dy", 4))


def check_packed(packed: object, op: str) -> None:
    """TypeError for what is neither a `PackedWeight` nor None."""
    if packed is not None and not isinstance(packed, PackedWeight):
        raise TypeError(f"{op}: packed must be a PackedWeight or None, got {describe(packed)}")
