"""Activation layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn import functional as F
from convlet.nn.module import Module

if TYPE_CHECKING:
    from convlet.tensor import Tensor

__all__ = ["ReLU"]


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
