"""Loss layers of numbers: a target for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.nn import functional as F
from convlet.nn.functional._reduction import check_reduction
from convlet.nn.loss import WeightedLoss
from convlet.nn.module import Module
from convlet.ops._arguments import real
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "HuberLoss",
    "L1Loss",
    "MSELoss",
    "SmoothL1Loss",
]


class BCELoss(WeightedLoss):
    """-(t log p + (1 - t) log(1 - p)) for probabilities p; `BCEWithLogitsLoss` is more exact.

    Args:
        weight: factors of the losses, broadcast to their shape, or None.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: the reduction is unknown.

    Example:
        >>> round(BCELoss()([0.5], [1.0]).item(), 4)
        0.6931
    """

    def __init__(
        self, weight: Tensor | npt.ArrayLike | None = None, *, reduction: str = "mean"
    ) -> None:
        """Remember what counts how much."""
        super().__init__(weight, reduction)

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(WeightedLoss):
    """Binary cross-entropy of sigmoid(input), computed from the logits without overflow.

    Args:
        weight: factors of the losses, broadcast to their shape, or None.
        reduction: "mean", "sum" or "none".
        pos_weight: how much a target of 1 counts, broadcast to the input, or None for 1.

    Raises:
        ValueError: the reduction is unknown.

    Example:
        >>> round(BCEWithLogitsLoss()([0.0], [1.0]).item(), 4)
        0.6931
    """

    pos_weight: Array | None

    def __init__(
        self,
        weight: Tensor | npt.ArrayLike | None = None,
        *,
        reduction: str = "mean",
        pos_weight: Tensor | npt.ArrayLike | None = None,
    ) -> None:
        """Remember what counts how much."""
        super().__init__(weight, reduction)
        values = None if pos_weight is None else np.array(as_tensor(pos_weight).data, order="C")
        self.register_buffer("pos_weight", values)

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class MSELoss(Module):
    """(input - target) ** 2.

    Args:
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: the reduction is unknown.

    Example:
        >>> MSELoss()([1.0, 2.0], [1.0, 4.0]).item()
        2.0
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        """Remember the reduction."""
        super().__init__()
        check_reduction(reduction, "MSELoss")
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Module):
    """|input - target|.

    Args:
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: the reduction is unknown.

    Example:
        >>> L1Loss()([1.0, 2.0], [1.0, 4.0]).item()
        1.0
    """

    def __init__(self, *, reduction: str = "mean") -> None:
        """Remember the reduction."""
        super().__init__()
        check_reduction(reduction, "L1Loss")
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Module):
    """A parabola where |input - target| < beta, else a straight line.

    Args:
        reduction: "mean", "sum" or "none".
        beta: where the parabola ends, at least 0.

    Raises:
        TypeError: beta is no number.
        ValueError: the reduction is unknown.

    Example:
        >>> SmoothL1Loss()([1.0], [4.0]).item()
        2.5
    """

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        """Remember the bend."""
        super().__init__()
        check_reduction(reduction, "SmoothL1Loss")
        self.reduction = reduction
        self.beta = real(beta, "SmoothL1Loss", "beta")

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Module):
    """delta times `SmoothL1Loss` with beta = delta.

    Args:
        reduction: "mean", "sum" or "none".
        delta: where the parabola ends, above 0.

    Raises:
        TypeError: delta is no number.
        ValueError: the reduction is unknown.

    Example:
        >>> HuberLoss(delta=0.5)([1.0], [4.0]).item()
        1.375
    """

    def __init__(self, *, reduction: str = "mean", delta: float = 1.0) -> None:
        """Remember the bend."""
        super().__init__()
        check_reduction(reduction, "HuberLoss")
        self.reduction = reduction
        self.delta = real(delta, "HuberLoss", "delta")

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)
