"""Ready-made networks."""

from convlet.models.lenet import LeNet5, lenet5
from convlet.models.mobilenet import MobileNetV2, mobilenet_v2
from convlet.models.registry import create, names
from convlet.models.resnet import ResNet, resnet18, resnet34, resnet50, resnet101
from convlet.models.unet import UNet, unet
from convlet.models.vgg import (
    VGG,
    vgg11,
    vgg11_bn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg19,
    vgg19_bn,
)

__all__ = [
    "VGG",
    "LeNet5",
    "MobileNetV2",
    "ResNet",
    "UNet",
    "create",
    "lenet5",
    "mobilenet_v2",
    "names",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "unet",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]
