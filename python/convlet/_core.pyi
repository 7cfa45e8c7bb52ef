# The kernels: arrays in, arrays out. `convlet.ops` documents what they compute.
#
# Float arrays are float32 of any layout. A wrong dtype is a TypeError, anything else that does not
# fit a ValueError that names the argument. Four-dimensional results have the shape (N, C, H, W) and
# the memory of (N, H, W, C).

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

_Array: TypeAlias = npt.NDArray[np.float32]
_Integers: TypeAlias = npt.NDArray[np.integer[Any]]
_Bits: TypeAlias = npt.NDArray[np.uint8]
_Pair: TypeAlias = Sequence[int]  # of two
_Shape4: TypeAlias = Sequence[int]  # of four
_Borders: TypeAlias = Sequence[int]  # top, left, bottom, right
_Activation: TypeAlias = Literal["none", "relu", "relu6", "silu", "hardswish"]

# A weight as conv2d_forward() has packed it, which tells by itself when the weight has changed.
class PackedWeight:
    def __init__(self) -> None: ...
    def clear(self) -> None: ...
    def __copy__(self) -> PackedWeight: ...
    def __deepcopy__(self, memo: dict[Any, Any]) -> PackedWeight: ...

def conv2d_forward(
    x: _Array,
    weight: _Array,
    bias: _Array | None,
    stride: _Pair,
    padding: _Borders,
    dilation: _Pair,
    groups: int,
    activation: _Activation = "none",
    scale: _Array | None = None,
    residual: _Array | None = None,
    packed: PackedWeight | None = None,
    version: int | None = None,
) -> _Array: ...

# Mean, variance, weight, bias, eps.
_NormArguments: TypeAlias = tuple[_Array, _Array, _Array | None, _Array | None, float]
# Weight, bias, stride, padding, dilation, groups, activation, scale, norm, packed, version.
_LinkArguments: TypeAlias = tuple[
    _Array,
    _Array | None,
    _Pair,
    _Borders,
    _Pair,
    int,
    _Activation,
    _Array | None,
    _NormArguments | None,
    PackedWeight | None,
    int | None,
]

def conv2d_chain(
    x: _Array, links: Sequence[_LinkArguments], residual: _Array | None = None
) -> _Array: ...
def conv2d_moments(
    x: _Array, weight: _Array, bias: _Array | None, stride: _Pair, padding: _Borders,
    dilation: _Pair, groups: int, packed: PackedWeight | None = None, version: int | None = None,
) -> tuple[_Array, _Array, _Array]: ...  # fmt: skip
def conv2d_grad_input(
    dy: _Array,
    weight: _Array,
    input_shape: _Shape4,
    stride: _Pair,
    padding: _Borders,
    dilation: _Pair,
    groups: int,
) -> _Array: ...
def conv2d_grad_weight(
    dy: _Array,
    x: _Array,
    weight_shape: _Shape4,
    stride: _Pair,
    padding: _Borders,
    dilation: _Pair,
    groups: int,
) -> _Array: ...

_Geometry: TypeAlias = tuple[_Pair, _Borders, _Pair, int]  # stride, padding, dilation, groups
_NormOf: TypeAlias = tuple[_Array | None, _Array | None, float]  # weight, bias, epsilon

