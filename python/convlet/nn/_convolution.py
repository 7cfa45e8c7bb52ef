"""What the layers of convolution have in common."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet.nn import init
from convlet.nn._arguments import positive
from convlet.nn.module import Module
from convlet.nn.parameter import Parameter
from convlet.ops._arguments import pair

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator

__all__ = ["Convolution"]


class Convolution(Module):
    """Sizes, first weights and text of a layer; which convolution it is, the layer knows."""

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        layer: str,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int],
        dilation: int | Sequence[int],
        groups: int,
    ) -> None:
        """Check and remember the sizes; `make_parameters` makes the weights of them."""
        super().__init__()
        self.in_channels = positive(in_channels, layer, "in_channels")
        self.out_channels = positive(out_channels, layer, "out_channels")
        self.groups = positive(groups, layer, "groups")
        self.kernel_size = pair(kernel_size, layer, "kernel_size")
        for extent in self.kernel_size:
            positive(extent, layer, "kernel_size")
        self.stride = pair(stride, layer, "stride")
        self.dilation = pair(dilation, layer, "dilation")
        for name, channels in (("in", in_channels), ("out", out_channels)):
            if channels % self.groups:
                raise ValueError(
                    f"{layer}: {name}_channels must be divisible by groups, "
                    f"got {channels} and {groups}"
                )

    def make_parameters(
        self, outer: int, inner: int, bias: bool, generator: Generator | None
    ) -> None:
        """Make and draw a weight of shape (outer, inner / groups, *kernel_size) and a bias."""
        shape = (outer, inner // self.groups, *self.kernel_size)
        self.weight = Parameter(np.empty(shape, np.float32))
        self.bias = Parameter(np.empty(self.out_channels, np.float32)) if bias else None
        self.reset_parameters(generator)

    def reset_parameters(self, generator: Generator | None = None) -> None:
        """Draw the weights anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5.0), generator=generator)
        if self.bias is not None:
            bound = 1.0 / math.sqrt(init.calculate_fan_in_and_fan_out(self.weight)[0])
            init.uniform_(self.bias, -bound, bound, generator)

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        text = (
            f"{self.in_channels}, {self.out_channels}, "
            f"kernel_size={self.kernel_size}, stride={self.stride}"
        )
        usual = {"padding": (0, 0), "dilation": (1, 1), "output_padding": (0, 0), "groups": 1}
        for name, value in usual.items():
            if getattr(self, name, value) != value:
                text += f", {name}={getattr(self, name)}"
        return text + ("" if self.bias is not None else ", bias=False")
