"""What the layers of convolution have in common."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet.nn import init
from convlet.nn._arguments import positive
from convlet.nn.functional.padding import MODES, pad
from convlet.nn.module import Module
from convlet.nn.parameter import Parameter
from convlet.ops._arguments import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["Convolution", "PaddedConvolution"]


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
        axes: int = 2,
    ) -> None:
        """Check and remember the sizes; `make_parameters` makes the weights of them."""
        super().__init__()
        self.in_channels = positive(in_channels, layer, "in_channels")
        self.out_channels = positive(out_channels, layer, "out_channels")
        self.groups = positive(groups, layer, "groups")
        self.kernel_size = numbers(kernel_size, axes, layer, "kernel_size")
        for extent in self.kernel_size:
            positive(extent, layer, "kernel_size")
        self.stride = numbers(stride, axes, layer, "stride")
        self.dilation = numbers(dilation, axes, layer, "dilation")
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
        zeros, ones = (0,) * len(self.stride), (1,) * len(self.stride)
        usual = {"padding": zeros, "dilation": ones, "output_padding": zeros, "groups": 1}
        for name, value in usual.items():
            if getattr(self, name, value) != value:
                text += f", {name}={getattr(self, name)}"
        return text + ("" if self.bias is not None else ", bias=False")


class PaddedConvolution(Convolution):
    """A convolution whose border is zeros, which the kernels add, or is made of the image."""

    padding: str | tuple[int, ...]
    padding_mode: str

    def set_padding(
        self, layer: str, padding: str | int | Sequence[int], padding_mode: str
    ) -> None:
        """Check and remember the border."""
        if isinstance(padding, str):
            self.padding = padding
        else:
            self.padding = numbers(padding, len(self.stride), layer, "padding")
        self.padding_mode = padding_mode
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(
                f'{layer}: padding must be numbers, "same" or "valid", got {padding!r}'
            )
        if padding == "same" and any(step != 1 for step in self.stride):
            raise ValueError(f'{layer}: padding "same" needs stride 1, got {self.stride}')
        if padding_mode not in ("zeros", *MODES[1:]):
            raise ValueError(
                f'{layer}: padding_mode must be "zeros", "reflect", "replicate" or "circular", '
                f"got {padding_mode!r}"
            )

    def bordered(self, input: Tensor) -> tuple[Tensor, str | tuple[int, ...]]:
        """The input with its border, and the border of zeros that the convolution is to add."""
        if self.padding_mode == "zeros":
            return input, self.padding
        if self.padding == "valid":
            return input, "valid"
        if self.padding == "same":
            totals = [
                gap * (taps - 1) for gap, taps in zip(self.dilation, self.kernel_size, strict=True)
            ]
            sides = [(total // 2, total - total // 2) for total in totals]
        else:
            sides = [(side, side) for side in self.padding if isinstance(side, int)]
        amounts = [side for both in reversed(sides) for side in both]
        return pad(input, amounts, self.padding_mode), "valid"

    def extra_repr(self) -> str:
        """What PyTorch shows."""
        mode = "" if self.padding_mode == "zeros" else f", padding_mode={self.padding_mode}"
        return super().extra_repr() + mode
