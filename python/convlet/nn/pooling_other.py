"""Pooling layers of lines, of powers, and back from maxima."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn import functional as F
from convlet.nn.module import Module
from convlet.ops._arguments import flag, numbers, pair, real

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.tensor import Tensor

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveMaxPool1d",
    "AvgPool1d",
    "LPPool2d",
    "MaxPool1d",
    "MaxUnpool2d",
]


class MaxPool1d(Module):
    """Keep the largest value of each window of a line.  (N, C, L) -> (N, C, J).

    Args:
        kernel_size: size of the window.
        stride: step of the window; `kernel_size` unless given.
        padding: border that never wins, at most half the window.
        dilation: distance between the taps of a window.
        return_indices: False, the only one for lines.
        ceil_mode: keep a last window that only partly covers the line.

    Raises:
        TypeError: a size is not an int.

    Example:
        >>> MaxPool1d(2)([[[1.0, 4.0, 3.0, 2.0]]]).flatten()
        Tensor([4., 3.])
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
            raise ValueError("MaxPool1d: return_indices must be False; MaxPool2d gives them")
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.ceil_mode = flag(ceil_mode, "MaxPool1d", "ceil_mode")
        for name in ("kernel_size", "stride", "padding", "dilation"):
            numbers(getattr(self, name), 1, "MaxPool1d", name)

    def forward(self, input: Tensor) -> Tensor:
        """Pool."""
        return F.max_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class AvgPool1d(Module):
    """Average each window of a line.  (N, C, L) -> (N, C, J).

    Args:
        kernel_size: size of the window.
        stride: step of the window; `kernel_size` unless given.
        padding: zeros around the line, at most half the window.
        ceil_mode: keep a last window that only partly covers the line.
        count_include_pad: whether the divisor counts the padding.

    Raises:
        TypeError: a size is not an int.

    Example:
        >>> AvgPool1d(2)([[[1.0, 4.0, 3.0, 2.0]]]).flatten()
        Tensor([2.5, 2.5])
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
        layer = "AvgPool1d"
        self.kernel_size = numbers(kernel_size, 1, layer, "kernel_size")
        self.stride = self.kernel_size if stride is None else numbers(stride, 1, layer, "stride")
        self.padding = numbers(padding, 1, layer, "padding")
        self.ceil_mode = flag(ceil_mode, layer, "ceil_mode")
        self.count_include_pad = flag(count_include_pad, layer, "count_include_pad")

    def forward(self, input: Tensor) -> Tensor:
        """Pool."""
        return F.avg_pool1d(
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


class AdaptiveAvgPool1d(Module):
    """Average each of J windows of a line.  (N, C, L) -> (N, C, J).

    Args:
        output_size: J; None stands for the input's length.

    Raises:
        TypeError: it is not an int.

    Example:
        >>> AdaptiveAvgPool1d(1)([[[1.0, 4.0, 3.0, 2.0]]]).item()
        2.5
    """

    def __init__(self, output_size: int | Sequence[int] | None) -> None:
        """Remember the size."""
        super().__init__()
        if output_size is not None:
            numbers(output_size, 1, "AdaptiveAvgPool1d", "output_size")
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Pool."""
        return F.adaptive_avg_pool1d(input, self.output_size)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(Module):
    """Keep the largest value of each of J windows of a line.  (N, C, L) -> (N, C, J).

    Args:
        output_size: J; None stands for the input's length.

    Raises:
        TypeError: it is not an int.

    Example:
        >>> AdaptiveMaxPool1d(1)([[[1.0, 4.0, 3.0, 2.0]]]).item()
        4.0
    """

    def __init__(self, output_size: int | Sequence[int] | None) -> None:
        """Remember the size."""
        super().__init__()
        if output_size is not None:
            numbers(output_size, 1, "AdaptiveMaxPool1d", "output_size")
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        """Pool."""
        return F.adaptive_max_pool1d(input, self.output_size)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"output_size={self.output_size}"


class LPPool2d(Module):
    """(sum of x ** p) ** (1 / p) over each window.  (N, C, H, W) -> (N, C, I, J).

    Args:
        norm_type: p, not 0.
        kernel_size: size of the window, an int or (height, width).
        stride: step of the window; `kernel_size` unless given.
        ceil_mode: keep a last window that only partly covers the image.

    Raises:
        TypeError: an argument is not of its type.

    Example:
        >>> LPPool2d(2, (1, 2))([[[[3.0, 4.0]]]]).item()
        5.0
    """

    def __init__(
        self,
        norm_type: float,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        ceil_mode: bool = False,
    ) -> None:
        """Remember the window."""
        super().__init__()
        real(norm_type, "LPPool2d", "norm_type")
        pair(kernel_size, "LPPool2d", "kernel_size")
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = flag(ceil_mode, "LPPool2d", "ceil_mode")

    def forward(self, input: Tensor) -> Tensor:
        """Pool."""
        return F.lp_pool2d(input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class MaxUnpool2d(Module):
    """Put maxima back where they came from, zeros elsewhere.  (N, C, I, J) -> (N, C, H, W).

    Args:
        kernel_size: that of the pooling.
        stride: that of the pooling; `kernel_size` unless given.
        padding: that of the pooling.

    Raises:
        TypeError: a size is not an int.

    Example:
        >>> MaxUnpool2d(2)([[[[5.0]]]], [[[[3]]]]).flatten()
        Tensor([0., 0., 0., 5.])
    """

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] | None = None,
        padding: int | Sequence[int] = 0,
    ) -> None:
        """Remember the window."""
        super().__init__()
        layer = "MaxUnpool2d"
        self.kernel_size = pair(kernel_size, layer, "kernel_size")
        self.stride = self.kernel_size if stride is None else pair(stride, layer, "stride")
        self.padding = pair(padding, layer, "padding")

    def forward(
        self, input: Tensor, indices: npt.ArrayLike, output_size: Sequence[int] | None = None
    ) -> Tensor:
        """Put back."""
        return F.max_unpool2d(
            input, indices, self.kernel_size, self.stride, self.padding, output_size
        )

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
