"""Differentiable functions on tensors, with the names and arguments of torch.nn.functional."""

from convlet.nn.functional.activation import (
    hardsigmoid,
    hardswish,
    leaky_relu,
    relu,
    relu6,
    sigmoid,
    silu,
)
from convlet.nn.functional.binary_loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    sigmoid_focal_loss,
)
from convlet.nn.functional.conv import conv2d
from convlet.nn.functional.conv_other import conv1d, conv3d
from convlet.nn.functional.conv_transpose import conv_transpose2d
from convlet.nn.functional.dropout import dropout
from convlet.nn.functional.dropout_other import alpha_dropout, drop_path, dropout2d
from convlet.nn.functional.linear import linear
from convlet.nn.functional.loss import cross_entropy, focal_loss, nll_loss
from convlet.nn.functional.normalization import batch_norm, group_norm, layer_norm
from convlet.nn.functional.normalization_other import instance_norm, local_response_norm
from convlet.nn.functional.overlap_loss import dice_loss, lovasz_loss
from convlet.nn.functional.padding import pad
from convlet.nn.functional.pixel_shuffle import pixel_shuffle, pixel_unshuffle
from convlet.nn.functional.pooling import (
    adaptive_avg_pool2d,
    adaptive_max_pool2d,
    avg_pool2d,
    max_pool2d,
)
from convlet.nn.functional.pooling_other import (
    adaptive_avg_pool1d,
    adaptive_max_pool1d,
    avg_pool1d,
    lp_pool2d,
    max_pool1d,
    max_unpool2d,
)
from convlet.nn.functional.regression_loss import huber_loss, l1_loss, mse_loss, smooth_l1_loss
from convlet.nn.functional.resizing import interpolate
from convlet.nn.functional.smooth_activation import (
    elu,
    gelu,
    log_softmax,
    mish,
    prelu,
    softmax,
    softplus,
    tanh,
)

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "alpha_dropout",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose2d",
    "cross_entropy",
    "dice_loss",
    "drop_path",
    "dropout",
    "dropout2d",
    "elu",
    "focal_loss",
    "gelu",
    "group_norm",
    "hardsigmoid",
    "hardswish",
    "huber_loss",
    "instance_norm",
    "interpolate",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "local_response_norm",
    "log_softmax",
    "lovasz_loss",
    "lp_pool2d",
    "max_pool1d",
    "max_pool2d",
    "max_unpool2d",
    "mish",
    "mse_loss",
    "nll_loss",
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "prelu",
    "relu",
    "relu6",
    "sigmoid",
    "sigmoid_focal_loss",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
]
