"""Ready-made networks."""

from convlet.models.alexnet import AlexNet, alexnet
from convlet.models.deeplabv3 import DeepLabV3, DeepLabV3Outputs, deeplabv3
from convlet.models.densenet import DenseNet, densenet121
from convlet.models.efficientnet import EfficientNetLite, efficientnet_lite0
from convlet.models.fcos import FCOS, fcos
from convlet.models.googlenet import GoogLeNet, GoogLeNetOutputs, googlenet
from convlet.models.lenet import LeNet5, lenet5
from convlet.models.lraspp import LRASPP, lraspp
from convlet.models.mobilenet import MobileNetV2, mobilenet_v2
from convlet.models.mobilenet_v3 import MobileNetV3, mobilenet_v3_large, mobilenet_v3_small
from convlet.models.mtcnn import MTCNN, mtcnn
from convlet.models.preprocessing import Preprocessing
from convlet.models.published_weights import Published, imagenet_classes, published
from convlet.models.recognition import recognise
from convlet.models.registry import create, detectors, names
from convlet.models.registry import names as list
from convlet.models.resnet import (
    ResNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
)
from convlet.models.resunet import ResUNet, resunet
from convlet.models.shufflenet import ShuffleNetV2, shufflenet_v2_x0_5, shufflenet_v2_x1_0
from convlet.models.squeezenet import SqueezeNet, squeezenet1_1
from convlet.models.ssdlite import SSDLite, ssdlite320_mobilenet_v3_large
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
    "FCOS",
    "LRASPP",
    "MTCNN",
    "VGG",
    "AlexNet",
    "DeepLabV3",
    "DeepLabV3Outputs",
    "DenseNet",
    "EfficientNetLite",
    "GoogLeNet",
    "GoogLeNetOutputs",
    "LeNet5",
    "MobileNetV2",
    "MobileNetV3",
    "Preprocessing",
    "Published",
    "ResNet",
    "ResUNet",
    "SSDLite",
    "ShuffleNetV2",
    "SqueezeNet",
    "UNet",
    "alexnet",
    "create",
    "deeplabv3",
    "densenet121",
    "detectors",
    "efficientnet_lite0",
    "fcos",
    "googlenet",
    "imagenet_classes",
    "lenet5",
    "list",
    "lraspp",
    "mobilenet_v2",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
    "mtcnn",
    "names",
    "published",
    "recognise",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
    "resunet",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "ssdlite320_mobilenet_v3_large",
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
