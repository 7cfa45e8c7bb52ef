"""The transposed convolution layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn._convolution import Convolution
from convlet.nn.functional.conv_transpose import conv_transpose2d
from convlet.ops._arguments import pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["ConvTranspose2d"]


class ConvTranspose2d(Convolution):
    """Transposed convolution with kernels that are learnt.  (N, C, H, W) -> (N, K, I, J).

    `weight` is (in_channels, out_channels / groups, *kernel_size) and `bias` (out_channels,), both
    uniform within 1 / sqrt(fan_in) at first, as in PyTorch.

    Args:
        in_channels: C.
        out_channels: K.
        kernel_size: size of the kernel, an int or (height, width).
        stride: step of the output's pixels that neighbouring input pixels write around.
        padding: rows and columns cut from each side of the output.
        output_padding: rows and columns added at the bottom and the right; below the stride.
        groups: number of blocks that input and output channels are divided into.
        bias: whether there is one.
        dilation: distance between the taps of a kernel.
        generator: where the first weights come from; `convlet.seed` sets the default one.

    Raises:
        TypeError: an argument is not an int or a pair of ints.
        ValueError: a size is below 1, or the channels do not divide into the groups.

    Example:
        >>> import numpy as np
        >>> ConvTranspose2d(8, 4, 2, stride=2)(np.zeros((2, 8, 5, 5))).shape
        (2, 4, 10, 10)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the weights and set them."""
        layer = "ConvTranspose2d"
        super().__init__(layer, in_channels, out_channels, kernel_size, stride, dilation, groups)
        self.padding = pair(padding, layer, "padding")
        self.output_padding = pair(output_padding, layer, "output_padding")
        self.make_parameters(self.in_channels, self.out_channels, bias, generator)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve, transposed."""
        return conv_transpose2d(
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )
