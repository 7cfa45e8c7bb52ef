"""Real layers of well-known networks, and whole networks, for `peers.py`."""

from __future__ import annotations

from convlet.bench import BatchNorm2d, Conv2d, MaxPool2d, Network

CONVOLUTIONS = (
    Conv2d("LeNet 5x5 1-6", 64, 1, 28, 6, 5, padding=2),
    Conv2d("LeNet 5x5 6-16", 64, 6, 14, 16, 5),
    Conv2d("VGG-16 3x3 3-64 at 224", 2, 3, 224, 64, 3, padding=1),
    Conv2d("VGG-16 3x3 64-64 at 224", 2, 64, 224, 64, 3, padding=1),
    Conv2d("VGG-16 3x3 64-128 at 112", 4, 64, 112, 128, 3, padding=1),
    Conv2d("VGG-16 3x3 256-256 at 56", 2, 256, 56, 256, 3, padding=1),
    Conv2d("VGG-16 3x3 512-512 at 28", 2, 512, 28, 512, 3, padding=1),
    Conv2d("VGG-16 3x3 512-512 at 14", 4, 512, 14, 512, 3, padding=1),
    Conv2d("ResNet 7x7 stride 2 3-64 at 224", 8, 3, 224, 64, 7, stride=2, padding=3),
    Conv2d("ResNet 3x3 64-64 at 56", 8, 64, 56, 64, 3, padding=1),
    Conv2d("ResNet 3x3 128-128 at 28", 8, 128, 28, 128, 3, padding=1),
    Conv2d("ResNet 3x3 256-256 at 14", 8, 256, 14, 256, 3, padding=1),
    Conv2d("ResNet 3x3 512-512 at 7", 8, 512, 7, 512, 3, padding=1),
    Conv2d("ResNet 3x3 stride 2 64-128 at 56", 8, 64, 56, 128, 3, stride=2, padding=1),
    Conv2d("ResNet 1x1 stride 2 64-128 at 56", 8, 64, 56, 128, 1, stride=2),
    Conv2d("ResNet 1x1 64-256 at 56", 8, 64, 56, 256, 1),
    Conv2d("ResNet 1x1 256-64 at 56", 8, 256, 56, 64, 1),
    Conv2d("ResNet 1x1 1024-256 at 14", 8, 1024, 14, 256, 1),
    Conv2d("ResNet CIFAR 3x3 64-64 at 32", 32, 64, 32, 64, 3, padding=1),
    Conv2d("MobileNetV2 3x3 stride 2 3-32 at 224", 8, 3, 224, 32, 3, stride=2, padding=1),
    Conv2d("MobileNetV2 1x1 24-144 at 56", 8, 24, 56, 144, 1),
    Conv2d("MobileNetV2 depthwise 3x3 144 at 56", 8, 144, 56, 144, 3, padding=1, groups=144),
    Conv2d("MobileNetV2 depthwise 3x3 stride 2 144 at 56", 8, 144, 56, 144, 3, 2, 1, 144),
    Conv2d("MobileNetV2 1x1 144-24 at 56", 8, 144, 56, 24, 1),
    Conv2d("MobileNetV2 1x1 320-1280 at 7", 8, 320, 7, 1280, 1),
    Conv2d("U-Net 3x3 3-32 at 128", 2, 3, 128, 32, 3, padding=1),
    Conv2d("U-Net 3x3 64-32 at 128", 2, 64, 128, 32, 3, padding=1),
    Conv2d("U-Net 3x3 512-512 at 8", 2, 512, 8, 512, 3, padding=1),
    Conv2d("U-Net 1x1 32-2 at 128", 2, 32, 128, 2, 1),
    Conv2d("EfficientNet-Lite0 depthwise 5x5 stride 2 144 at 56", 8, 144, 56, 144, 5, 2, 2, 144),
    Conv2d("EfficientNet-Lite0 depthwise 5x5 240 at 28", 8, 240, 28, 240, 5, padding=2, groups=240),
    Conv2d("EfficientNet-Lite0 depthwise 5x5 672 at 14", 8, 672, 14, 672, 5, padding=2, groups=672),
    Conv2d("EfficientNet-Lite0 1x1 240-40 at 28", 8, 240, 28, 40, 1),
    Conv2d("EfficientNet-Lite0 1x1 192-1152 at 7", 8, 192, 7, 1152, 1),
    Conv2d("5x5 64-64 at 28", 8, 64, 28, 64, 5, padding=2),
    Conv2d("3x3 dilated 64-64 at 28", 8, 64, 28, 64, 3, padding=2, dilation=2),
)

OTHERS = (
    MaxPool2d("LeNet 2x2 at 28", 64, 6, 28, 2, 2),
    MaxPool2d("VGG-16 2x2 64 at 112", 4, 64, 112, 2, 2),
    MaxPool2d("ResNet 3x3 stride 2 64 at 112", 8, 64, 112, 3, 2, 1),
    BatchNorm2d("ResNet 64 at 56", 8, 64, 56),
    BatchNorm2d("ResNet 512 at 7", 8, 512, 7),
    BatchNorm2d("MobileNetV2 144 at 56", 8, 144, 56),
)

TEN = (("num_classes", 10),)
NETWORKS = (
    Network("LeNet-5, 64x1x28x28", 64, "lenet5", 1, 28, 10),
    Network("small VGG, 64x3x32x32", 64, "small_vgg", 3, 32, 10),
    Network("ResNet-18 CIFAR, 32x3x32x32", 32, "resnet18", 3, 32, 10, (*TEN, ("stem", "cifar"))),
    Network("ResNet-18, 8x3x224x224", 8, "resnet18", 3, 224, 1000),
    Network("MobileNetV2, 8x3x224x224", 8, "mobilenet_v2", 3, 224, 1000),
    Network("EfficientNet-Lite0, 8x3x224x224", 8, "efficientnet_lite0", 3, 224, 1000),
    Network("U-Net, 2x3x128x128", 2, "unet", 3, 128, 2, (("num_classes", 2),)),
    Network("residual U-Net, 8x3x128x128", 8, "resunet", 3, 128, 11, (("num_classes", 11),)),
    Network("LR-ASPP, 8x3x128x128", 8, "lraspp", 3, 128, 21),
    Network("FCOS, 16x3x128x128", 16, "fcos", 3, 128, 10),
)

CASES = (*CONVOLUTIONS, *OTHERS, *NETWORKS)
