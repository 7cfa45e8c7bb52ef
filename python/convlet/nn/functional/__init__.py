"""Differentiable functions on tensors, with the names and arguments of torch.nn.functional."""

from convlet.nn.functional.activation import (
    hardsigmoid,
    hardswish,
    leaky_relu,
    relu,
    relu6,
    sigmoid,
    silu,
    softmax,
)
from convlet.nn.functional.conv import conv2d
from convlet.nn.functional.conv_transpose import conv_transpose2d
from convlet.nn.functional.dropout import dropout
from convlet.nn.functional.linear import linear
from convlet.nn.functional.loss import cross_entropy
from convlet.nn.functional.normalization import batch_norm, group_norm, layer_norm
from convlet.nn.functional.padding import pad
from convlet.nn.functional.pooling import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    avg_pool2d,
    max_pool2d,
)
from convlet.nn.functional.resizing import interpolate

__all__ = [
    "adaptive_avg_pool2d",
    "adaptive_max_pool2d",
    "avg_pool2d",
    "batch_norm",
    "conv2d",
    "conv_transpose2d",
    "cross_entropy",
    "dropout",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "interpolate",
    "layer_norm",
    "leaky_relu",
    "linear",
    "max_pool2d",
    "pad",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "softmax",
]
