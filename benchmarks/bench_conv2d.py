"""Convolution and its gradients: direct, by Winograd, depthwise.

The layers reach few_channels, few_channels_grad_weight, winograd_forward, winograd_grad_weight,
depthwise, depthwise_spread, depthwise_grad_weight and pixel_moments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shapes import BLOCKS, INFERENCE, LAYERS, SMALL, Array, Conv2d, kernels, normal

import reference
from convlet import ops
from convlet.bench import numpy_reference

if TYPE_CHECKING:
    from collections.abc import Callable

by_layer = pytest.mark.parametrize("layer", LAYERS, ids=str)
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])
with_loops = pytest.mark.parametrize("contender", ["convlet", "numpy", "loops"])


@by_contender
@by_layer
def test_conv2d(race: Callable[..., None], layer: Conv2d, contender: str) -> None:
    x, weight, bias = normal(*layer.x), kernels(*layer.weight), normal(layer.out_channels)
    given = None if layer.groups > 1 else bias
    race(
        f"conv2d, {layer}",
        contender,
        convlet=lambda: ops.conv2d(x, weight, given, **layer.geometry),
        numpy=lambda: numpy_reference.conv2d(x, weight, given, **layer.geometry),
    )


@by_contender
@by_layer
def test_conv2d_grad_input(race: Callable[..., None], layer: Conv2d, contender: str) -> None:
    dy, weight = normal(*layer.y), kernels(*layer.weight)
    race(
        f"conv2d_grad_input, {layer}",
        contender,
        convlet=lambda: ops.conv2d_grad_input(dy, weight, layer.x, **layer.geometry),
        numpy=lambda: numpy_reference.conv2d_grad_input(dy, weight, layer.x, **layer.geometry),
    )


@by_contender
@by_layer
def test_conv2d_grad_weight(race: Callable[..., None], layer: Conv2d, contender: str) -> None:
    dy, x = normal(*layer.y), normal(*layer.x)
    race(
        f"conv2d_grad_weight, {layer}",
        contender,
        convlet=lambda: ops.conv2d_grad_weight(dy, x, layer.weight, **layer.geometry),
        numpy=lambda: numpy_reference.conv2d_grad_weight(dy, x, layer.weight, **layer.geometry),
    )


def by_numpy(layer: Conv2d) -> Callable[[], Any]:
    """A folded batch normalisation, the sum of a residual block and ReLU, in place."""
    x, weight, residual = normal(*layer.x), kernels(*layer.weight), normal(*layer.y)
    scale, bias = normal(layer.out_channels), normal(layer.out_channels, seed=1)

    def call() -> Any:
        y = numpy_reference.conv2d(x, weight, None, **layer.geometry)
        y *= numpy_reference.per_channel(scale)
        y += numpy_reference.per_channel(bias)
        y += residual
        return np.maximum(y, 0, out=y)

    return call


@by_contender
@pytest.mark.parametrize("layer", INFERENCE, ids=str)
def test_conv2d_epilogue(race: Callable[..., None], layer: Conv2d, contender: str) -> None:
    x, weight, residual = normal(*layer.x), kernels(*layer.weight), normal(*layer.y)
    scale, bias = normal(layer.out_channels), normal(layer.out_channels, seed=1)
    race(
        f"conv2d and epilogue, {layer}",
        contender,
        convlet=lambda: ops.conv2d(
            x, weight, bias, **layer.geometry, scale=scale, residual=residual, activation="relu"
        ),
        numpy=by_numpy(layer),
    )


@pytest.mark.parametrize("contender", ["convlet", "apart", "numpy"])
@by_layer
def test_conv2d_moments(race: Callable[..., None], layer: Conv2d, contender: str) -> None:
    x, weight = normal(*layer.x), kernels(*layer.weight)

    def by_numpy() -> Any:
        y = numpy_reference.conv2d(x, weight, None, **layer.geometry)
        return y, y.mean((0, 2, 3)), y.var((0, 2, 3))

    def apart() -> Any:
        y = ops.conv2d(x, weight, **layer.geometry)
        return y, *ops.batch_moments(y)

    race(
        f"conv2d and moments, {layer}",
        contender,
        convlet=lambda: ops.conv2d_moments(x, weight, **layer.geometry),
        apart=apart,
        numpy=by_numpy,
    )


@pytest.mark.parametrize("contender", ["convlet", "apart", "numpy"])
@pytest.mark.parametrize("layer", BLOCKS, ids=str)
def test_conv2d_chain(race: Callable[..., None], layer: Conv2d, contender: str) -> None:
    # An inverted residual around a depthwise layer: 1x1 to it from a sixth of its channels, and back.
    hidden, outer = layer.channels, layer.channels // 6
    x = normal(layer.images, outer, layer.size, layer.size)
    widen, filters, narrow = (
        kernels(hidden, outer, 1, 1),
        kernels(*layer.weight),
        kernels(outer, hidden, 1, 1),
    )
    links = [
        ops.ConvLink(widen, activation="relu6"),
        ops.ConvLink(filters, **layer.geometry, activation="relu6"),
        ops.ConvLink(narrow),
    ]

    def apart() -> Array:
        y = ops.conv2d(x, widen, activation="relu6")
        y = ops.conv2d(y, filters, **layer.geometry, activation="relu6")
        return ops.conv2d(y, narrow)

    def by_numpy() -> Array:
        y = np.clip(numpy_reference.conv2d(x, widen, None, (1, 1), (0, 0)), 0, 6)
        y = np.clip(numpy_reference.conv2d(y, filters, None, **layer.geometry), 0, 6)
        return numpy_reference.conv2d(y, narrow, None, (1, 1), (0, 0))

    race(
        f"conv2d_chain, {layer}",
        contender,
        convlet=lambda: ops.conv2d_chain(x, links),
        apart=apart,
        numpy=by_numpy,
    )


@pytest.mark.parametrize("contender", ["convlet", "packing", "numpy"])
@pytest.mark.parametrize("layer", [layer for layer in INFERENCE if layer.groups == 1], ids=str)
def test_conv2d_kept_weight(race: Callable[..., None], layer: Conv2d, contender: str) -> None:
    x, weight, packed = normal(*layer.x), kernels(*layer.weight), ops.PackedWeight()
    kept = numpy_reference.matrix(weight)
    kernel, out = (layer.kernel, layer.kernel), layer.y[2:]
    stride, padding = layer.geometry["stride"], layer.geometry["padding"]
    race(
        f"conv2d, kept weight, {layer}",
        contender,
        convlet=lambda: ops.conv2d(x, weight, **layer.geometry, packed=packed),
        packing=lambda: ops.conv2d(x, weight, **layer.geometry),
        numpy=lambda: numpy_reference.images(
            numpy_reference.im2col(x, kernel, stride, padding) @ kept, layer.images, out
        ),
    )


@by_contender
def test_conv2d_grad_bias(race: Callable[..., None], contender: str) -> None:
    dy = normal(4, 64, 56, 56)
    race(
        "conv2d_grad_bias, 64@56",
        contender,
        convlet=lambda: ops.conv2d_grad_bias(dy),
        numpy=lambda: dy.sum((0, 2, 3)),
    )


@with_loops
def test_conv2d_small(race: Callable[..., None], contender: str) -> None:
    x, weight = normal(*SMALL.x), kernels(*SMALL.weight)
    race(
        "conv2d, small",
        contender,
        convlet=lambda: ops.conv2d(x, weight, **SMALL.geometry),
        numpy=lambda: numpy_reference.conv2d(x, weight, None, **SMALL.geometry),
        loops=lambda: reference.conv2d(x, weight, **SMALL.geometry),
    )


@with_loops
def test_conv2d_grad_input_small(race: Callable[..., None], contender: str) -> None:
    dy, weight = normal(*SMALL.y), kernels(*SMALL.weight)
    race(
        "conv2d_grad_input, small",
        contender,
        convlet=lambda: ops.conv2d_grad_input(dy, weight, SMALL.x, **SMALL.geometry),
        numpy=lambda: numpy_reference.conv2d_grad_input(dy, weight, SMALL.x, **SMALL.geometry),
        loops=lambda: reference.conv2d_grad_input(dy, weight, SMALL.x, **SMALL.geometry),
    )


@with_loops
def test_conv2d_grad_weight_small(race: Callable[..., None], contender: str) -> None:
    dy, x = normal(*SMALL.y), normal(*SMALL.x)
    race(
        "conv2d_grad_weight, small",
        contender,
        convlet=lambda: ops.conv2d_grad_weight(dy, x, SMALL.weight, **SMALL.geometry),
        numpy=lambda: numpy_reference.conv2d_grad_weight(dy, x, SMALL.weight, **SMALL.geometry),
        loops=lambda: reference.conv2d_grad_weight(dy, x, SMALL.weight, **SMALL.geometry),
    )
