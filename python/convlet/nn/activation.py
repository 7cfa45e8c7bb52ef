"""Activation layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn import functional as F
from convlet.nn.module import Module
from convlet.ops._arguments import real

if TYPE_CHECKING:
    from convlet.tensor import Tensor

__all__ = ["Hardsigmoid", "Hardswish", "LeakyReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid"]


class ReLU(Module):
    """max(x, 0), element by element.

    Args:
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> ReLU()([-1.0, 2.0])
        Tensor([0., 2.])
    """

    def __init__(self, inplace: bool = False) -> None:
        """Nothing to set."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Cut below 0."""
        return F.relu(input)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return "inplace=True" if self.inplace else ""


class ReLU6(Module):
    """min(max(x, 0), 6), element by element.

    Args:
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> ReLU6()([-1.0, 2.0, 8.0])
        Tensor([0., 2., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        """Nothing to set."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Cut below 0 and above 6."""
        return F.relu6(input)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return "inplace=True" if self.inplace else ""


class LeakyReLU(Module):
    """x where it is positive, else `negative_slope` * x, element by element.

    Args:
        negative_slope: slope below 0.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Raises:
        TypeError: the slope is no number.

    Example:
        >>> LeakyReLU(0.5)([-2.0, 2.0])
        Tensor([-1.,  2.])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        """Remember the slope."""
        super().__init__()
        real(negative_slope, "LeakyReLU", "negative_slope")
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Flatten below 0."""
        return F.leaky_relu(input, self.negative_slope)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        inplace = ", inplace=True" if self.inplace else ""
        return f"negative_slope={self.negative_slope}{inplace}"


class Sigmoid(Module):
    """1 / (1 + exp(-x)), element by element.

    Example:
        >>> Sigmoid()([0.0, 200.0])
        Tensor([0.5, 1. ])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Squash between 0 and 1."""
        return F.sigmoid(input)


class SiLU(Module):
    """x * sigmoid(x), also called swish, element by element.

    Args:
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> SiLU()([0.0, 100.0])
        Tensor([  0., 100.])
    """

    def __init__(self, inplace: bool = False) -> None:
        """Nothing to set."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Gate by the sigmoid."""
        return F.silu(input)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return "inplace=True" if self.inplace else ""


class Hardsigmoid(Module):
    """relu6(x + 3) / 6, element by element.

    Args:
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> Hardsigmoid()([-4.0, 0.0, 4.0])
        Tensor([0. , 0.5, 1. ])
    """

    def __init__(self, inplace: bool = False) -> None:
        """Nothing to set."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Squash between 0 and 1."""
        return F.hardsigmoid(input)


class Hardswish(Module):
    """x * relu6(x + 3) / 6, element by element.

    Args:
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.

    Example:
        >>> Hardswish()([1.5, 4.0])
        Tensor([1.125, 4.   ])
    """

    def __init__(self, inplace: bool = False) -> None:
        """Nothing to set."""
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Gate by the hard sigmoid."""
        return F.hardswish(input)
