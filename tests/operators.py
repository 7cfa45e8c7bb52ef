"""Every operator of `convlet.ops` with arguments to call it by: what holds for all is told once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Arrays = list[npt.NDArray[Any]]


@dataclass(frozen=True)
class Operator:
    """`call(*arrays)` computes; `arrays` are its float32 inputs, the others are fixed."""

    name: str
    arrays: Arrays
    call: Callable[..., Any]

    def __str__(self) -> str:
        return self.name

    def outputs(self, *arrays: npt.NDArray[Any]) -> Arrays:
        """The results as a list, also where there is only one."""
        result = self.call(*(arrays or self.arrays))
        return list(result) if isinstance(result, tuple) else [result]


def same_bits(ours: Arrays, theirs: Arrays) -> bool:
    """Shape, dtype and every bit; -0 is not 0 here, and a NaN equals itself."""
    return len(ours) == len(theirs) and all(
        a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        for a, b in zip(ours, theirs, strict=True)
    )


def make_operators(images: int, size: int) -> list[Operator]:
    """Larger `images` and `size` make operators that are worth several threads."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> npt.NDArray[np.float32]:
        return rng.standard_normal(shape).astype(np.float32)

    x = normal(images, 6, size, size + 1)
    weight, bias = normal(10, 3, 3, 3), normal(10)
    geometry: dict[str, Any] = {"stride": (1, 2), "padding": 1, "groups": 2}
    y = ops.conv2d(x, weight, bias, **geometry)
    dy, xdeep, deep = normal(*y.shape), normal(images, 16, size, size + 1), normal(35, 16, 3, 3)
    ddeep = normal(images, 35, size, size + 1)
    arrays = [x, normal(*x.shape)]
    spread, narrow = normal(17 * images, 30), normal(17 * images, 19)
    slopes, factors = normal(6), normal(images, 6, 1, 1)
    fewer = normal(images, 3, size, size + 1)
    grouped, by_row = ops.group_moments(x, 3), ops.layer_norm(spread, 30)[1:]
    matrix, vector = normal(19, 30), normal(19)
    pooled, indices = ops.max_pool2d(x, 3, 2, 1)
    shrunk, pixels = ops.adaptive_max_pool2d(x, (3, 5))
    labels = np.arange(17 * images) % 19
    losses, probabilities = ops.softmax_cross_entropy(narrow, labels)
    dropped, mask = ops.dropout(x, 0.3, seed=5)
    rois = np.array([[0, 0.5, 1, 5, 4], [images - 1, -2, 0, 9, 9], [0, 2, 2, 3, 7]], np.float32)
    boxes, other = spread[:, :4], narrow[:, :4]
    widen, filters, narrowing = normal(24, 6, 1, 1), normal(24, 1, 3, 3), normal(6, 24, 1, 1)
    return [
        Operator(
            "conv2d_chain",
            [x, widen, filters, x],
            lambda a, b, c, d: ops.conv2d_chain(
                a,
                [ops.ConvLink(b), ops.ConvLink(c, None, 1, 1, 1, 24), ops.ConvLink(narrowing)],
                residual=d,
            ),
        ),
        Operator("conv2d", [x, weight, bias], lambda a, b, c: ops.conv2d(a, b, c, **geometry)),
        Operator(
            "conv2d_grad_input",
            [dy, weight],
            lambda a, b: ops.conv2d_grad_input(a, b, x.shape, **geometry),
        ),
        Operator(
            "conv2d_grad_weight",
            [dy, x],
            lambda a, b: ops.conv2d_grad_weight(a, b, weight.shape, **geometry),
        ),
        Operator("conv2d_grad_bias", [dy], ops.conv2d_grad_bias),
        Operator("conv2d_moments", [xdeep, deep], lambda a, b: ops.conv2d_moments(a, b, padding=1)),
        Operator("conv2d 3x3", [xdeep, deep], lambda a, b: ops.conv2d(a, b, padding=1)),
        Operator(
            "conv2d_grad_input 3x3",
            [ddeep, deep],
            lambda a, b: ops.conv2d_grad_input(a, b, xdeep.shape, padding=1),
        ),
        Operator(
            "conv2d_grad_weight 3x3",
            [ddeep, xdeep],
            lambda a, b: ops.conv2d_grad_weight(a, b, deep.shape, padding=1),
        ),
        Operator("linear", [spread, matrix, vector], ops.linear),
        Operator("linear_grad_input", [narrow, matrix], ops.linear_grad_input),
        Operator("linear_grad_weight", [narrow, spread], ops.linear_grad_weight),
        Operator("linear_grad_bias", [narrow], ops.linear_grad_bias),
        Operator("max_pool2d", [x], lambda a: ops.max_pool2d(a, 3, 2, 1)),
        Operator(
            "max_pool2d_grad",
            [normal(*pooled.shape)],
            lambda a: ops.max_pool2d_grad(a, indices, x.shape, 3, 2, 1),
        ),
        Operator("avg_pool2d", [x], lambda a: ops.avg_pool2d(a, 3, 2, 1)),
        Operator(
            "avg_pool2d_grad",
            [normal(*pooled.shape)],
            lambda a: ops.avg_pool2d_grad(a, x.shape, 3, 2, 1),
        ),
        Operator("adaptive_max_pool2d", [x], lambda a: ops.adaptive_max_pool2d(a, (3, 5))),
        Operator(
            "adaptive_max_pool2d_grad",
            [shrunk],
            lambda a: ops.adaptive_max_pool2d_grad(a, pixels, x.shape),
        ),
        Operator("adaptive_avg_pool2d", [x], lambda a: ops.adaptive_avg_pool2d(a, (3, 5))),
        Operator("adaptive_avg_pool2d global", [x], lambda a: ops.adaptive_avg_pool2d(a, 1)),
        Operator(
            "adaptive_avg_pool2d_grad",
            [shrunk],
            lambda a: ops.adaptive_avg_pool2d_grad(a, x.shape),
        ),
        Operator("resize2d", [x], lambda a: ops.resize2d(a, (2 * size, 5), "bilinear")),
        Operator("resize2d nearest", [x], lambda a: ops.resize2d(a, 2 * size + 1)),
        Operator(
            "resize2d_grad", [x], lambda a: ops.resize2d_grad(a, (images, 6, 5, 4), "bilinear")
        ),
        Operator("group_norm", [x, *grouped], ops.group_norm),
        Operator("group_moments", [x], lambda a: ops.group_moments(a, 3)),
        Operator("group_norm_grad", [*arrays, *grouped], ops.group_norm_grad),
        Operator("layer_norm", [spread, spread[0]], lambda a, b: ops.layer_norm(a, 30, b)),
        Operator("layer_norm_grad", [spread, spread, *by_row], ops.layer_norm_grad),
        Operator("add", arrays, ops.add),
        Operator("join_channels", [x, fewer], lambda a, b: ops.join_channels([a, b, a])),
        Operator("cut_channels", [x], lambda a: tuple(ops.cut_channels(a, [1, 3, 2]))),
        Operator("relu", [x], ops.relu),
        Operator("relu_grad", [normal(*x.shape), x], ops.relu_grad),
        *[
            Operator(name, arrays[: 1 + name.endswith("_grad")], getattr(ops, name))
            for activation in (
                *("relu6", "leaky_relu", "sigmoid", "silu", "hardsigmoid", "hardswish"),
                *("tanh", "elu", "gelu", "softplus", "mish"),
            )
            for name in (activation, f"{activation}_grad")
        ],
        Operator("gelu tanh", [x], lambda a: ops.gelu(a, "tanh")),
        Operator("gelu_grad tanh", arrays, lambda a, b: ops.gelu_grad(a, b, "tanh")),
        Operator("channel_scale", [x, factors], ops.channel_scale),
        Operator("channel_scale_grad", [*arrays, factors], ops.channel_scale_grad),
        Operator("prelu", [x, slopes], ops.prelu),
        Operator("prelu_grad", [*arrays, slopes], ops.prelu_grad),
        Operator("binary_cross_entropy", arrays, lambda a, b: ops.binary_cross_entropy(a, b, 3.0)),
        Operator("binary_cross_entropy_grad", [*arrays, x], ops.binary_cross_entropy_grad),
        Operator(
            "softmax_cross_entropy smooth",
            [narrow, vector],
            lambda a, b: ops.softmax_cross_entropy(a, labels, b, 3, 0.1),
        ),
        Operator(
            "softmax_cross_entropy_grad smooth",
            [probabilities, losses, vector],
            lambda a, b, c: ops.softmax_cross_entropy_grad(a, labels, b, c, 3, 0.1),
        ),
        Operator("softmax_cross_entropy", [narrow], lambda a: ops.softmax_cross_entropy(a, labels)),
        Operator(
            "softmax_cross_entropy_grad",
            [probabilities, losses],
            lambda a, b: ops.softmax_cross_entropy_grad(a, labels, b),
        ),
        Operator("roi_align", [x, rois], lambda a, b: ops.roi_align(a, b, 2)),
        Operator(
            "roi_align_grad",
            [normal(3, 6, 2, 2), rois],
            lambda a, b: ops.roi_align_grad(a, b, x.shape),
        ),
        Operator("box_iou", [boxes, other], ops.box_iou),
        Operator("paired_box_iou", [boxes, other], ops.paired_box_iou),
        Operator("paired_box_iou_grad", [boxes[:, 0], boxes, other], ops.paired_box_iou_grad),
        Operator("dropout", [x], lambda a: ops.dropout(a, 0.3, seed=5)),
        Operator("dropout_grad", [dropped], lambda a: ops.dropout_grad(a, mask, 0.3)),
    ]
