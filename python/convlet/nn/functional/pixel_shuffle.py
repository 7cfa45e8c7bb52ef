"""Channels to pixels and back, on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.autograd import record
from convlet.ops._arguments import integer, ranked
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

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
    return record(_shuffled(x.data, r), (x,), lambda dy: (_unshuffled(dy, r),))


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
    return record(_unshuffled(x.data, r), (x,), lambda dy: (_shuffled(dy, r),))


def _images(input: Tensor | npt.ArrayLike, factor: int, op: str, name: str) -> tuple[Tensor, int]:
    x = as_tensor(input)
    ranked(x.data, op, "input", 4)
    r = integer(factor, op, name)
    if r < 1:
        raise ValueError(f"{op}: {name} must be at least 1, got {r}")
    return x, r


# Both in the memory order of images: channels stay innermost.
def _shuffled(x: Array, r: int) -> Array:
    n, c, h, w = x.shape
    c //= r * r
    parts = x.transpose(0, 2, 3, 1).reshape(n, h, w, c, r, r).transpose(0, 1, 4, 2, 5, 3)
    return np.ascontiguousarray(parts).reshape(n, h * r, w * r, c).transpose(0, 3, 1, 2)


def _unshuffled(x: Array, r: int) -> Array:
    n, c, h, w = x.shape
    h, w = h // r, w // r
    parts = x.transpose(0, 2, 3, 1).reshape(n, h, r, w, r, c).transpose(0, 1, 3, 5, 2, 4)
    return np.ascontiguousarray(parts).reshape(n, h, w, c * r * r).transpose(0, 3, 1, 2)
