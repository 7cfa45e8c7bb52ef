"""Pooling layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet.nn import functional as F
from convlet.nn._arguments import positive
from convlet.nn.module import Module
from convlet.ops._arguments import flag, pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.tensor import Tensor

__all__ = ["AdaptiveAvgPool2d", "AdaptiveMaxPool2d", "AvgPool2d", "MaxPool2d"]


class MaxPool2d(Module):
    """Keep the largest value of each window.  (N, C, H, W) -> (N, C, I, J).

    Args:
        kernel_size: size of the window, an int or (height, width).
        stride: step of the window; `kernel_size` unless given.
        padding: border that never wins, at most half the window.
        dilation: distance between the taps of a window.
        return_indices: whether to give also the pixel h * W + w of each maximum, an array of ints
            for `MaxUnpool2d`.
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
        self.return_indices = flag(return_indices, "MaxPool2d", "return_indices")
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.ceil_mode = flag(ceil_mode, "MaxPool2d", "ceil_mode")
        for name in ("kernel_size", "stride", "padding", "dilation"):
            pair(getattr(self, name), "MaxPool2d", name)

    def forward(self, input: Tensor) -> Any:
        """Pool; a pair with the indices where they are asked for."""
        return F.max_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
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


class AdaptiveMaxPool2d(Module):
    """Keep the largest value of each of I x J windows.  (N, C, H, W) -> (N, C, I, J).

    Args:
        output_size: (I, J), or an int for both; None stands for the input's size.
        return_indices: whether to give also the pixel h * W + w of each maximum.

    Raises:
        TypeError: a size is not an int.
        ValueError: a size is below 1.

    Example:
        >>> import numpy as np
        >>> AdaptiveMaxPool2d((5, None))(np.zeros((1, 3, 9, 6))).shape
        (1, 3, 5, 6)
    """

    def __init__(
        self, output_size: int | Sequence[int | None] | None, return_indices: bool = False
    ) -> None:
        """Remember the size."""
        super().__init__()
        self.return_indices = flag(return_indices, "AdaptiveMaxPool2d", "return_indices")
        self.output_size = output_size
        _check_sizes(output_size, "AdaptiveMaxPool2d")

    def forward(self, input: Tensor) -> Any:
        """Pool; a pair with the indices where they are asked for."""
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"output_size={self.output_size}"


class AdaptiveAvgPool2d(Module):
    """Average each of I x J windows; a size of 1 is global.  (N, C, H, W) -> (N, C, I, J).

    Args:
        output_size: (I, J), or an int for both; None stands for the input's size.

    Raises:
        TypeError: a size is not an int.
        ValueError: a size is below 1.

    Example:
        >>> import numpy as np
        >>> AdaptiveAvgPool2d(1)(np.ones((1, 512, 7, 7))).shape
        (1, 512, 1, 1)
    """

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        """Remember the size."""
        super().__init__()
        self.output_size = output_size
        _check_sizes(output_size, "AdaptiveAvgPool2d")

    def forward(self, input: Tensor) -> Tensor:
        """Pool."""
        return F.adaptive_avg_pool2d(input, self.output_size)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"output_size={self.output_size}"


def _check_sizes(output_size: int | Sequence[int | None] | None, layer: str) -> None:
    sizes = output_size if isinstance(output_size, (tuple, list)) else (output_size, output_size)
    if len(sizes) != 2:
        raise ValueError(f"{layer}: output_size must be an int or a pair, got {len(sizes)} values")
    for size in sizes:
        if size is not None:
            positive(size, layer, "output_size")
