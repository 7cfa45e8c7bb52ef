"""Loss layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn import functional as F
from convlet.nn.functional.loss import check_reduction
from convlet.nn.module import Module

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.tensor import Tensor

__all__ = ["CrossEntropyLoss"]


class CrossEntropyLoss(Module):
    """Minus the logarithm of the softmax at each label.  (N, K), (N,) -> one number.

    Args:
        reduction: "mean" over rows, "sum", or "none" for one loss per row.

    Raises:
        ValueError: the reduction is unknown.

    Example:
        >>> round(CrossEntropyLoss()([[0.0, 0.0]], [1]).item(), 4)
        0.6931
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        """Remember the reduction."""
        super().__init__()
        check_reduction(reduction, "CrossEntropyLoss")
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.cross_entropy(input, target, reduction=self.reduction)
