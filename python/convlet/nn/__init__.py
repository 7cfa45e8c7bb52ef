"""Layers and models, with the names, arguments and defaults of torch.nn."""

from convlet.nn import functional, init, utils
from convlet.nn.activation import Hardsigmoid, Hardswish, LeakyReLU, ReLU, ReLU6, Sigmoid, SiLU
from convlet.nn.container import Sequential
from convlet.nn.conv import Conv2d
from convlet.nn.conv_other import Conv1d, Conv3d
from convlet.nn.conv_transpose import ConvTranspose2d
from convlet.nn.dropout import Dropout
from convlet.nn.dropout_other import AlphaDropout, DropConnect, Dropout2d, DropPath
from convlet.nn.elementwise_loss import (
    BCELoss,
    BCEWithLogitsLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    SmoothL1Loss,
)
from convlet.nn.features import FeatureExtractor, create_feature_extractor
from convlet.nn.flatten import Flatten
from convlet.nn.fusion import conv_norm
from convlet.nn.linear import Linear
from convlet.nn.loss import CrossEntropyLoss, DiceLoss, FocalLoss, LovaszLoss, NLLLoss
from convlet.nn.module import HookHandle, Module, evaluating
from convlet.nn.module_collections import ModuleDict, ModuleList
from convlet.nn.normalization import BatchNorm2d, GroupNorm, LayerNorm
from convlet.nn.normalization_other import BatchNorm1d, InstanceNorm2d, LocalResponseNorm
from convlet.nn.padding import (
    CircularPad2d,
    ConstantPad2d,
    ReflectionPad2d,
    ReplicationPad2d,
    ZeroPad2d,
)
from convlet.nn.parameter import Parameter
from convlet.nn.pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d
from convlet.nn.pooling_other import (
    AdaptiveAvgPool1d,
    AdaptiveMaxPool1d,
    AvgPool1d,
    LPPool2d,
    MaxPool1d,
    MaxUnpool2d,
)
from convlet.nn.shaping import Identity, PixelShuffle, PixelUnshuffle, Unflatten
from convlet.nn.smooth_activation import ELU, GELU, LogSoftmax, Mish, PReLU, Softmax, Softplus, Tanh
from convlet.nn.summarise import LayerSummary, Summary, summary
from convlet.nn.upsampling import Upsample

__all__ = [
    "ELU",
    "GELU",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AlphaDropout",
    "AvgPool1d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "CircularPad2d",
    "ConstantPad2d",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "DiceLoss",
    "DropConnect",
    "DropPath",
    "Dropout",
    "Dropout2d",
    "FeatureExtractor",
    "Flatten",
    "FocalLoss",
    "GroupNorm",
    "Hardsigmoid",
    "Hardswish",
    "HookHandle",
    "HuberLoss",
    "Identity",
    "InstanceNorm2d",
    "L1Loss",
    "LPPool2d",
    "LayerNorm",
    "LayerSummary",
    "LeakyReLU",
    "Linear",
    "LocalResponseNorm",
    "LogSoftmax",
    "LovaszLoss",
    "MSELoss",
    "MaxPool1d",
    "MaxPool2d",
    "MaxUnpool2d",
    "Mish",
    "Module",
    "ModuleDict",
    "ModuleList",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "PixelShuffle",
    "PixelUnshuffle",
    "ReLU",
    "ReLU6",
    "ReflectionPad2d",
    "ReplicationPad2d",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Summary",
    "Tanh",
    "Unflatten",
    "Upsample",
    "ZeroPad2d",
    "conv_norm",
    "create_feature_extractor",
    "evaluating",
    "functional",
    "init",
    "summary",
    "utils",
]
