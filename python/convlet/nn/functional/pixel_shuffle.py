"""Channels to pixels and back, on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.autograd import record
from convlet.ops._arguments import integer, ranked
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["pixel_shuffle", "pixel_unshuffle"]


def pixel_shuffle(input: Tensor | npt.ArrayLike, upscale_factor: int) -> Tensor:
    """Make r x r pixels of r * r channels.  (N, C r r, H, W) -> (N, C, H r, W r).

    Shi et al. 2016, arXiv:1609.05158.

    Args:
        input: images.
        upscale_factor: r, at least 1.

    Raises:
        TypeError: `upscale_factor` is not an int.
        ValueError: it is below 1, or r * r does not divide the channels.

    Example:
        >>> import numpy as np
        >>> pixel_shuffle(np.arange(4.0).reshape(1, 4, 1, 1), 2).numpy()[0, 0]
        array([[0., 1.],
               [2., 3.]], dtype=float32)
    """
    x, r = _images(input, upscale_factor, "pixel_shuffle", "upscale_factor")
    channels = x.shape[1]
    if channels % (r * r):
        raise ValueError(f"pixel_shuffle: {r} * {r} must divide the channels, got {channels}")
    return record(_core.pixel_shuffle(x.data, r), (x,), lambda dy: (_core.pixel_unshuffle(dy, r),))


def pixel_unshuffle(input: Tensor | npt.ArrayLike, downscale_factor: int) -> Tensor:
    """Make r * r channels of r x r pixels: back from `pixel_shuffle`.

    Args:
        input: images (N, C, H r, W r).
        downscale_factor: r, at least 1.

    Raises:
        TypeError: `downscale_factor` is not an int.
        ValueError: it is below 1, or does not divide height and width.

    Example:
        >>> import numpy as np
        >>> pixel_unshuffle(np.arange(4.0).reshape(1, 1, 2, 2), 2).flatten()
        Tensor([0., 1., 2., 3.])
    """
    x, r = _images(input, downscale_factor, "pixel_unshuffle", "downscale_factor")
    if x.shape[2] % r or x.shape[3] % r:
        raise ValueError(
            f"pixel_unshuffle: {r} must divide height and width, got {x.shape[2]} and {x.shape[3]}"
        )
    return record(_core.pixel_unshuffle(x.data, r), (x,), lambda dy: (_core.pixel_shuffle(dy, r),))


def _images(input: Tensor | npt.ArrayLike, factor: int, op: str, name: str) -> tuple[Tensor, int]:
    x = as_tensor(input)
    ranked(x.data, op, "input", 4)
    r = integer(factor, op, name)
    if r < 1:
        raise ValueError(f"{op}: {name} must be at least 1, got {r}")
    return x, r
