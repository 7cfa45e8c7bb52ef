"""ReLU with a learnt slope, and its gradients, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet import _core
from convlet.ops._arguments import float32, ranked

if TYPE_CHECKING:
    from convlet.ops._arguments import Array

__all__ = ["prelu", "prelu_grad"]


def prelu(x: Array, weight: Array) -> Array:
    """X where it is positive, else weight * x.  (N, C, …) -> (N, C, …).

    He et al. 2015, "Delving deep into rectifiers", arXiv:1502.01852.

    Args:
        x: any shape, float32.
        weight: one number, or one per channel (C,); channels are dimension 1.

    Raises:
        TypeError: an array is not float32.
        ValueError: `weight` has neither 1 nor C numbers.

    Example:
        >>> import numpy as np
        >>> prelu(np.float32([[-2, 2], [-4, 3]]), np.float32([0.5, 2]))
        array([[-1.,  2.],
               [-2.,  3.]], dtype=float32)
    """
    array, slopes = float32(x, "prelu", "x"), float32(weight, "prelu", "weight")
    images = _as_images(array)
    y = _core.prelu_forward(images, _of_channels(slopes, images.shape[1], "prelu"))
    return y if array.ndim == 4 else y.reshape(array.shape)


def prelu_grad(dy: Array, x: Array, weight: Array) -> tuple[Array, Array]:
    """Gradients of `prelu` by its input and weight.

    Raises:
        TypeError: an array is not float32.
        ValueError: the shapes do not fit together.

    Example:
        >>> import numpy as np
        >>> prelu_grad(np.float32([[1, 1]]), np.float32([[-2, 2]]), np.float32([0.5]))
        (array([[0.5, 1. ]], dtype=float32), array([-2.], dtype=float32))
    """
    op = "prelu_grad"
    grad, array, slopes = (
        float32(value, op, name) for value, name in ((dy, "dy"), (x, "x"), (weight, "weight"))
    )
    if grad.shape != array.shape:
        raise ValueError(f"{op}: dy must have shape {array.shape}, got {grad.shape}")
    images = _as_images(array)
    many = _of_channels(slopes, images.shape[1], op)
    dx, dweight = _core.prelu_grad(_as_images(grad), images, many)
    if slopes.size == 1 != many.size:
        dweight = np.asarray(dweight.sum(dtype=np.float64), np.float32).reshape(1)
    return (dx if array.ndim == 4 else dx.reshape(array.shape)), dweight


def _as_images(x: Array) -> Array:
    """The same numbers in four dimensions, without a copy where there are up to four."""
    if x.ndim < 2:
        return x.reshape(1, 1, 1, -1)
    if x.ndim <= 4:
        return x.reshape(x.shape + (1,) * (4 - x.ndim)) if x.ndim < 4 else x
    return x.reshape(*x.shape[:3], -1)


def _of_channels(weight: Array, channels: int, op: str) -> Array:
    if ranked(weight, op, "weight", 1).size not in {1, channels}:
        raise ValueError(f"{op}: weight must have 1 or {channels} numbers, got {weight.size}")
    return np.repeat(weight, channels) if weight.size == 1 else weight
