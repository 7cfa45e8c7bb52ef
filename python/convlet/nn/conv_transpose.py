"""The transposed convolution layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet.nn import init
from convlet.nn._arguments import positive
from convlet.nn.functional.conv_transpose import conv_transpose2d
from convlet.nn.module import Module
from convlet.nn.parameter import Parameter
from convlet.ops._arguments import pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["ConvTranspose2d"]


class ConvTranspose2d(Module):
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
        super().__init__()
        op = "ConvTranspose2d"
        self.in_channels = positive(in_channels, op, "in_channels")
        self.out_channels = positive(out_channels, op, "out_channels")
        self.groups = positive(groups, op, "groups")
        self.kernel_size = pair(kernel_size, op, "kernel_size")
        for extent in self.kernel_size:
            positive(extent, op, "kernel_size")
        self.stride = pair(stride, op, "stride")
        self.padding = pair(padding, op, "padding")
        self.output_padding = pair(output_padding, op, "output_padding")
        self.dilation = pair(dilation, op, "dilation")
        for name, channels in (("in", in_channels), ("out", out_channels)):
            if channels % self.groups:
                raise ValueError(
                    f"{op}: {name}_channels must be divisible by groups, "
                    f"got {channels} and {groups}"
                )
        shape = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        self.weight = Parameter(np.empty(shape, np.float32))
        self.bias = Parameter(np.empty(self.out_channels, np.float32)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the weights anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5.0), generator=generator)
        if self.bias is not None:
            bound = 1.0 / math.sqrt(init.calculate_fan_in_and_fan_out(self.weight)[0])
            init.uniform_(self.bias, -bound, bound, generator)

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

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        text = (
            f"{self.in_channels}, {self.out_channels}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0, 0):
            text += f", padding={self.padding}"
        if self.output_padding != (0, 0):
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.dilation != (1, 1):
            text += f", dilation={self.dilation}"
        return text + ("" if self.bias is not None else ", bias=False")
