"""What `convlet bench` times: each class of operator once, and two small networks."""

from __future__ import annotations

from convlet.bench.layers import BatchNorm2d, Case, Conv2d, Linear, MaxPool2d
from convlet.bench.networks import Network

__all__ = ["OPERATORS", "QUICK", "SMALL_NETWORKS"]

OPERATORS: tuple[Case, ...] = (
    Conv2d("5x5, 6-16 channels (LeNet-5)", 64, 6, 14, 16, 5),
    Conv2d("3x3, 64 channels at 56x56", 4, 64, 56, 64, 3, padding=1),
    Conv2d("3x3, 256 channels at 14x14", 4, 256, 14, 256, 3, padding=1),
    Conv2d("3x3 stride 2, 64-128 channels", 4, 64, 56, 128, 3, stride=2, padding=1),
    Conv2d("1x1, 64-256 channels at 56x56", 2, 64, 56, 256, 1),
    Conv2d("7x7 stride 2 on images (ResNet)", 2, 3, 224, 64, 7, stride=2, padding=3),
    Conv2d("depthwise 3x3, 96 channels at 56x56", 4, 96, 56, 96, 3, padding=1, groups=96),
    MaxPool2d("2x2, 64 channels at 56x56", 4, 64, 56, 2, 2),
    MaxPool2d("3x3 stride 2, 64 channels at 112x112", 2, 64, 112, 3, 2, 1),
    BatchNorm2d("64 channels at 56x56", 4, 64, 56),
    Linear("512-1000, 64 rows", 64, 512, 1000),
)

SMALL_NETWORKS: tuple[Case, ...] = (
    Network("LeNet-5, 64x1x28x28", 64, "lenet5", 1, 28, 10),
    Network("small VGG, 64x3x32x32", 64, "small_vgg", 3, 32, 10),
)

# Of every group one, small.
QUICK: tuple[Case, ...] = (
    Conv2d("3x3, 32 channels at 28x28", 2, 32, 28, 32, 3, padding=1),
    Conv2d("depthwise 3x3, 32 channels at 28x28", 2, 32, 28, 32, 3, padding=1, groups=32),
    MaxPool2d("2x2, 32 channels at 28x28", 2, 32, 28, 2, 2),
    BatchNorm2d("32 channels at 28x28", 2, 32, 28),
    Linear("256-128, 16 rows", 16, 256, 128),
    Network("LeNet-5, 16x1x28x28", 16, "lenet5", 1, 28, 10),
)
