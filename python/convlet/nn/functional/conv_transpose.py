"""Transposed convolution on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import ops
from convlet.autograd import record
from convlet.nn.functional._inputs import optional_tensor
from convlet.nn.functional._windows import windowed
from convlet.ops._arguments import integer, pair
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["conv_transpose2d"]


def conv_transpose2d(
    input: Tensor | npt.ArrayLike,
    weight: Tensor | npt.ArrayLike,
    bias: Tensor | npt.ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Spread each pixel over a kernel's size: the gradient of a convolution by its input.

    (N, C, H, W) -> (N, K, I, J); arguments and errors are those of
    `convlet.ops.conv_transpose2d`, `weight` is (C, K / groups, R, S).

    Example:
        >>> from convlet import Tensor
        >>> import numpy as np
        >>> conv_transpose2d(Tensor(np.ones((1, 3, 4, 4))), np.ones((3, 2, 2, 2)), stride=2).shape
        (1, 2, 8, 8)
    """
    op = "conv_transpose2d"
    x, w, b = as_tensor(input), as_tensor(weight), optional_tensor(bias)
    step, border = pair(stride, op, "stride"), pair(padding, op, "padding")
    group_count, gaps = integer(groups, op, "groups"), pair(dilation, op, "dilation")
    x_data, w_data = x.data, w.data
    y = ops.conv_transpose2d(
        x_data, w_data, None if b is None else b.data, step, border, output_padding, groups, gaps
    )

    def vjp(dy: Array, _: bool) -> tuple[Array | None, ...]:
        dx = dw = db = None
        geometry = (step, border, group_count, gaps)
        if w.requires_grad:
            dw = ops.conv_transpose2d_grad_weight(dy, x_data, w_data.shape, *geometry)
        if b is not None and b.requires_grad:
            db = ops.conv2d_grad_bias(dy)
        if x.requires_grad:
            dx = ops.conv_transpose2d_grad_input(dy, w_data, *geometry)
        return (dx, dw) if b is None else (dx, dw, db)

    taps = [-(-n // s) for n, s in zip(w_data.shape[2:], step, strict=True)]
    result = record(y, (x, w) if b is None else (x, w, b), vjp, fresh=True)
    return windowed(result, taps, [1 / s for s in step], gaps)
