"""The operators of networks as ONNX nodes: a row for each, of opset 18."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.onnx.arrays import ARRAYS, same

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from convlet.onnx.graph import Graph
    from convlet.onnx.trace import Step

    Emit = Callable[[Graph, Step], str]

__all__ = ["OPERATORS", "OPSET"]

OPSET = 18
_BORDERS = {"reflect": "reflect", "replicate": "edge"}


def _activated(g: Graph, y: str, activation: str) -> str:
    """An activation that another operator computed in its pass."""
    if activation == "relu":
        return g.node("Relu", y)
    return y if activation == "none" else g.node("Clip", y, g.constant(0.0), g.constant(6.0))


def _conv2d(g: Graph, s: Step) -> str:
    operands = [g.of(t) for t in (s["x"], s["w"], s["b"]) if t is not None]
    y = g.node(
        "Conv",
        *operands,
        strides=s["step"],
        pads=s["border"],
        dilations=s["gaps"],
        group=s["group_count"],
    )
    y = y if s["more"] is None else g.node("Add", y, g.of(s["more"]))
    return _activated(g, y, s["activation"])


def _conv_transpose2d(g: Graph, s: Step) -> str:
    taps = s["w"].shape[2:]
    geometry = zip(s["x"].shape[2:], s["step"], s["border"], s["gaps"], taps, strict=True)
    least = [(n - 1) * step - 2 * pad + gap * (k - 1) + 1 for n, step, pad, gap, k in geometry]
    more = [n - low for n, low in zip(s.result.shape[2:], least, strict=True)]
    return g.node(
        "ConvTranspose",
        *(g.of(parent) for parent in s.parents),
        strides=s["step"],
        pads=s["border"] * 2,
        dilations=s["gaps"],
        output_padding=more,
        group=s["group_count"],
    )


def _linear(g: Graph, s: Step) -> str:
    y = g.node("Gemm", *(g.of(parent) for parent in s.parents), transB=1)
    return _activated(g, y, s["activation"])


def _batch_norm(g: Graph, s: Step) -> str:
    if s["training"]:
        raise ValueError("export: batch_norm without running statistics cannot be exported")
    channels = s["x"].shape[1]
    weight = g.constant(np.ones(channels)) if s["w"] is None else g.of(s["w"])
    bias = g.constant(np.zeros(channels)) if s["b"] is None else g.of(s["b"])
    statistics = (g.array(s["running_mean"]), g.array(s["running_var"]))
    y = g.node(
        "BatchNormalization", g.of(s["x"]), weight, bias, *statistics, epsilon=float(s["epsilon"])
    )
    y = y if s["more"] is None else g.node("Add", y, g.of(s["more"]))
    return _activated(g, y, s["inside"])


def _group_norm(g: Graph, s: Step) -> str:
    groups, (_, channels, *sides) = int(s["num_groups"]), s["x"].shape
    rows = g.node("Reshape", g.of(s["x"]), g.whole([0, groups, -1]))
    ones, zeros = g.constant(np.ones(groups)), g.constant(np.zeros(groups))
    rows = g.node("InstanceNormalization", rows, ones, zeros, epsilon=float(s["eps"]))
    y = g.node("Reshape", rows, g.whole([0, channels, *sides]))
    each = g.whole([channels, *(1,) * len(sides)])
    for kind, factor in (("Mul", s["w"]), ("Add", s["b"])):
        if factor is not None:
            y = g.node(kind, y, g.node("Reshape", g.of(factor), each))
    return y


def _layer_norm(g: Graph, s: Step) -> str:
    wanted = s["normalized_shape"]
    shape = (wanted,) if isinstance(wanted, int) else tuple(wanted)
    weight = g.constant(np.ones(shape)) if s["w"] is None else g.of(s["w"])
    bias = () if s["b"] is None else (g.of(s["b"]),)
    return g.node(
        "LayerNormalization",
        *(g.of(s["x"]), weight, *bias),
        axis=-len(shape),
        epsilon=float(s["eps"]),
    )


def _local_response_norm(g: Graph, s: Step) -> str:
    if int(s["size"]) % 2 == 0:
        raise ValueError(
            f"export: local_response_norm can be exported for odd sizes, got {s['size']}"
        )
    return g.node(
        "LRN",
        g.of(s.parents[0]),
        size=int(s["size"]),
        alpha=float(s["alpha"]),
        beta=float(s["beta"]),
        bias=float(s["k"]),
    )


def _max_pool2d(g: Graph, s: Step) -> str:
    # Windows that are only partly inside get a border, which never wins.
    ends = _ends(s["x"].shape, s.result.shape, s["kernel"], s["step"], s["border"], s["gaps"])
    return g.node(
        "MaxPool",
        g.of(s["x"]),
        kernel_shape=s["kernel"],
        strides=s["step"],
        pads=[*s["border"], *ends],
        dilations=s["gaps"],
    )


def _ends(before: Sequence[int], after: Sequence[int], *geometry: tuple[int, int]) -> list[int]:
    """The borders below and at the right that the last windows need."""
    sides = zip(before[2:], after[2:], *geometry, strict=True)
    return [
        max(pad, (m - 1) * step + gap * (k - 1) + 1 - n - pad) for n, m, k, step, pad, gap in sides
    ]


def _avg_pool2d(g: Graph, s: Step) -> str:
    return g.node(
        "AveragePool",
        g.of(s["x"]),
        kernel_shape=s["kernel"],
        strides=s["step"],
        pads=s["border"] * 2,
        ceil_mode=int(s["ceil_mode"]),
        count_include_pad=int(s["count_include_pad"]),
    )


def _adaptive_avg_pool2d(g: Graph, s: Step) -> str:
    x, before, after = g.of(s["x"]), s["x"].shape[2:], s.result.shape[2:]
    if tuple(after) == (1, 1):
        return g.node("GlobalAveragePool", x)
    if all(n % m == 0 for n, m in zip(before, after, strict=True)):
        window = [n // m for n, m in zip(before, after, strict=True)]
        return g.node("AveragePool", x, kernel_shape=window, strides=window)
    rows, columns = (_shares(n, m) for n, m in zip(before, after, strict=True))
    return g.node("MatMul", g.node("MatMul", g.constant(rows), x), g.constant(columns.T))


def _shares(before: int, after: int) -> npt.NDArray[np.float32]:
    """How much of each number before is in each after, where windows overlap: (after, before)."""
    shares = np.zeros((after, before), np.float32)
    for i in range(after):
        start, end = i * before // after, -(-(i + 1) * before // after)
        shares[i, start:end] = 1 / (end - start)
    return shares


def _adaptive_max_pool2d(g: Graph, s: Step) -> str:
    sides = list(zip(s["x"].shape[2:], s.result.shape[2:], strict=True))
    if any(n % m for n, m in sides):
        raise ValueError(
            f"export: adaptive_max_pool2d can be exported where windows are equal, got {sides}"
        )
    window = [n // m for n, m in sides]
    return g.node("MaxPool", g.of(s["x"]), kernel_shape=window, strides=window)


def _interpolate(g: Graph, s: Step) -> str:
    mode, corners, factors = s["rule"]
    how: dict[str, Any] = {"mode": "linear"}
    how["coordinate_transformation_mode"] = "align_corners" if corners else "half_pixel"
    if mode == "nearest":
        how = {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        }
    x = g.of(s["x"])
    if factors is not None:
        return g.node("Resize", x, "", g.constant([1.0, 1.0, *factors]), **how)
    kept = g.node("Shape", x, start=0, end=2)
    sizes = g.node("Concat", kept, g.whole(s["out"]), axis=0)
    return g.node("Resize", x, "", "", sizes, **how)


def _bordered(g: Graph, s: Step) -> str:
    mode = s.values.get("mode", "constant")
    if mode not in {"constant", *_BORDERS}:
        raise ValueError(f'export: borders of mode "{mode}" cannot be exported')
    pads = g.whole([side for end in (0, 1) for side in (pair[end] for pair in s["borders"])])
    if mode != "constant":
        return g.node("Pad", g.of(s["x"]), pads, mode=_BORDERS[mode])
    return g.node("Pad", g.of(s["x"]), pads, g.constant(s["value"] or 0.0))


def _silu(g: Graph, s: Step) -> str:
    x = g.of(s.parents[0])
    return g.node("Mul", x, g.node("Sigmoid", x))


def _gelu(g: Graph, s: Step) -> str:
    x = g.of(s.parents[0])
    if s["approximate"] == "tanh":
        cubic = g.node("Mul", g.node("Mul", x, x), g.node("Mul", x, g.constant(0.044715)))
        inside = g.node("Mul", g.node("Add", x, cubic), g.constant(math.sqrt(2 / math.pi)))
        bend = g.node("Tanh", inside)
    else:
        bend = g.node("Erf", g.node("Mul", x, g.constant(math.sqrt(0.5))))
    half = g.node("Mul", x, g.constant(0.5))
    return g.node("Mul", half, g.node("Add", bend, g.constant(1.0)))


def _softplus(g: Graph, s: Step) -> str:
    scaled = g.node("Mul", g.of(s.parents[0]), g.constant(s["beta"]))
    return g.node("Div", g.node("Softplus", scaled), g.constant(s["beta"]))


def _mish(g: Graph, s: Step) -> str:
    x = g.of(s.parents[0])
    return g.node("Mul", x, g.node("Tanh", g.node("Softplus", x)))


def _prelu(g: Graph, s: Step) -> str:
    x, slope = s.parents
    each = g.whole([-1, *(1,) * max(x.ndim - 2, 0)])
    return g.node("PRelu", g.of(x), g.node("Reshape", g.of(slope), each))


def _along(kind: str) -> Emit:
    return lambda g, s: g.node(kind, g.of(s.parents[0]), axis=s["along"])


OPERATORS: dict[str, Emit] = {
    **ARRAYS,
    "conv2d": _conv2d,
    "conv_transpose2d": _conv_transpose2d,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "group_norm": _group_norm,
    "layer_norm": _layer_norm,
    "local_response_norm": _local_response_norm,
    "max_pool2d": _max_pool2d,
    "avg_pool2d": _avg_pool2d,
    "adaptive_avg_pool2d": _adaptive_avg_pool2d,
    "adaptive_max_pool2d": _adaptive_max_pool2d,
    "interpolate": _interpolate,
    "pixel_shuffle": lambda g, s: g.node(
        "DepthToSpace", g.of(s.parents[0]), blocksize=int(s["upscale_factor"]), mode="CRD"
    ),
    "_constant": _bordered,
    "_taken": _bordered,
    "relu": same("Relu"),
    "relu6": lambda g, s: _activated(g, g.of(s.parents[0]), "relu6"),
    "leaky_relu": lambda g, s: g.node(
        "LeakyRelu", g.of(s.parents[0]), alpha=float(s["negative_slope"])
    ),
    "elu": lambda g, s: g.node("Elu", g.of(s.parents[0]), alpha=float(s["alpha"])),
    "sigmoid": same("Sigmoid"),
    "tanh": same("Tanh"),
    "silu": _silu,
    "hardsigmoid": same("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hardswish": same("HardSwish"),
    "gelu": _gelu,
    "softplus": _softplus,
    "mish": _mish,
    "prelu": _prelu,
    "softmax": _along("Softmax"),
    "log_softmax": _along("LogSoftmax"),
}
