"""Layers that only move numbers, or leave them where they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from convlet._arrays import one_dim
from convlet.nn import functional as F
from convlet.nn._arguments import positive
from convlet.nn.module import Module
from convlet.ops._arguments import extents
from convlet.tensor import as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.tensor import Tensor

__all__ = ["Identity", "PixelShuffle", "PixelUnshuffle", "Unflatten"]


class Identity(Module):
    """The input itself.

    Args:
        args: anything; not used, so that it stands where any layer may.
        kwargs: as `args`.

    Example:
        >>> Identity(54, unused=True)(3.0)
        3.0
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to set."""
        super().__init__()

    def forward(self, input: Any) -> Any:
        """Nothing to do."""
        return input


class Unflatten(Module):
    """One dimension as several.  (N, C * H * W) -> (N, C, H, W).

    Args:
        dim: the dimension.
        unflattened_size: what becomes of it; one extent may be -1.

    Raises:
        TypeError: a size is not an int.

    Example:
        >>> import numpy as np
        >>> Unflatten(1, (3, 4, 5))(np.zeros((2, 60))).shape
        (2, 3, 4, 5)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        """Remember the sizes."""
        super().__init__()
        self.dim = dim
        self.unflattened_size = extents(unflattened_size, "Unflatten", "unflattened_size")

    def forward(self, input: Tensor) -> Tensor:
        """Unflatten."""
        x = as_tensor(input)
        at = one_dim(self.dim, x.ndim, "Unflatten")
        known = math.prod(size for size in self.unflattened_size if size != -1)
        wanted = x.shape[at]
        several = self.unflattened_size.count(-1)
        if several > 1 or (known != wanted if not several else known < 1 or wanted % known):
            raise ValueError(f"Unflatten: {wanted} does not make {self.unflattened_size}")
        return x.reshape(*x.shape[:at], *self.unflattened_size, *x.shape[at + 1 :])

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class PixelShuffle(Module):
    """Make r x r pixels of r * r channels.  (N, C r r, H, W) -> (N, C, H r, W r).

    Args:
        upscale_factor: r.

    Raises:
        TypeError: it is not an int.
        ValueError: it is below 1.

    Example:
        >>> import numpy as np
        >>> PixelShuffle(2)(np.zeros((1, 8, 3, 4))).shape
        (1, 2, 6, 8)
    """

    def __init__(self, upscale_factor: int) -> None:
        """Remember the factor."""
        super().__init__()
        self.upscale_factor = positive(upscale_factor, "PixelShuffle", "upscale_factor")

    def forward(self, input: Tensor) -> Tensor:
        """Channels to pixels."""
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Make r * r channels of r x r pixels.  (N, C, H r, W r) -> (N, C r r, H, W).

    Args:
        downscale_factor: r.

    Raises:
        TypeError: it is not an int.
        ValueError: it is below 1.

    Example:
        >>> import numpy as np
        >>> PixelUnshuffle(2)(np.zeros((1, 2, 6, 8))).shape
        (1, 8, 3, 4)
    """

    def __init__(self, downscale_factor: int) -> None:
        """Remember the factor."""
        super().__init__()
        self.downscale_factor = positive(downscale_factor, "PixelUnshuffle", "downscale_factor")

    def forward(self, input: Tensor) -> Tensor:
        """Pixels to channels."""
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"downscale_factor={self.downscale_factor}"
