"""The layers that are timed: real ones of LeNet-5, ResNet-18 and MobileNetV2, and a small one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypedDict

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]


class Geometry(TypedDict):
    stride: tuple[int, int]
    padding: tuple[int, int]
    groups: int


@dataclass(frozen=True)
class Layer:
    """A convolution of square images by square kernels."""

    name: str
    images: int
    channels: int
    size: int
    out_channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1

    def __str__(self) -> str:
        return self.name

    @property
    def x(self) -> tuple[int, int, int, int]:
        return self.images, self.channels, self.size, self.size

    @property
    def weight(self) -> tuple[int, int, int, int]:
        return self.out_channels, self.channels // self.groups, self.kernel, self.kernel

    @property
    def y(self) -> tuple[int, int, int, int]:
        out = (self.size + 2 * self.padding - self.kernel) // self.stride + 1
        return self.images, self.out_channels, out, out

    @property
    def geometry(self) -> Geometry:
        return Geometry(
            stride=(self.stride, self.stride),
            padding=(self.padding, self.padding),
            groups=self.groups,
        )


LAYERS = [
    Layer("lenet conv1", 64, 1, 28, 6, 5, padding=2),
    Layer("lenet conv2", 64, 6, 14, 16, 5),
    Layer("resnet18 stem", 2, 3, 224, 64, 7, stride=2, padding=3),
    Layer("resnet18 64@56", 4, 64, 56, 64, 3, padding=1),
    Layer("resnet18 128@28", 4, 128, 28, 128, 3, padding=1),
    Layer("resnet18 256@14", 4, 256, 14, 256, 3, padding=1),
    Layer("resnet18 512@7", 4, 512, 7, 512, 3, padding=1),
    Layer("resnet18 down", 4, 64, 56, 128, 3, stride=2, padding=1),
    Layer("resnet18 shortcut", 4, 64, 56, 128, 1, stride=2),
    Layer("pointwise 64@56", 4, 64, 56, 64, 1),
    Layer("mobilenet depthwise", 4, 96, 56, 96, 3, padding=1, groups=96),
]

# Small enough for plain loops in Python.
SMALL = Layer("small", 2, 3, 8, 4, 3, padding=1)


# What element-wise operators work on.
ACTIVATIONS = {
    "lenet conv1": (64, 6, 28, 28),
    "resnet18 64@56": (4, 64, 56, 56),
}


def channels_last(array: Array) -> Array:
    """The memory order of an image inside a network; the shape stays (N, C, H, W)."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


@cache
def normal(*shape: int, seed: int = 0) -> Array:
    """Numbers to compute with; images come as a network would hand them on."""
    array = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return channels_last(array) if len(shape) == 4 else array


def kernels(*shape: int) -> Array:
    """Weights (K, C, R, S) as a user holds them."""
    return np.ascontiguousarray(normal(*shape, seed=1))
