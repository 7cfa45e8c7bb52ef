"""Convolution on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import ops
from convlet.autograd import is_recorded, record
from convlet.nn.functional._inputs import optional_tensor
from convlet.nn.functional._windows import windowed
from convlet.nn.functional.activation import BENDS, CUTS
from convlet.nn.parameter import array_and_version
from convlet.ops._arguments import borders, integer, pair
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Activation, Array, Borders, Pair

__all__ = ["conv2d"]


def conv2d(
    input: Tensor | npt.ArrayLike,
    weight: Tensor | npt.ArrayLike,
    bias: Tensor | npt.ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    *,
    residual: Tensor | npt.ArrayLike | None = None,
    activation: Activation = "none",
    packed: ops.PackedWeight | None = None,
    moments: list[Array] | None = None,
) -> Tensor:
    """Cross-correlate images with kernels.  (N, C, H, W) -> (N, K, I, J).

    Args:
        input: images (N, C, H, W).
        weight: kernels (K, C / groups, R, S).
        bias: one number per output channel, or None.
        stride: step of the window.
        padding: zeros on each side, or (top, left, bottom, right), convlet's addition; "valid" is none,
            "same" keeps height and width (stride 1 only; the odd zero of an even kernel goes to the
            right and the bottom, as in PyTorch).
        dilation: distance between the taps of a kernel.
        groups: number of blocks that input and output channels are divided into.
        residual: images added before the activation, or None; convlet's addition, one pass for all.
        activation: "none", "relu", "relu6", "silu" or "hardswish", applied last; convlet's addition.
        packed: keeps the packed weight from call to call; used where nothing is recorded.
        moments: an empty list that takes mean and variance of each output channel, for a `batch_norm`
            in training that follows (`ops.conv2d_moments`); without residual and activation.

    Raises:
        TypeError: an argument is not a number of the right kind.
        ValueError: the shapes do not fit together.

    Example:
        >>> from convlet import Tensor
        >>> import numpy as np
        >>> conv2d(Tensor(np.ones((1, 1, 4, 4))), np.ones((2, 1, 3, 3)), padding="same").shape
        (1, 2, 4, 4)
    """
    x, w, b = as_tensor(input), as_tensor(weight), optional_tensor(bias)
    x_data, (w_data, version) = x.data, array_and_version(w)
    step, gaps = pair(stride, "conv2d", "stride"), pair(dilation, "conv2d", "dilation")
    group_count = integer(groups, "conv2d", "groups")
    if isinstance(padding, str):
        border = _named_padding(x_data, w_data, padding, step, gaps)
    else:
        border = borders(padding, "conv2d")
    more = optional_tensor(residual)
    parents = tuple(p for p in (x, w, b, more) if p is not None)
    recording = is_recorded(parents)
    if moments is not None and (more is not None or activation != "none"):
        raise ValueError("conv2d: moments are taken without residual and activation")
    if recording and activation in BENDS:
        y = conv2d(x, w, b, step, border, gaps, group_count, residual=more)
        return BENDS[activation](y)
    b_data, kept = None if b is None else b.data, None if recording else packed
    if moments is None:
        y_data = ops.conv2d(
            x_data,
            w_data,
            b_data,
            step,
            border,
            gaps,
            group_count,
            residual=None if more is None else more.data,
            activation=activation,
            packed=kept,
            version=version,
        )
    else:
        y_data, *found = ops.conv2d_moments(
            x_data, w_data, b_data, step, border, gaps, group_count, packed=kept, version=version
        )
        moments.extend(found)

    def vjp(dy: Array, ours: bool) -> tuple[Array | None, ...]:
        if activation in CUTS:
            dy = CUTS[activation](dy, y_data, overwrite_dy=ours)
        dx = dw = db = None
        if w.requires_grad:
            dw = ops.conv2d_grad_weight(dy, x_data, w_data.shape, step, border, gaps, group_count)
        if b is not None and b.requires_grad:
            db = ops.conv2d_grad_bias(dy)
        if x.requires_grad:
            dx = ops.conv2d_grad_input(dy, w_data, x_data.shape, step, border, gaps, group_count)
        pairs = ((x, dx), (w, dw), (b, db), (more, dy))
        return tuple(gradient for parent, gradient in pairs if parent is not None)

    return windowed(record(y_data, parents, vjp, fresh=True), w_data.shape[2:], step, gaps)


def _named_padding(x: Array, weight: Array, padding: str, stride: Pair, dilation: Pair) -> Borders:
    if padding == "valid":
        return 0, 0, 0, 0
    if padding != "same":
        raise ValueError(
            f'conv2d: padding must be numbers, "same" or "valid", got "{padding[:40]}"'
        )
    if stride != (1, 1):
        raise ValueError(f'conv2d: padding "same" needs stride 1, got {stride}')
    if x.ndim != 4 or weight.ndim != 4:
        return 0, 0, 0, 0  # the kernel says what is wrong with the rank
    if min(*weight.shape[2:], *dilation) < 1:
        return 0, 0, 0, 0  # and with an empty kernel or a dilation below 1
    total_h = dilation[0] * (weight.shape[2] - 1)
    total_w = dilation[1] * (weight.shape[3] - 1)
    top, left = total_h // 2, total_w // 2
    return top, left, total_h - top, total_w - left
