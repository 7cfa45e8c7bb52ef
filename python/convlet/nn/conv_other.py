"""The convolution layers of lines and of volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn import functional as F
from convlet.nn._convolution import Convolution, PaddedConvolution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["Conv1d", "Conv3d"]


class Conv1d(PaddedConvolution):
    """Convolution of lines with kernels that are learnt.  (N, C, L) -> (N, K, J).

    `weight` is (out_channels, in_channels / groups, kernel_size) and `bias` (out_channels,), both
    uniform within 1 / sqrt(fan_in) at first, as in PyTorch.

    Args:
        in_channels: C.
        out_channels: K.
        kernel_size: size of the kernel.
        stride: step of the window.
        padding: border on each side, or "same" or "valid".
        dilation: distance between the taps of a kernel.
        groups: number of blocks that input and output channels are divided into.
        bias: whether there is one.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        generator: where the first weights come from; `convlet.seed` sets the default one.

    Raises:
        TypeError: a size is not an int.
        ValueError: a size is below 1, or channels are not divisible by groups.

    Example:
        >>> import numpy as np
        >>> Conv1d(3, 8, 3, padding=1)(np.zeros((2, 3, 5))).shape
        (2, 8, 5)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the weights and set them."""
        Convolution.__init__(
            self, "Conv1d", in_channels, out_channels, kernel_size, stride, dilation, groups, 1
        )
        self.set_padding("Conv1d", padding, padding_mode)
        self.make_parameters(self.out_channels, self.in_channels, bias, generator)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve."""
        x, border = self.bordered(input)
        return F.conv1d(x, self.weight, self.bias, self.stride, border, self.dilation, self.groups)


class Conv3d(PaddedConvolution):
    """Convolution of volumes with kernels that are learnt.  (N, C, D, H, W) -> (N, K, E, I, J).

    A loop over convolutions of images (`functional.conv3d`): correct, and not tuned. `weight` is
    (out_channels, in_channels / groups, *kernel_size) and `bias` (out_channels,), both uniform
    within 1 / sqrt(fan_in) at first, as in PyTorch.

    Args:
        in_channels: C.
        out_channels: K.
        kernel_size: size of the kernel, an int or (depth, height, width).
        stride: step of the window.
        padding: border on each side, or "same" or "valid".
        dilation: distance between the taps of a kernel.
        groups: number of blocks that input and output channels are divided into.
        bias: whether there is one.
        padding_mode: "zeros", "reflect", "replicate" or "circular".
        generator: where the first weights come from; `convlet.seed` sets the default one.

    Raises:
        TypeError: a size is not an int.
        ValueError: a size is below 1, or channels are not divisible by groups.

    Example:
        >>> import numpy as np
        >>> Conv3d(3, 8, 3, padding=1)(np.zeros((2, 3, 5, 6, 7))).shape
        (2, 8, 5, 6, 7)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the weights and set them."""
        Convolution.__init__(
            self, "Conv3d", in_channels, out_channels, kernel_size, stride, dilation, groups, 3
        )
        self.set_padding("Conv3d", padding, padding_mode)
        self.make_parameters(self.out_channels, self.in_channels, bias, generator)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve, plane after plane of the kernel."""
        x, border = self.bordered(input)
        return F.conv3d(x, self.weight, self.bias, self.stride, border, self.dilation, self.groups)
