"""Batch normalisation and its gradient, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import float32

if TYPE_CHECKING:
    from typing import Literal

    from convlet.ops._arguments import Activation, Array

__all__ = ["batch_moments", "batch_norm", "batch_norm_grad", "batch_norm_scale_shift"]


def batch_moments(x: Array) -> tuple[Array, Array]:
    """Mean and biased variance of each channel.  (N, C, H, W) -> (C,), (C,).

    Each chunk of pixels in two passes, the chunks joined in double precision (Chan, Golub and
    LeVeque 1983), so that a mean far from zero costs no digits of the variance.

    Raises:
        TypeError: `x` is not float32.
        ValueError: `x` is not (N, C, H, W), or has no pixel.

    Example:
        >>> import numpy as np
        >>> batch_moments(np.array([1, 3], np.float32).reshape(2, 1, 1, 1))
        (array([2.], dtype=float32), array([1.], dtype=float32))
    """
    return _core.batch_moments(float32(x, "batch_moments", "x"))


def batch_norm(
    x: Array,
    mean: Array,
    variance: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
    *,
    residual: Array | None = None,
    activation: Activation = "none",
) -> Array:
    """activation((x - mean) / sqrt(variance + eps) * weight + bias + residual), in one pass.

    Ioffe and Szegedy 2015, "Batch Normalization", arXiv:1502.03167, algorithm 1.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        mean: one number per channel (C,): the batch's (`batch_moments`) or running ones.
        variance: one number per channel (C,).
        weight: scale of each channel, or None for 1.
        bias: shift of each channel, or None for 0.
        eps: added to the variance.
        residual: images (N, C, H, W) added before the activation, or None.
        activation: "none", "relu", "relu6", "silu" or "hardswish".

    Raises:
        TypeError: an array is not float32.
        ValueError: the shapes do not fit together, or the activation is unknown.

    Example:
        >>> import numpy as np
        >>> x = np.array([1, 3], np.float32).reshape(2, 1, 1, 1)
        >>> batch_norm(x, *batch_moments(x), eps=0.0).ravel()
        array([-1.,  1.], dtype=float32)
    """
    op = "batch_norm"
    return _core.batch_norm_forward(
        float32(x, op, "x"),
        float32(mean, op, "mean"),
        float32(variance, op, "variance"),
        None if weight is None else float32(weight, op, "weight"),
        None if bias is None else float32(bias, op, "bias"),
        eps,
        None if residual is None else float32(residual, op, "residual"),
        activation,
    )


def batch_norm_grad(
    dy: Array,
    x: Array,
    mean: Array,
    variance: Array,
    weight: Array | None = None,
    eps: float = 1e-5,
    *,
    y: Array | None = None,
    scale_shift: tuple[Array, Array] | None = None,
    activation: Literal["none", "relu", "relu6"] = "relu",
    fixed: bool = False,
    residual: bool = False,
    overwrite_dy: bool = False,
) -> tuple[Array, Array, Array, Array | None]:
    """Gradients of `batch_norm` by its input, weight, bias and residual.

    Args:
        dy: gradient of the output (N, C, H, W).
        x: the forward's input.
        mean: the forward's.
        variance: the forward's.
        weight: the forward's.
        eps: the forward's.
        y: the forward's output where it had an activation, else None.
        scale_shift: in place of `y` what `batch_norm_scale_shift` gives for the forward, (C,), (C,).
            They tell from `x` what the activation cut, so that `y` is not read again; not for a
            forward with a residual.
        activation: the forward's, where `y` or `scale_shift` is given; others leave no way back.
        fixed: whether mean and variance were constants and not those of `x`.
        residual: whether the gradient of the residual is wanted.
        overwrite_dy: whether a gradient may be written over `dy`, whose numbers nobody needs any
            more: that of the input, or of the residual where the forward had an activation.

    Raises:
        TypeError: an array is not float32.
        ValueError: the shapes do not fit together, or `scale_shift` comes with `y` or a residual.

    Example:
        >>> import numpy as np
        >>> x = np.array([1, 3], np.float32).reshape(2, 1, 1, 1)
        >>> dx, dweight, dbias, _ = batch_norm_grad(np.ones_like(x), x, *batch_moments(x))
        >>> dx.ravel(), dbias
        (array([0., 0.], dtype=float32), array([2.], dtype=float32))
    """
    op = "batch_norm_grad"
    scale, shift = (None, None) if scale_shift is None else scale_shift
    return _core.batch_norm_grad(
        float32(dy, op, "dy"),
        float32(x, op, "x"),
        None if y is None else float32(y, op, "y"),
        float32(mean, op, "mean"),
        float32(variance, op, "variance"),
        None if weight is None else float32(weight, op, "weight"),
        eps,
        fixed,
        residual,
        activation,
        None if scale is None else float32(scale, op, "scale"),
        None if shift is None else float32(shift, op, "shift"),
        overwrite_dy,
    )


def batch_norm_scale_shift(
    mean: Array,
    variance: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    eps: float = 1e-5,
    *,
    before: Array | None = None,
) -> tuple[Array, Array]:
    """What `batch_norm` multiplies by and adds.  (C,), (C,) -> (C,), (C,).

    In evaluation these are constants, and `conv2d` applies them as it writes its sums.

    Args:
        mean: one number per channel (C,).
        variance: one number per channel (C,).
        weight: scale of each channel, or None for 1.
        bias: shift of each channel, or None for 0.
        eps: added to the variance.
        before: what is to be added to x first (C,), the bias of a convolution, or None.

    Raises:
        TypeError: an array is not float32.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> batch_norm_scale_shift(np.float32([3]), np.float32([4]), eps=0.0)
        (array([0.5], dtype=float32), array([-1.5], dtype=float32))
    """
    op = "batch_norm_scale_shift"
    return _core.batch_norm_scale_shift(
        float32(mean, op, "mean"),
        float32(variance, op, "variance"),
        None if weight is None else float32(weight, op, "weight"),
        None if bias is None else float32(bias, op, "bias"),
        eps,
        None if before is None else float32(before, op, "before"),
    )
