"""The fully connected layer on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import ops
from convlet.autograd import is_recorded, record
from convlet.nn.functional._inputs import optional_tensor
from convlet.nn.functional._windows import whole
from convlet.nn.functional.activation import BENDS, CUTS
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Activation, Array

__all__ = ["linear"]


def linear(
    input: Tensor | npt.ArrayLike,
    weight: Tensor | npt.ArrayLike,
    bias: Tensor | npt.ArrayLike | None = None,
    *,
    activation: Activation = "none",
) -> Tensor:
    """X @ weight.T + bias.  (…, F) -> (…, K).

    Args:
        input: features in the last dimension.
        weight: (K, F).
        bias: (K,) or None.
        activation: "none", "relu", "relu6", "silu" or "hardswish", applied last; convlet's addition.

    Raises:
        ValueError: the shapes do not fit together.

    Example:
        >>> from convlet import Tensor
        >>> linear(Tensor([[1.0, 2.0]]), [[3.0, 4.0]], [5.0])
        Tensor([[16.]])
    """
    x, w, b = as_tensor(input), as_tensor(weight), optional_tensor(bias)
    if x.data.ndim not in {0, 2} and w.data.ndim == 2:
        return _on_rows(x, w, b, activation)
    parents = (x, w) if b is None else (x, w, b)
    if activation in BENDS and is_recorded(parents):
        return BENDS[activation](linear(x, w, b))
    x_data, w_data = x.data, w.data
    y = ops.linear(x_data, w_data, None if b is None else b.data, activation=activation)

    def vjp(dy: Array, ours: bool) -> tuple[Array | None, ...]:
        if activation in CUTS:
            dy = CUTS[activation](dy, y, overwrite_dy=ours)
        dx = ops.linear_grad_input(dy, w_data) if x.requires_grad else None
        dw = ops.linear_grad_weight(dy, x_data) if w.requires_grad else None
        if b is None:
            return dx, dw
        return dx, dw, ops.linear_grad_bias(dy) if b.requires_grad else None

    return whole(record(y, parents, vjp, fresh=True))


def _on_rows(x: Tensor, weight: Tensor, bias: Tensor | None, activation: Activation) -> Tensor:
    *leading, features = x.shape
    rows = 1
    for extent in leading:
        rows *= extent
    y = linear(x.reshape(rows, features), weight, bias, activation=activation)
    return y.reshape(*leading, weight.shape[0])
