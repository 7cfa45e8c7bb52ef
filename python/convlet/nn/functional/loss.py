"""Losses on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet import ops
from convlet.autograd import record
from convlet.nn.functional._inputs import label_array
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["cross_entropy"]


def cross_entropy(
    input: Tensor | npt.ArrayLike, target: Tensor | npt.ArrayLike, *, reduction: str = "mean"
) -> Tensor:
    """Minus the logarithm of the softmax at each label.  (N, K), (N,) -> one number.

    Args:
        input: unnormalised scores (N, K).
        target: the right class of each row, integers in [0, K).
        reduction: "mean" over rows, "sum", or "none" for one loss per row.

    Raises:
        TypeError: the labels are not integers.
        ValueError: the shapes do not fit, a label is outside [0, K), or there are no rows to
            average.

    Example:
        >>> from convlet import Tensor
        >>> round(cross_entropy(Tensor([[0.0, 0.0]]), [1]).item(), 4)
        0.6931
    """
    x = as_tensor(input)
    check_reduction(reduction, "cross_entropy")
    labels = label_array(target, "cross_entropy")
    losses, probabilities = ops.softmax_cross_entropy(x.data, labels)
    rows = losses.shape[0]
    if reduction == "none":
        y, scale = losses, None
    elif reduction == "sum":
        y, scale = losses.sum(), 1.0
    else:
        if rows == 0:
            raise ValueError("cross_entropy: there are no rows to average")
        y, scale = losses.mean(), 1.0 / rows

    def vjp(dy: Array) -> tuple[Array]:
        if scale is not None:
            dy = np.full(rows, dy * np.float32(scale), np.float32)
        return (ops.softmax_cross_entropy_grad(probabilities, labels, dy),)

    return record(y, (x,), vjp)


def check_reduction(reduction: object, op: str) -> None:
    """A reduction that is known."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'{op}: reduction must be "mean", "sum" or "none", got {reduction!r}')
