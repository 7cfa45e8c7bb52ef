"""Resizing as a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn import functional as F
from convlet.nn.module import Module
from convlet.ops._arguments import real

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.tensor import Tensor

__all__ = ["Upsample"]


class Upsample(Module):
    """Make images of another size.  (N, C, H, W) -> (N, C, I, J).

    Args:
        size: (I, J), or an int for both; either this or `scale_factor`.
        scale_factor: I / H and J / W, or a number for both.
        mode: "nearest" or "bilinear".
        align_corners: whether "bilinear" puts the centres of corner pixels onto each other.
        recompute_scale_factor: True takes coordinates from the rounded sizes.

    Raises:
        ValueError: both or neither of `size` and `scale_factor` are given, or the mode is unknown.

    Example:
        >>> import numpy as np
        >>> Upsample(scale_factor=2)(np.zeros((1, 3, 5, 4))).shape
        (1, 3, 10, 8)
    """

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        """Remember the size and the rule."""
        super().__init__()
        if (size is None) == (scale_factor is None):
            raise ValueError(
                f"Upsample: give either size or scale_factor, got {size} and {scale_factor}"
            )
        if mode not in {"nearest", "bilinear"}:
            raise ValueError(f'Upsample: mode must be "nearest" or "bilinear", got {mode!r}')
        self.size = size
        self.scale_factor: float | tuple[float, ...] | None = None
        if isinstance(scale_factor, (tuple, list)):
            self.scale_factor = tuple(real(f, "Upsample", "scale_factor") for f in scale_factor)
        elif scale_factor is not None:
            self.scale_factor = real(scale_factor, "Upsample", "scale_factor")
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        """Resize."""
        return F.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            self.recompute_scale_factor,
        )

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        if self.scale_factor is None:
            return f"size={self.size!r}, mode={self.mode!r}"
        return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
