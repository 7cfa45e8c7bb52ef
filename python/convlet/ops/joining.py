"""Sums of two arrays, and images joined and cut along their channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import _core
from convlet.ops._arguments import float32, integer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Array

__all__ = ["add", "cut_channels", "join_channels"]


def add(a: Array, b: Array, *, overwrite_a: bool = False) -> Array:
    """A + b, element by element, of one shape and without broadcasting.  The order of `a`'s memory.

    Args:
        a: any shape.
        b: the same shape.
        overwrite_a: whether the sum may be written over `a`, whose numbers nobody needs any more.

    Raises:
        TypeError: an array is not float32.
        ValueError: the shapes differ.

    Example:
        >>> import numpy as np
        >>> add(np.float32([1, 2]), np.float32([3, 4]))
        array([4., 6.], dtype=float32)
    """
    return _core.add(float32(a, "add", "a"), float32(b, "add", "b"), overwrite_a)


def join_channels(arrays: Sequence[Array]) -> Array:
    """Images whose channels are those of several.  (N, C1, H, W), (N, C2, H, W) … -> (N, C, H, W).

    Raises:
        TypeError: an array is not float32.
        ValueError: there is none, or the shapes differ in more than the channels.

    Example:
        >>> import numpy as np
        >>> join_channels([np.ones((1, 2, 4, 4), np.float32), np.zeros((1, 3, 4, 4), np.float32)]).shape
        (1, 5, 4, 4)
    """
    return _core.join_channels([float32(array, "join_channels", "arrays") for array in arrays])


def cut_channels(x: Array, channels: Sequence[int]) -> list[Array]:
    """The gradient of `join_channels`: images of so many channels each.

    Raises:
        TypeError: `x` is not float32, or a number is not an int.
        ValueError: the numbers do not add up to the channels of `x`.

    Example:
        >>> import numpy as np
        >>> [part.shape for part in cut_channels(np.ones((1, 5, 4, 4), np.float32), [2, 3])]
        [(1, 2, 4, 4), (1, 3, 4, 4)]
    """
    op = "cut_channels"
    return _core.cut_channels(float32(x, op, "x"), [integer(c, op, "channels") for c in channels])
