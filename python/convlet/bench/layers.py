"""Single operators as cases: their sizes, their arithmetic and the numbers that go in.

Every case has a `name`, a `group` for tables, `operator`, the method of a side that computes it,
and `flops`, the operations of one pass by the direct algorithm (None where memory decides).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BatchNorm2d", "Conv2d", "Linear", "MaxPool2d", "channels_last", "normal"]

Array: TypeAlias = npt.NDArray[np.float32]
Shape4: TypeAlias = tuple[int, int, int, int]

LINE = 16  # floats of a cache line

FORWARD, BACKWARD = "forward", "gradients"
OF_INPUT, OF_WEIGHT = "gradient of input", "gradient of weight"


def channels_last(array: Array) -> Array:
    """The memory order of an image inside a network; the shape stays (N, C, H, W)."""
    return at_a_line(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def at_a_line(array: Array) -> Array:
    """A C-contiguous copy that starts with a cache line, as what libraries hand on within a network.

    NumPy's arrays start 16 bytes later, and every other register that is read spans two lines.
    """
    room = np.empty(array.size + LINE, np.float32)
    start = -room.ctypes.data % (4 * LINE) // 4
    copy = room[start : start + array.size].reshape(array.shape)
    copy[...] = array
    return copy


@cache
def normal(*shape: int, seed: int = 0) -> Array:
    """Numbers to compute with; images come as a network would hand them on."""
    array = np.random.default_rng(seed).standard_normal(shape, np.float32)
    return channels_last(array) if len(shape) == 4 else at_a_line(array)


@dataclass(frozen=True)
class Case:
    """What all of them have."""

    name: str
    images: int

    group: ClassVar[str]
    operator: ClassVar[str]

    def __str__(self) -> str:
        """The name, for tests that are run by cases."""
        return self.name

    def flops(self, kind: str) -> float | None:
        """Operations of one pass."""
        return None

    @property
    def reads(self) -> Self:
        """The case itself."""
        return self


@dataclass(frozen=True)
class Conv2d(Case):
    """A convolution of square images by square kernels."""

    channels: int
    size: int
    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    dilation: int = 1

    group: ClassVar[str] = "convolution"
    operator: ClassVar[str] = "conv2d"

    @property
    def x(self) -> Shape4:
        """Shape of the input."""
        return self.images, self.channels, self.size, self.size

    @property
    def weight(self) -> Shape4:
        """Shape of the kernels."""
        return self.out_channels, self.channels // self.groups, self.kernel, self.kernel

    @property
    def y(self) -> Shape4:
        """Shape of the output."""
        span = self.dilation * (self.kernel - 1) + 1
        out = (self.size + 2 * self.padding - span) // self.stride + 1
        return self.images, self.out_channels, out, out

    @property
    def geometry(self) -> dict[str, Any]:
        """Stride, padding and groups, and the dilation where there is one."""
        pairs = {"stride": self.stride, "padding": self.padding}
        if self.dilation != 1:
            pairs["dilation"] = self.dilation
        return {**{key: (value, value) for key, value in pairs.items()}, "groups": self.groups}

    def flops(self, kind: str) -> float:
        """Two for each weight and output; each gradient takes as many as the forward pass."""
        return 2.0 * math.prod(self.y) * math.prod(self.weight[1:])


@dataclass(frozen=True)
class MaxPool2d(Case):
    """Max pooling of square images by square windows."""

    channels: int
    size: int
    kernel: int
    stride: int
    padding: int = 0

    group: ClassVar[str] = "max pooling"
    operator: ClassVar[str] = "max_pool2d"

    @property
    def x(self) -> Shape4:
        """Shape of the input."""
        return self.images, self.channels, self.size, self.size

    @property
    def y(self) -> Shape4:
        """Shape of the output."""
        out = (self.size + 2 * self.padding - self.kernel) // self.stride + 1
        return self.images, self.channels, out, out


@dataclass(frozen=True)
class BatchNorm2d(Case):
    """Batch normalisation by the batch's statistics, and ReLU."""

    channels: int
    size: int

    group: ClassVar[str] = "batch norm + ReLU"
    operator: ClassVar[str] = "batch_norm"

    @property
    def x(self) -> Shape4:
        """Shape of input and output."""
        return self.images, self.channels, self.size, self.size


@dataclass(frozen=True)
class Linear(Case):
    """A linear layer with bias."""

    features: int
    out_features: int

    group: ClassVar[str] = "linear"
    operator: ClassVar[str] = "linear"

    def flops(self, kind: str) -> float:
        """Two for each weight and row."""
        return 2.0 * self.images * self.features * self.out_features
