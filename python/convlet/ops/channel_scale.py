"""Images times a factor for each of their channels, and its gradients, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import float32

if TYPE_CHECKING:
    from convlet.ops._arguments import Array

__all__ = ["channel_scale", "channel_scale_grad"]


def channel_scale(x: Array, scale: Array) -> Array:
    """X times a factor of each image and channel.  (N, C, H, W), (N, C, 1, 1) -> (N, C, H, W).

    What squeeze and excitation weighs by (Hu, Shen and Sun 2017, arXiv:1709.01507, equation 4);
    `Tensor.__mul__` comes here for these shapes.

    Args:
        x: images (N, C, H, W), float32, any memory layout.
        scale: factors (N, C, 1, 1).

    Raises:
        TypeError: an array is not float32.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> channel_scale(np.ones((1, 2, 1, 2), np.float32), np.float32([[[[2]], [[3]]]]))[0, :, 0]
        array([[2., 2.],
               [3., 3.]], dtype=float32)
    """
    op = "channel_scale"
    return _core.channel_scale(float32(x, op, "x"), float32(scale, op, "scale"))


def channel_scale_grad(dy: Array, x: Array, scale: Array) -> tuple[Array, Array]:
    """Gradients of `channel_scale` by its input (N, C, H, W) and its factors (N, C, 1, 1).

    Args:
        dy: gradient of the output (N, C, H, W).
        x: the forward's input.
        scale: the forward's.

    Raises:
        TypeError: an array is not float32.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> x = np.full((1, 1, 1, 2), 3, np.float32)
        >>> dx, dscale = channel_scale_grad(np.ones_like(x), x, np.float32([[[[2]]]]))
        >>> dx.ravel(), dscale.ravel()
        (array([2., 2.], dtype=float32), array([6.], dtype=float32))
    """
    op = "channel_scale_grad"
    return _core.channel_scale_grad(
        float32(dy, op, "dy"), float32(x, op, "x"), float32(scale, op, "scale")
    )
