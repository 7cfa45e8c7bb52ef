"""From images to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn.module import Module
from convlet.tensor import as_tensor

if TYPE_CHECKING:
    from convlet.tensor import Tensor

__all__ = ["Flatten"]


class Flatten(Module):
    """Dimensions `start_dim` to `end_dim` as one.  (N, C, H, W) -> (N, C * H * W).

    Args:
        start_dim: the first of them.
        end_dim: the last of them, itself included.

    Example:
        >>> import numpy as np
        >>> Flatten()(np.zeros((2, 3, 4, 5))).shape
        (2, 60)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        """Remember the dimensions."""
        super().__init__()
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, input: Tensor) -> Tensor:
        """Flatten."""
        return as_tensor(input).flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"
