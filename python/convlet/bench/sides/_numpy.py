"""NumPy's side: im2col, one matrix product, no Python loop over pixels."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np

from convlet.bench import numpy_reference as ref
from convlet.bench.layers import BACKWARD, FORWARD, OF_INPUT, OF_WEIGHT, normal
from convlet.bench.networks import BATCH, MOMENTUM, ONE, RATE, STEP
from convlet.bench.numpy_network import CHAINS, NumpyNetwork
from convlet.bench.sides.base import Side

if TYPE_CHECKING:
    from convlet.bench.layers import BatchNorm2d, Conv2d, Linear, MaxPool2d
    from convlet.bench.networks import Network
    from convlet.bench.sides.base import Calls

LARGE = 3e9  # operations of a layer for which NumPy's im2col takes too long to wait for


def sides(threads: int) -> list[Side]:
    """One; threadpoolctl, where it is installed, sets the threads of NumPy's BLAS."""
    if importlib.util.find_spec("threadpoolctl") is not None:
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads, user_api="blas")
    return [Numpy()]


class Numpy(Side):
    """`numpy_reference` and `numpy_network`."""

    name = "NumPy"
    version = np.__version__

    def conv2d(self, case: Conv2d) -> Calls:
        """Neither dilated layers nor grouped ones that are not depthwise, nor very large ones."""
        if case.dilation != 1 or case.groups not in {1, case.channels} or case.flops("") > LARGE:
            return {}
        if case.groups > 1 and case.channels != case.out_channels:
            return {}
        x, dy, g = normal(*case.x), normal(*case.y, seed=2), case.geometry
        weight = np.ascontiguousarray(normal(*case.weight, seed=1))
        return {
            FORWARD: lambda: ref.conv2d(x, weight, None, **g),
            OF_INPUT: lambda: ref.conv2d_grad_input(dy, weight, case.x, **g),
            OF_WEIGHT: lambda: ref.conv2d_grad_weight(dy, x, case.weight, **g),
        }

    def max_pool2d(self, case: MaxPool2d) -> Calls:
        """Slices, one for each tap."""
        x, dy = normal(*case.x), normal(*case.y, seed=2)
        window = (case.kernel, case.stride, case.padding)
        indices = ref.max_pool2d(x, *window)[1]
        return {
            FORWARD: lambda: ref.max_pool2d(x, *window)[0],
            OF_INPUT: lambda: ref.max_pool2d_grad(dy, indices, case.x, *window),
        }

    def batch_norm(self, case: BatchNorm2d) -> Calls:
        """The formulas."""
        x, dy = normal(*case.x), normal(*case.x, seed=2)
        weight, bias = normal(case.channels, seed=3), normal(case.channels, seed=4)
        mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3))
        y = ref.batch_norm_relu(x, weight, bias)
        return {
            FORWARD: lambda: ref.batch_norm_relu(x, weight, bias),
            BACKWARD: lambda: ref.batch_norm_relu_grad(dy, x, y, mean, variance, weight),
        }

    def linear(self, case: Linear) -> Calls:
        """Matrix products."""
        x = normal(case.images, case.features)
        weight = normal(case.out_features, case.features, seed=1)
        bias, dy = normal(case.out_features, seed=3), normal(case.images, case.out_features, seed=2)
        return {
            FORWARD: lambda: ref.linear(x, weight, bias),
            OF_INPUT: lambda: dy @ weight,
            OF_WEIGHT: lambda: dy.T @ x,
        }

    def network(self, case: Network) -> Calls:
        """LeNet-5 and the small VGG."""
        if case.model not in CHAINS:
            return {}
        model = NumpyNetwork(case.model, case.state(), RATE, MOMENTUM)
        still = NumpyNetwork(case.model, case.state(), RATE, MOMENTUM)
        x, one, labels = case.batch(STEP), case.batch(ONE), case.labels()
        return {
            STEP: lambda: model.step(x, labels),
            BATCH: lambda: still.forward(x),
            ONE: lambda: still.forward(one),
        }
