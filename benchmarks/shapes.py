"""The layers that are timed: real ones of LeNet-5, ResNet-18 and MobileNetV2, and a small one."""

from __future__ import annotations

import numpy as np

from convlet.bench.layers import Array, Conv2d, channels_last, normal

__all__ = [
    "ACTIVATIONS",
    "BLOCKS",
    "INFERENCE",
    "LAYERS",
    "SMALL",
    "Array",
    "Conv2d",
    "channels_last",
    "kernels",
    "normal",
]

LAYERS = [
    Conv2d("lenet conv1", 64, 1, 28, 6, 5, padding=2),
    Conv2d("lenet conv2", 64, 6, 14, 16, 5),
    Conv2d("box head", 16, 64, 16, 4, 3, padding=1),
    Conv2d("resnet18 stem", 2, 3, 224, 64, 7, stride=2, padding=3),
    Conv2d("resnet18 64@56", 4, 64, 56, 64, 3, padding=1),
    Conv2d("resnet18 128@28", 4, 128, 28, 128, 3, padding=1),
    Conv2d("resnet18 256@14", 4, 256, 14, 256, 3, padding=1),
    Conv2d("resnet18 512@7", 4, 512, 7, 512, 3, padding=1),
    Conv2d("resnet18 down", 4, 64, 56, 128, 3, stride=2, padding=1),
    Conv2d("resnet18 shortcut", 4, 64, 56, 128, 1, stride=2),
    Conv2d("pointwise 64@56", 4, 64, 56, 64, 1),
    Conv2d("mobilenet depthwise", 4, 96, 56, 96, 3, padding=1, groups=96),
    Conv2d("mobilenet depthwise down", 4, 144, 56, 144, 3, stride=2, padding=1, groups=144),
    Conv2d("efficientnet depthwise", 4, 240, 28, 240, 5, padding=2, groups=240),
]

# One image, as in `predict`.
INFERENCE = [
    Conv2d("one image, 64@56", 1, 64, 56, 64, 3, padding=1),
    Conv2d("one image, 256@14", 1, 256, 14, 256, 3, padding=1),
    Conv2d("one image, 512@7", 1, 512, 7, 512, 3, padding=1),
    Conv2d("one image, 1x1 1024@14", 1, 1024, 14, 256, 1),
    Conv2d("one image, depthwise", 1, 96, 56, 96, 3, padding=1, groups=96),
]

# The depthwise layers of inverted residuals.
BLOCKS = [
    Conv2d("mobilenet block 96@112", 4, 96, 112, 96, 3, stride=2, padding=1, groups=96),
    Conv2d("mobilenet block 192@28", 8, 192, 28, 192, 3, padding=1, groups=192),
    Conv2d("efficientnet block 240@28", 8, 240, 28, 240, 5, padding=2, groups=240),
]

# Small enough for plain loops in Python.
SMALL = Conv2d("small", 2, 3, 8, 4, 3, padding=1)


# What element-wise operators work on.
ACTIVATIONS = {
    "lenet conv1": (64, 6, 28, 28),
    "resnet18 64@56": (4, 64, 56, 56),
}


def kernels(*shape: int) -> Array:
    """Weights (K, C, R, S) as a user holds them."""
    return np.ascontiguousarray(normal(*shape, seed=1))
