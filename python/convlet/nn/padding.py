"""Layers that add a border to images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn import functional as F
from convlet.nn.module import Module
from convlet.ops._arguments import integer, real

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.tensor import Tensor

__all__ = ["CircularPad2d", "ConstantPad2d", "ReflectionPad2d", "ReplicationPad2d", "ZeroPad2d"]


class _Pad2d(Module):
    """A border of a certain kind."""

    mode = "constant"

    def __init__(self, padding: int | Sequence[int]) -> None:
        """Remember the border."""
        super().__init__()
        layer = type(self).__name__
        given = padding if isinstance(padding, (tuple, list)) else (padding,) * 4
        if len(given) != 4:
            raise ValueError(f"{layer}: padding must be an int or 4 ints, got {len(given)} values")
        self.padding = tuple(integer(amount, layer, "padding") for amount in given)
        if min(self.padding) < 0 and self.mode != "constant":
            raise ValueError(f"{layer}: padding must be at least 0, got {self.padding}")

    def forward(self, input: Tensor) -> Tensor:
        """Add the border."""
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return str(self.padding)


class ZeroPad2d(_Pad2d):
    """A border of zeros.  (N, C, H, W) -> (N, C, H + top + bottom, W + left + right).

    Args:
        padding: (left, right, top, bottom), or an int for all; negative ones cut so much off.

    Raises:
        TypeError: a width is not an int.
        ValueError: there are not 1 or 4 of them.

    Example:
        >>> ZeroPad2d((1, 0, 0, 0))([[[[2.0]]]]).flatten()
        Tensor([0., 2.])
    """


class ConstantPad2d(_Pad2d):
    """A border of one value.  (N, C, H, W) -> (N, C, H + top + bottom, W + left + right).

    Args:
        padding: (left, right, top, bottom), or an int for all; negative ones cut so much off.
        value: the value.

    Raises:
        TypeError: a width is not an int, or the value no number.
        ValueError: there are not 1 or 4 widths.

    Example:
        >>> ConstantPad2d((1, 0, 0, 0), 7.0)([[[[2.0]]]]).flatten()
        Tensor([7., 2.])
    """

    def __init__(self, padding: int | Sequence[int], value: float) -> None:
        """Remember the border and its value."""
        super().__init__(padding)
        real(value, "ConstantPad2d", "value")
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        """Add the border."""
        return F.pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"padding={self.padding}, value={self.value}"


class ReflectionPad2d(_Pad2d):
    """A border that mirrors the image about its outermost pixels, which are not repeated.

    Args:
        padding: (left, right, top, bottom), or an int for all; narrower than the image.

    Raises:
        TypeError: a width is not an int.
        ValueError: there are not 1 or 4 of them, or one is below 0.

    Example:
        >>> ReflectionPad2d((2, 0, 0, 0))([[[[1.0, 2.0, 3.0]]]]).flatten()
        Tensor([3., 2., 1., 2., 3.])
    """

    mode = "reflect"


class ReplicationPad2d(_Pad2d):
    """A border that repeats the outermost pixels of the image.

    Args:
        padding: (left, right, top, bottom), or an int for all.

    Raises:
        TypeError: a width is not an int.
        ValueError: there are not 1 or 4 of them, or one is below 0.

    Example:
        >>> ReplicationPad2d((2, 0, 0, 0))([[[[1.0, 2.0]]]]).flatten()
        Tensor([1., 1., 1., 2.])
    """

    mode = "replicate"


class CircularPad2d(_Pad2d):
    """A border from the other side of the image, as on a torus.

    Args:
        padding: (left, right, top, bottom), or an int for all; at most the size of the image.

    Raises:
        TypeError: a width is not an int.
        ValueError: there are not 1 or 4 of them, or one is below 0.

    Example:
        >>> CircularPad2d((1, 0, 0, 0))([[[[1.0, 2.0]]]]).flatten()
        Tensor([2., 1., 2.])
    """

    mode = "circular"
