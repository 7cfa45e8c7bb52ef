"""The convolution layer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet.nn import init
from convlet.nn._arguments import positive
from convlet.nn.functional.conv import conv2d
from convlet.nn.module import Module
from convlet.nn.parameter import Parameter
from convlet.ops._arguments import pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["Conv2d"]


class Conv2d(Module):
    """Convolution of images with kernels that are learnt.  (N, C, H, W) -> (N, K, I, J).

    `weight` is (out_channels, in_channels / groups, *kernel_size) and `bias` (out_channels,), both
    uniform within 1 / sqrt(fan_in) at first, as in PyTorch.

    Args:
        in_channels: C.
        out_channels: K.
        kernel_size: size of the kernel, an int or (height, width).
        stride: step of the window.
        padding: zeros on each side, or "same" or "valid".
        dilation: distance between the taps of a kernel.
        groups: number of blocks that input and output channels are divided into.
        bias: whether there is one.
        padding_mode: "zeros", the only one.
        generator: where the first weights come from; `convlet.seed` sets the default one.

    Raises:
        TypeError: a size is not an int.
        ValueError: a size is below 1, or channels are not divisible by groups.

    Example:
        >>> import numpy as np
        >>> Conv2d(3, 8, 3, padding=1)(np.zeros((2, 3, 5, 5))).shape
        (2, 8, 5, 5)
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
        super().__init__()
        self.in_channels = positive(in_channels, "Conv2d", "in_channels")
        self.out_channels = positive(out_channels, "Conv2d", "out_channels")
        self.groups = positive(groups, "Conv2d", "groups")
        self.kernel_size = pair(kernel_size, "Conv2d", "kernel_size")
        for extent in self.kernel_size:
            positive(extent, "Conv2d", "kernel_size")
        self.stride = pair(stride, "Conv2d", "stride")
        self.dilation = pair(dilation, "Conv2d", "dilation")
        self.padding = padding if isinstance(padding, str) else pair(padding, "Conv2d", "padding")
        self.padding_mode = padding_mode
        for name, channels in (("in", in_channels), ("out", out_channels)):
            if channels % self.groups:
                raise ValueError(
                    f"Conv2d: {name}_channels must be divisible by groups, "
                    f"got {channels} and {groups}"
                )
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(f'Conv2d: padding must be numbers, "same" or "valid", got {padding!r}')
        if padding == "same" and self.stride != (1, 1):
            raise ValueError(f'Conv2d: padding "same" needs stride 1, got {self.stride}')
        if padding_mode != "zeros":
            raise ValueError(f'Conv2d: padding_mode must be "zeros", got {padding_mode!r}')
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
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
        """Convolve."""
        return conv2d(
            input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        text = (
            f"{self.in_channels}, {self.out_channels}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0, 0):
            text += f", padding={self.padding}"
        if self.dilation != (1, 1):
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text + ("" if self.bias is not None else ", bias=False")
