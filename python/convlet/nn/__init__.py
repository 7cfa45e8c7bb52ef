"""Layers and models, with the names, arguments and defaults of torch.nn."""

from convlet.nn import functional, init, utils
from convlet.nn.activation import Hardsigmoid, Hardswish, LeakyReLU, ReLU, ReLU6, Sigmoid, SiLU
from convlet.nn.container import Sequential
from convlet.nn.conv import Conv2d
from convlet.nn.conv_transpose import ConvTranspose2d
from convlet.nn.dropout import Dropout
from convlet.nn.elementwise_loss import (
    BCELoss,
    BCEWithLogitsLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    SmoothL1Loss,
)
from convlet.nn.flatten import Flatten
from convlet.nn.fusion import conv_norm
from convlet.nn.linear import Linear
from convlet.nn.loss import CrossEntropyLoss, DiceLoss, FocalLoss, NLLLoss
from convlet.nn.module import HookHandle, Module, evaluating
from convlet.nn.normalization import BatchNorm2d, GroupNorm, LayerNorm
from convlet.nn.parameter import Parameter
from convlet.nn.pooling import AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d
from convlet.nn.smooth_activation import ELU, GELU, LogSoftmax, Mish, PReLU, Softmax, Softplus, Tanh
from convlet.nn.upsampling import Upsample

__all__ = [
    "ELU",
    "GELU",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool2d",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "CrossEntropyLoss",
    "DiceLoss",
    "Dropout",
    "Flatten",
    "FocalLoss",
    "GroupNorm",
    "Hardsigmoid",
    "Hardswish",
    "HookHandle",
    "HuberLoss",
    "L1Loss",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Mish",
    "Module",
    "NLLLoss",
    "PReLU",
    "Parameter",
    "ReLU",
    "ReLU6",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Tanh",
    "Upsample",
    "conv_norm",
    "evaluating",
    "functional",
    "init",
    "utils",
]
