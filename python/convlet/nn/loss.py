"""Loss layers of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from convlet.nn import functional as F
from convlet.nn.functional._reduction import check_reduction
from convlet.nn.module import Module
from convlet.ops._arguments import integer, real
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["CrossEntropyLoss", "DiceLoss", "FocalLoss", "LovaszLoss", "NLLLoss", "WeightedLoss"]


class WeightedLoss(Module):
    """What losses with a weight have in common: it is a buffer, and there is a reduction."""

    weight: Array | None

    def __init__(self, weight: Tensor | npt.ArrayLike | None, reduction: str) -> None:
        """Remember both."""
        super().__init__()
        check_reduction(reduction, type(self).__name__)
        self.reduction = reduction
        values = None if weight is None else np.array(as_tensor(weight).data, order="C")
        self.register_buffer("weight", values)

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Any:
        """The loss."""
        raise TypeError(f"{type(self).__name__} has no forward()")


class CrossEntropyLoss(WeightedLoss):
    """Minus the logarithm of the softmax at each label.  (N, K, …), (N, …) -> one number.

    Args:
        weight: how much each class counts (K,), or None for 1.
        ignore_index: a label that counts for nothing; where all are ignored, the mean is NaN and the
            gradient 0.
        reduction: "mean" over places, "sum", or "none" for one loss per place.
        label_smoothing: share in [0, 1] of the target that is spread over all classes.

    Raises:
        ValueError: the reduction is unknown, or the smoothing outside [0, 1].

    Example:
        >>> round(CrossEntropyLoss()([[0.0, 0.0]], [1]).item(), 4)
        0.6931
    """

    def __init__(
        self,
        weight: Tensor | npt.ArrayLike | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        """Remember what counts how much."""
        super().__init__(weight, reduction)
        self.ignore_index = integer(ignore_index, "CrossEntropyLoss", "ignore_index")
        self.label_smoothing = real(label_smoothing, "CrossEntropyLoss", "label_smoothing")
        if not 0.0 <= self.label_smoothing <= 1.0:
            raise ValueError(
                f"CrossEntropyLoss: label_smoothing must be in [0, 1], got {label_smoothing}"
            )

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(WeightedLoss):
    """Minus the input at each label, of logarithms of probabilities.  (N, K, …), (N, …).

    Args:
        weight: how much each class counts (K,), or None for 1.
        ignore_index: a label that counts for nothing; where all are ignored, the mean is NaN and the
            gradient 0.
        reduction: "mean" over places, "sum", or "none" for one loss per place.

    Raises:
        ValueError: the reduction is unknown.

    Example:
        >>> NLLLoss()([[-1.0, -2.0]], [1]).item()
        2.0
    """

    def __init__(
        self,
        weight: Tensor | npt.ArrayLike | None = None,
        *,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        """Remember what counts how much."""
        super().__init__(weight, reduction)
        self.ignore_index = integer(ignore_index, "NLLLoss", "ignore_index")

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.nll_loss(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class FocalLoss(WeightedLoss):
    """Cross-entropy times (1 - p) ** gamma, p the right class's share.  (N, K, …), (N, …).

    Lin et al. 2017, arXiv:1708.02002. For two classes by one logit: `functional.sigmoid_focal_loss`.

    Args:
        weight: how much each class counts (K,), or None for 1.
        gamma: 0 is cross-entropy.
        ignore_index: a label that counts for nothing; where all are ignored, the mean is NaN and the
            gradient 0.
        reduction: "mean" over places, "sum", or "none" for one loss per place.

    Raises:
        TypeError: gamma is no number.
        ValueError: the reduction is unknown.

    Example:
        >>> round(FocalLoss()([[0.0, 0.0]], [1]).item(), 4)
        0.1733
    """

    def __init__(
        self,
        weight: Tensor | npt.ArrayLike | None = None,
        *,
        gamma: float = 2.0,
        ignore_index: int = -100,
        reduction: str = "mean",
    ) -> None:
        """Remember what counts how much."""
        super().__init__(weight, reduction)
        self.gamma = real(gamma, "FocalLoss", "gamma")
        self.ignore_index = integer(ignore_index, "FocalLoss", "ignore_index")

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.focal_loss(
            input,
            target,
            self.weight,
            gamma=self.gamma,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )

    def extra_repr(self) -> str:
        """The exponent."""
        return f"gamma={self.gamma}"


class DiceLoss(Module):
    """How little regions overlap with the wanted ones.  (N, K, H, W), (N, H, W) -> one number.

    Args:
        smooth: keeps empty regions from dividing by 0.
        ignore_index: a label whose pixels count for nothing.
        reduction: "mean" over images and classes, "sum", or "none" for (N, K).

    Raises:
        TypeError: `smooth` is no number.
        ValueError: the reduction is unknown.

    Example:
        >>> round(DiceLoss()([[[[9.0, -9.0]]]], [[[1, 0]]]).item(), 3)
        0.0
    """

    def __init__(
        self, *, smooth: float = 1.0, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        """Remember what counts how much."""
        super().__init__()
        check_reduction(reduction, "DiceLoss")
        self.smooth = real(smooth, "DiceLoss", "smooth")
        self.ignore_index = integer(ignore_index, "DiceLoss", "ignore_index")
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.dice_loss(
            input,
            target,
            smooth=self.smooth,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
        )


class LovaszLoss(Module):
    """How much of mean IoU is missing, made smooth.  (N, K, H, W), (N, H, W) -> one number.

    Berman, Rannen Triki and Blaschko 2018, arXiv:1705.08790; see `functional.lovasz_loss`. It is
    usually added to cross-entropy.

    Args:
        classes: "present" is the mean over classes that the target has, "all" over all.
        per_image: whether areas are those of each image, not of the batch.
        ignore_index: a label whose pixels count for nothing.

    Raises:
        ValueError: `classes` is neither of the two.

    Example:
        >>> round(LovaszLoss()([[[[99.0, -99.0]]]], [[[1, 0]]]).item(), 3)
        0.0
    """

    def __init__(
        self,
        *,
        classes: Literal["present", "all"] = "present",
        per_image: bool = False,
        ignore_index: int = -100,
    ) -> None:
        """Remember what counts how much."""
        super().__init__()
        if classes not in ("present", "all"):
            raise ValueError(f'LovaszLoss: classes must be "present" or "all", got {classes!r}')
        self.classes: Literal["present", "all"] = classes
        self.per_image = per_image
        self.ignore_index = integer(ignore_index, "LovaszLoss", "ignore_index")

    def forward(self, input: Tensor, target: Tensor | npt.ArrayLike) -> Tensor:
        """The loss."""
        return F.lovasz_loss(
            input,
            target,
            classes=self.classes,
            per_image=self.per_image,
            ignore_index=self.ignore_index,
        )
