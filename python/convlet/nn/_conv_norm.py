"""A convolution and its batch normalisation in training, as one operation of the tape.

They are two functions (`conv2d` with its moments, `batch_norm`) wherever something looks at what is
between them; where nothing does, one call forward and one back leave less to do between kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet import _core
from convlet._repeating import computes_again
from convlet.autograd import is_recorded, record
from convlet.grad_mode import mode
from convlet.nn.functional._windows import is_noting
from convlet.nn.parameter import array_and_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.nn.conv import Conv2d
    from convlet.nn.normalization import BatchNorm2d
    from convlet.ops._arguments import Activation, Array
    from convlet.tensor import Tensor

__all__ = ["are_one", "conv_batch_norm"]


def are_one(conv: Conv2d, norm: BatchNorm2d, x: Tensor, activation: Activation) -> bool:
    """Whether `conv_batch_norm` gives what the two give one after the other."""
    if mode.watch is not None or is_noting() or x.ndim != 4:
        return False
    if isinstance(conv.padding, str) or conv.padding_mode != "zeros":
        return False
    if norm.num_features != conv.out_channels or activation not in {"none", "relu", "relu6"}:
        return False
    if type(norm.eps) is not float or type(norm.momentum) not in (float, type(None)):
        return False
    return norm.running_mean is None or (
        _is_plain(norm.running_mean) and _is_plain(norm.running_var)
    )


def conv_batch_norm(
    conv: Conv2d,
    norm: BatchNorm2d,
    x: Tensor,
    residual: Tensor | None,
    activation: Activation,
    padding: Sequence[int] | None,
) -> Tensor:
    """activation(norm(conv(x)) + residual), normalised by the batch's own moments."""
    w, b, scale, shift = conv.weight, conv.bias, norm.weight, norm.bias
    border = conv.padding if padding is None else padding
    assert not isinstance(border, str)
    sides = (*border, *border) if len(border) == 2 else border
    geometry = conv.stride, sides, conv.dilation, conv.groups
    x_data, (w_data, version) = x.data, array_and_version(w)
    parents = tuple(p for p in (x, w, b, scale, shift, residual) if p is not None)
    running = None
    if norm.running_mean is not None and norm.running_var is not None and not computes_again():
        running = norm.running_mean, norm.running_var, norm.share_of_batch()
    numbers = (
        None if scale is None else scale.data, None if shift is None else shift.data, norm.eps
    )  # fmt: skip
    y, before, mean, variance = _core.conv2d_norm_forward(
        x_data,
        w_data,
        None if b is None else b.data,
        geometry,
        numbers,
        running,
        None if residual is None else residual.data,
        activation,
        None if is_recorded(parents) else conv.packed,
        version,
    )
    norm.note_batch()
    # What the activation cut is told by what is between, which is read anyway, without a residual.
    kept = None if residual is None or activation == "none" else y

    def vjp(dy: Array, ours: bool) -> tuple[Array | None, ...]:
        dx, dw, db, dscale, dshift, dmore = _core.conv2d_norm_grad(
            dy,
            x_data,
            before,
            mean,
            variance,
            w_data,
            geometry,
            numbers,
            kept,
            activation,
            residual is not None,
            (x.requires_grad, w.requires_grad, b is not None and b.requires_grad),
            ours,
        )
        pairs = ((x, dx), (w, dw), (b, db), (scale, dscale), (shift, dshift), (residual, dmore))
        return tuple(gradient for parent, gradient in pairs if parent is not None)

    return record(y, parents, vjp, fresh=True)


def _is_plain(array: npt.NDArray[np.float32] | None) -> bool:
    """Whether the kernels can move these statistics where they lie."""
    return array is not None and array.dtype == np.float32 and array.flags.carray
