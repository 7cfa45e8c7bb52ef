"""Dropout layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn import functional as F
from convlet.nn.module import Module
from convlet.ops._arguments import probability

if TYPE_CHECKING:
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["Dropout"]


class Dropout(Module):
    """In training, zero each value with probability `p` and divide the others by 1 - p.

    Args:
        p: probability of a zero, in [0, 1].
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.
        generator: where random numbers come from; `convlet.seed` sets the default one.

    Raises:
        ValueError: `p` is outside [0, 1].

    Example:
        >>> Dropout(0.5).eval()([1.0, 2.0])
        Tensor([1., 2.])
    """

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, generator: Generator | None = None
    ) -> None:
        """Remember the probability."""
        super().__init__()
        probability(p, "Dropout")
        self.p = p
        self.inplace = inplace
        self.generator = generator

    def forward(self, input: Tensor) -> Tensor:
        """Drop, in training mode only."""
        return F.dropout(input, self.p, self.training, generator=self.generator)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"p={self.p}, inplace={self.inplace}"
