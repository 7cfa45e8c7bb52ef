"""Operators and their gradients on NumPy arrays: no tape, no state.

Every operator takes float32 arrays of any memory layout and never modifies them; its gradient is
its neighbour and takes the same arguments.
"""

from convlet.ops.activation import (
    hardsigmoid,
    hardsigmoid_grad,
    hardswish,
    hardswish_grad,
    leaky_relu,
    leaky_relu_grad,
    relu,
    relu6,
    relu6_grad,
    relu_grad,
    sigmoid,
    sigmoid_grad,
    silu,
    silu_grad,
)
from convlet.ops.adaptive_pool2d import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_grad,
    adaptive_max_pool2d,
    adaptive_max_pool2d_grad,
)
from convlet.ops.batch_norm import (
    batch_moments,
    batch_norm,
    batch_norm_grad,
    batch_norm_scale_shift,
)
from convlet.ops.boxes import box_iou, nms, paired_box_iou, paired_box_iou_grad, soft_nms
from convlet.ops.channel_scale import channel_scale, channel_scale_grad
from convlet.ops.conv2d import (
    PackedWeight,
    conv2d,
    conv2d_grad_bias,
    conv2d_grad_input,
    conv2d_grad_weight,
    conv2d_moments,
)
from convlet.ops.conv2d_chain import ConvLink, conv2d_chain
from convlet.ops.conv_transpose2d import (
    conv_transpose2d,
    conv_transpose2d_grad_input,
    conv_transpose2d_grad_weight,
)
from convlet.ops.dropout import dropout, dropout_grad
from convlet.ops.group_norm import group_moments, group_norm, group_norm_grad
from convlet.ops.joining import add, cut_channels, join_channels
from convlet.ops.layer_norm import layer_norm, layer_norm_grad
from convlet.ops.linear import linear, linear_grad_bias, linear_grad_input, linear_grad_weight
from convlet.ops.loss import (
    binary_cross_entropy,
    binary_cross_entropy_grad,
    softmax_cross_entropy,
    softmax_cross_entropy_grad,
)
from convlet.ops.pool2d import avg_pool2d, avg_pool2d_grad, max_pool2d, max_pool2d_grad
from convlet.ops.prelu import prelu, prelu_grad
from convlet.ops.resize2d import resize2d, resize2d_grad
from convlet.ops.roi_align import roi_align, roi_align_grad
from convlet.ops.smooth_activation import (
    elu,
    elu_grad,
    gelu,
    gelu_grad,
    mish,
    mish_grad,
    softplus,
    softplus_grad,
    tanh,
    tanh_grad,
)

__all__ = [
    "ConvLink",
    "PackedWeight",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_grad",
    "adaptive_max_pool2d",
    "adaptive_max_pool2d_grad",
    "add",
    "avg_pool2d",
    "avg_pool2d_grad",
    "batch_moments",
    "batch_norm",
    "batch_norm_grad",
    "batch_norm_scale_shift",
    "binary_cross_entropy",
    "binary_cross_entropy_grad",
    "box_iou",
    "channel_scale",
    "channel_scale_grad",
    "conv2d",
    "conv2d_chain",
    "conv2d_grad_bias",
    "conv2d_grad_input",
    "conv2d_grad_weight",
    "conv2d_moments",
    "conv_transpose2d",
    "conv_transpose2d_grad_input",
    "conv_transpose2d_grad_weight",
    "cut_channels",
    "dropout",
    "dropout_grad",
    "elu",
    "elu_grad",
    "gelu",
    "gelu_grad",
    "group_moments",
    "group_norm",
    "group_norm_grad",
    "hardsigmoid",
    "hardsigmoid_grad",
    "hardswish",
    "hardswish_grad",
    "join_channels",
    "layer_norm",
    "layer_norm_grad",
    "leaky_relu",
    "leaky_relu_grad",
    "linear",
    "linear_grad_bias",
    "linear_grad_input",
    "linear_grad_weight",
    "max_pool2d",
    "max_pool2d_grad",
    "mish",
    "mish_grad",
    "nms",
    "paired_box_iou",
    "paired_box_iou_grad",
    "prelu",
    "prelu_grad",
    "relu",
    "relu6",
    "relu6_grad",
    "relu_grad",
    "resize2d",
    "resize2d_grad",
    "roi_align",
    "roi_align_grad",
    "sigmoid",
    "sigmoid_grad",
    "silu",
    "silu_grad",
    "soft_nms",
    "softmax_cross_entropy",
    "softmax_cross_entropy_grad",
    "softplus",
    "softplus_grad",
    "tanh",
    "tanh_grad",
]
