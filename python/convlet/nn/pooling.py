"""Pooling layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn import functional as F
from convlet.nn.module import Module
from convlet.ops._arguments import flag, pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.tensor import Tensor

__all__ = ["AvgPool2d", "MaxPool2d"]


class MaxPool2d(Module):
    """Keep the largest value of each window.  (N, C, H, W) -> (N, C, I, J).

    Args:
        kernel_size: size of the window, an int or (height, width).
        stride: step of the window; `kernel_size` unless given.
        padding: border that never wins, at most half the window.
        dilation: distance between the taps of a window.
        return_indices: False, the only one.
        ceil_mode: keep a last window that only partly covers the image.

    Raises:
        TypeError: a size is not an int.

    Example:
        >>> import numpy as np
        >>> MaxPool2d(2)(np.zeros((1, 3, 6, 6))).shape
        (1, 3, 3, 3)
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        """Remember the window."""
        super().__init__()
        if return_indices:
            raise ValueError("MaxPool2d: return_indices must be False; ops.max_pool2d gives both")
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.ceil_mode = flag(ceil_mode, "MaxPool2d", "ceil_mode")
        for name in ("kernel_size", "stride", "padding", "dilation"):
            pair(getattr(self, name), "MaxPool2d", name)

    def forward(self, input: Tensor) -> Tensor:
        """Pool."""
        return F.max_pool2d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool2d(Module):
    """Average each window.  (N, C, H, W) -> (N, C, I, J).

    Args:
        kernel_size: size of the window, an int or (height, width).
        stride: step of the window; `kernel_size` unless given.
        padding: zeros around the image, at most half the window.
        ceil_mode: keep a last window that only partly covers the image.
        count_include_pad: whether the divisor counts the padding.

    Raises:
        TypeError: a size is not an int.

    Example:
        >>> import numpy as np
        >>> AvgPool2d(2)(np.ones((1, 1, 2, 2))).item()
        1.0
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        """Remember the window."""
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = flag(ceil_mode, "AvgPool2d", "ceil_mode")
        self.count_include_pad = flag(count_include_pad, "AvgPool2d", "count_include_pad")
        for name in ("kernel_size", "stride", "padding"):
            pair(getattr(self, name), "AvgPool2d", name)

    def forward(self, input: Tensor) -> Tensor:
        """Pool."""
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
        )

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
