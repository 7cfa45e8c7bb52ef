"""The convolution layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn._convolution import PaddedConvolution
from convlet.nn.functional.conv import conv2d
from convlet.ops.conv2d import PackedWeight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Activation, Array
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["Conv2d"]


class Conv2d(PaddedConvolution):
    """Convolution of images with kernels that are learnt.  (N, C, H, W) -> (N, K, I, J).

    `weight` is (out_channels, in_channels / groups, *kernel_size) and `bias` (out_channels,), both
    uniform within 1 / sqrt(fan_in) at first, as in PyTorch.

    Args:
        in_channels: C.
        out_channels: K.
        kernel_size: size of the kernel, an int or (height, width).
        stride: step of the window.
        padding: border on each side, or "same" or "valid".
        dilation: distance between the taps of a kernel.
        groups: number of blocks that input and output channels are divided into.
        bias: whether there is one.
        padding_mode: what is on the border: "zeros", "reflect", "replicate" or "circular".
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
        super().__init__("Conv2d", in_channels, out_channels, kernel_size, stride, dilation, groups)
        self.set_padding("Conv2d", padding, padding_mode)
        self.packed = PackedWeight()
        self.make_parameters(self.out_channels, self.in_channels, bias, generator)

    def forward(
        self,
        input: Tensor,
        *,
        residual: Tensor | None = None,
        activation: Activation = "none",
        moments: list[Array] | None = None,
        padding: Sequence[int] | None = None,
    ) -> Tensor:
        """Convolve; convlet's additions, `residual`, `activation` and `moments`, share the pass.

        A `padding` (top, left, bottom, right) takes the place of the layer's own.
        """
        x, border = self.bordered(input) if padding is None else (input, padding)
        return conv2d(
            x,
            self.weight,
            self.bias,
            self.stride,
            border,
            self.dilation,
            self.groups,
            residual=residual,
            activation=activation,
            packed=self.packed,
            moments=moments,
        )