def conv2d_norm_forward(
    x: _Array, weight: _Array, bias: _Array | None, geometry: _Geometry, norm: _NormOf,
    running: tuple[_Array, _Array, float] | None, residual: _Array | None, activation: _Activation,
    packed: PackedWeight | None, version: int | None,
) -> tuple[_Array, _Array, _Array, _Array]: ...  # fmt: skip
def conv2d_norm_grad(
    dy: _Array, x: _Array, before: _Array, mean: _Array, variance: _Array, weight: _Array,
    geometry: _Geometry, norm: _NormOf, y: _Array | None, activation: _Activation,
    with_residual: bool, wanted: tuple[bool, bool, bool], overwrite_dy: bool,
) -> tuple[_Array | None, _Array | None, _Array | None, _Array, _Array, _Array | None]: ...  # fmt: skip
def conv_transpose2d_forward(
    x: _Array,
    weight: _Array,
    bias: _Array | None,
    stride: _Pair,
    padding: _Pair,
    output_padding: _Pair,
    groups: int,
    dilation: _Pair,
) -> _Array: ...
def channel_sum(dy: _Array) -> _Array: ...
def linear_forward(
    x: _Array,
    weight: _Array,
    bias: _Array | None,
    activation: _Activation = "none",
) -> _Array: ...
def linear_grad_input(dy: _Array, weight: _Array) -> _Array: ...
def linear_grad_weight(dy: _Array, x: _Array) -> _Array: ...
def max_pool2d_forward(
    x: _Array,
    kernel_size: _Pair,
    stride: _Pair,
    padding: _Pair,
    dilation: _Pair,
    ceil_mode: bool,
) -> tuple[_Array, _Integers]: ...
def max_pool2d_grad(
    dy: _Array,
    indices: _Integers,
    input_shape: _Shape4,
    kernel_size: _Pair,
    stride: _Pair,
    padding: _Pair,
    dilation: _Pair,
    ceil_mode: bool,
) -> _Array: ...
def avg_pool2d_forward(
    x: _Array,
    kernel_size: _Pair,
    stride: _Pair,
    padding: _Pair,
    ceil_mode: bool,
    count_include_pad: bool,
) -> _Array: ...
def avg_pool2d_grad(
    dy: _Array,
    input_shape: _Shape4,
    kernel_size: _Pair,
    stride: _Pair,
    padding: _Pair,
    ceil_mode: bool,
    count_include_pad: bool,
) -> _Array: ...
def adaptive_max_pool2d_forward(x: _Array, output_size: _Pair) -> tuple[_Array, _Integers]: ...
def adaptive_max_pool2d_grad(dy: _Array, indices: _Integers, input_shape: _Shape4) -> _Array: ...
def adaptive_avg_pool2d_forward(x: _Array, output_size: _Pair) -> _Array: ...
def adaptive_avg_pool2d_grad(dy: _Array, input_shape: _Shape4) -> _Array: ...
def resize2d_forward(
    x: _Array,
    size: _Pair,
    mode: str,
    align_corners: bool,
    scale_factor: Sequence[float] | None,
) -> _Array: ...
def resize2d_grad(
    dy: _Array,
    input_shape: _Shape4,
    mode: str,
    align_corners: bool,
    scale_factor: Sequence[float] | None,
) -> _Array: ...
def batch_moments(x: _Array) -> tuple[_Array, _Array]: ...
def batch_norm_forward(
    x: _Array,
    mean: _Array,
    variance: _Array,
    weight: _Array | None,
    bias: _Array | None,
    eps: float,
    residual: _Array | None = None,
    activation: _Activation = "none",
) -> _Array: ...
def batch_norm_grad(
    dy: _Array, x: _Array, y: _Array | None, mean: _Array, variance: _Array, weight: _Array | None,
    eps: float, fixed: bool, with_residual: bool,
    activation: Literal["none", "relu", "relu6"] = "relu", scale: _Array | None = None,
    shift: _Array | None = None, overwrite_dy: bool = False,
) -> tuple[_Array, _Array, _Array, _Array | None]: ...  # fmt: skip
def batch_norm_scale_shift(
    mean: _Array,
    variance: _Array,
    weight: _Array | None,
    bias: _Array | None,
    eps: float,
    before: _Array | None,
) -> tuple[_Array, _Array]: ...
def group_moments(x: _Array, num_groups: int) -> tuple[_Array, _Array]: ...
def group_norm_forward(
    x: _Array,
    mean: _Array,
    variance: _Array,
    weight: _Array | None,
    bias: _Array | None,
    eps: float,
) -> _Array: ...
def group_norm_grad(
    dy: _Array, x: _Array, mean: _Array, variance: _Array, weight: _Array | None, eps: float
) -> tuple[_Array, _Array, _Array]: ...
def layer_norm_forward(
    x: _Array, dims: int, weight: _Array | None, bias: _Array | None, eps: float
) -> tuple[_Array, _Array, _Array]: ...
def layer_norm_grad(
    dy: _Array, x: _Array, mean: _Array, inverse: _Array, weight: _Array | None
) -> tuple[_Array, _Array, _Array]: ...
def add(a: _Array, b: _Array, overwrite_a: bool = False) -> _Array: ...
def join_channels(arrays: Sequence[_Array]) -> _Array: ...
def cut_channels(x: _Array, channels: Sequence[int]) -> list[_Array]: ...
def pixel_shuffle(x: _Array, factor: int) -> _Array: ...
def pixel_unshuffle(y: _Array, factor: int) -> _Array: ...
def relu_forward(x: _Array) -> _Array: ...
def relu_grad(dy: _Array, y: _Array, overwrite_dy: bool = False) -> _Array: ...
def relu6_forward(x: _Array) -> _Array: ...
def relu6_grad(dy: _Array, y: _Array, overwrite_dy: bool = False) -> _Array: ...
def leaky_relu_forward(x: _Array, negative_slope: float) -> _Array: ...
def leaky_relu_grad(
    dy: _Array, x: _Array, negative_slope: float, overwrite_dy: bool = False
) -> _Array: ...
def sigmoid_forward(x: _Array) -> _Array: ...
def sigmoid_grad(dy: _Array, y: _Array, overwrite_dy: bool = False) -> _Array: ...
def silu_forward(x: _Array) -> _Array: ...
def silu_grad(dy: _Array, x: _Array, overwrite_dy: bool = False) -> _Array: ...
def hardsigmoid_forward(x: _Array) -> _Array: ...
def hardsigmoid_grad(dy: _Array, y: _Array, overwrite_dy: bool = False) -> _Array: ...
def hardswish_forward(x: _Array) -> _Array: ...
def hardswish_grad(dy: _Array, x: _Array, overwrite_dy: bool = False) -> _Array: ...
def tanh_forward(x: _Array) -> _Array: ...
def tanh_grad(dy: _Array, y: _Array, overwrite_dy: bool = False) -> _Array: ...
def elu_forward(x: _Array, alpha: float) -> _Array: ...
def elu_grad(dy: _Array, x: _Array, alpha: float, overwrite_dy: bool = False) -> _Array: ...
def gelu_forward(x: _Array) -> _Array: ...
def gelu_grad(dy: _Array, x: _Array, overwrite_dy: bool = False) -> _Array: ...
def gelu_tanh_forward(x: _Array) -> _Array: ...
def gelu_tanh_grad(dy: _Array, x: _Array, overwrite_dy: bool = False) -> _Array: ...
def softplus_forward(x: _Array, beta: float) -> _Array: ...
def softplus_grad(dy: _Array, x: _Array, beta: float, overwrite_dy: bool = False) -> _Array: ...
def mish_forward(x: _Array) -> _Array: ...
def mish_grad(dy: _Array, x: _Array, overwrite_dy: bool = False) -> _Array: ...
def channel_scale(x: _Array, scale: _Array) -> _Array: ...
def channel_scale_grad(dy: _Array, x: _Array, scale: _Array) -> tuple[_Array, _Array]: ...
def prelu_forward(x: _Array, weight: _Array) -> _Array: ...
def prelu_grad(dy: _Array, x: _Array, weight: _Array) -> tuple[_Array, _Array]: ...
def softmax_cross_entropy_forward(
    logits: _Array,
    labels: _Integers,
    weight: _Array | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> tuple[_Array, _Array]: ...
def softmax_cross_entropy_grad(
    probabilities: _Array,
    labels: _Integers,
    dlosses: _Array,
    weight: _Array | None = None,
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
) -> _Array: ...
def binary_cross_entropy_forward(logits: _Array, targets: _Array, pos_weight: float) -> _Array: ...
def binary_cross_entropy_grad(
    dlosses: _Array, logits: _Array, targets: _Array, pos_weight: float
) -> _Array: ...
def dropout_forward(x: _Array, p: float, seed: int, offset: int) -> tuple[_Array, _Bits]: ...
def dropout_grad(dy: _Array, mask: _Bits, p: float) -> _Array: ...

# `count` numbers of Philox 4x32-10 from a 128-bit counter (low, high half) on.
def philox(counter: _Pair, key: int, count: int) -> npt.NDArray[np.uint32]: ...
def sgd_step(
    params: Sequence[_Array],
    grads: Sequence[_Array],
    velocities: Sequence[_Array],
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    first: bool,
    scale: float = 1.0,
) -> None: ...
def lars_step(
    params: Sequence[_Array],
    grads: Sequence[_Array],
    velocities: Sequence[_Array],
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    first: bool,
    scale: float,
    trust: float,
    eps: float,
) -> None: ...
def adam_step(
    params: Sequence[_Array],
    grads: Sequence[_Array],
    means: Sequence[_Array],
    variances: Sequence[_Array],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
    decoupled: bool,
    scale: float = 1.0,
    largest: Sequence[_Array] = [],
) -> None: ...
def box_iou(boxes1: _Array, boxes2: _Array, kind: str, eps: float) -> _Array: ...
def paired_box_iou(boxes1: _Array, boxes2: _Array, kind: str, eps: float) -> _Array: ...
def paired_box_iou_grad(
    dy: _Array, boxes1: _Array, boxes2: _Array, kind: str, eps: float
) -> tuple[_Array, _Array]: ...
def nms(
    boxes: _Array, scores: _Array, idxs: _Integers | None, iou_threshold: float
) -> npt.NDArray[np.int64]: ...
def soft_nms(
    boxes: _Array,
    scores: _Array,
    idxs: _Integers | None,
    gaussian: bool,
    iou_threshold: float,
    sigma: float,
    score_threshold: float,
) -> tuple[npt.NDArray[np.int64], _Array]: ...
def roi_align_forward(
    x: _Array,
    boxes: _Array,
    output_size: _Pair,
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> _Array: ...
def roi_align_grad(
    dy: _Array,
    boxes: _Array,
    input_shape: _Shape4,
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> _Array: ...
def sum_of_squares(arrays: Sequence[_Array]) -> float: ...
def scale(arrays: Sequence[_Array], factor: float) -> None: ...
def lamb_step(
    params: Sequence[_Array],
    grads: Sequence[_Array],
    means: Sequence[_Array],
    variances: Sequence[_Array],
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
    adapt: bool,
    scale: float,
) -> None: ...
def rmsprop_step(
    params: Sequence[_Array],
    grads: Sequence[_Array],
    squares: Sequence[_Array],
    means: Sequence[_Array],
    buffers: Sequence[_Array],
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    centered: bool,
    scale: float,
) -> None: ...

# averages += weight (values - averages)
def average_step(averages: Sequence[_Array], values: Sequence[_Array], weight: float) -> None: ...
def to_channels_last(x: _Array) -> _Array: ...
def to_contiguous(x: _Array) -> _Array: ...
def exact_conv() -> bool: ...
def use_exact_conv(exact: bool) -> None: ...
def compiled_isas() -> list[str]: ...
def supported_isas() -> list[str]: ...
def l2_floats() -> int: ...  # what a core's second-level cache holds
def get_isa() -> str: ...
def use_isa(name: str) -> None: ...
def get_num_threads() -> int: ...
def set_num_threads(count: int) -> None: ...
def num_threads_from(convlet: str | None, omp: str | None, available: int) -> int: ...
def memory_stats() -> dict[str, int]: ...
def empty_cache() -> None: ...
def build_info() -> dict[str, str]: ...
