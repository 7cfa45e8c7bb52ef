"""Transposed convolution: the ways of its gradients, called as a network that enlarges does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shapes import Conv2d, kernels, normal

from convlet import ops
from convlet.bench import numpy_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapes import Array

# Named by what they do to the image, written as the convolutions that they turn around.
LAYERS = [
    Conv2d("unet 128 to 64, 32 to 64", 4, 64, 64, 128, 2, stride=2),
    Conv2d("dcgan 256 to 128, 8 to 16", 16, 128, 16, 256, 4, stride=2, padding=1),
]
by_layer = pytest.mark.parametrize("layer", LAYERS, ids=str)
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


@by_contender
@by_layer
def test_conv_transpose2d(race: Callable[..., None], layer: Conv2d, contender: str) -> None:
    x, weight, bias = normal(*layer.y), kernels(*layer.weight), normal(layer.channels)

    def by_numpy() -> Array:
        y = numpy_reference.conv2d_grad_input(x, weight, layer.x, **layer.geometry)
        y += numpy_reference.per_channel(bias)
        return y

    race(
        f"conv_transpose2d, {layer}",
        contender,
        convlet=lambda: ops.conv_transpose2d(x, weight, bias, **layer.geometry),
        numpy=by_numpy,
    )


@by_contender
@by_layer
def test_conv_transpose2d_grad_input(
    race: Callable[..., None], layer: Conv2d, contender: str
) -> None:
    dy, weight = normal(*layer.x), kernels(*layer.weight)
    race(
        f"conv_transpose2d_grad_input, {layer}",
        contender,
        convlet=lambda: ops.conv_transpose2d_grad_input(dy, weight, **layer.geometry),
        numpy=lambda: numpy_reference.conv2d(dy, weight, None, **layer.geometry),
    )


@by_contender
@by_layer
def test_conv_transpose2d_grad_weight(
    race: Callable[..., None], layer: Conv2d, contender: str
) -> None:
    dy, x = normal(*layer.x), normal(*layer.y)
    race(
        f"conv_transpose2d_grad_weight, {layer}",
        contender,
        convlet=lambda: ops.conv_transpose2d_grad_weight(dy, x, layer.weight, **layer.geometry),
        numpy=lambda: numpy_reference.conv2d_grad_weight(x, dy, layer.weight, **layer.geometry),
    )
