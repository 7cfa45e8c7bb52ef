"""convlet's side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import convlet
from convlet import detection, nn, ops, optim
from convlet.bench.layers import BACKWARD, FORWARD, OF_INPUT, OF_WEIGHT, at_a_line, normal
from convlet.bench.networks import BATCH, MOMENTUM, ONE, RATE, STEP
from convlet.bench.sides.base import Side
from convlet.grad_mode import no_grad
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.bench.layers import BatchNorm2d, Conv2d, Linear, MaxPool2d
    from convlet.bench.networks import Network
    from convlet.bench.sides.base import Calls


def sides(threads: int) -> list[Side]:
    """One."""
    convlet.set_num_threads(threads)
    return [Convlet()]


class Convlet(Side):
    """Operators on arrays, and networks of `convlet.models`."""

    name = "convlet"
    version = convlet.__version__

    def conv2d(self, case: Conv2d) -> Calls:
        """Three operators."""
        x, dy, g = normal(*case.x), normal(*case.y, seed=2), case.geometry
        weight = at_a_line(normal(*case.weight, seed=1))
        return {
            FORWARD: lambda: ops.conv2d(x, weight, **g),
            OF_INPUT: lambda: ops.conv2d_grad_input(dy, weight, case.x, **g),
            OF_WEIGHT: lambda: ops.conv2d_grad_weight(dy, x, case.weight, **g),
        }

    def max_pool2d(self, case: MaxPool2d) -> Calls:
        """Two operators; the positions of the maxima are not compared."""
        x, dy = normal(*case.x), normal(*case.y, seed=2)
        window = (case.kernel, case.stride, case.padding)
        indices = ops.max_pool2d(x, *window)[1]
        return {
            FORWARD: lambda: ops.max_pool2d(x, *window)[0],
            OF_INPUT: lambda: ops.max_pool2d_grad(dy, indices, case.x, *window),
        }

    def batch_norm(self, case: BatchNorm2d) -> Calls:
        """Statistics, then all else in one pass."""
        x, dy = normal(*case.x), normal(*case.x, seed=2)
        weight, bias = normal(case.channels, seed=3), normal(case.channels, seed=4)
        mean, variance = ops.batch_moments(x)
        statistics = (mean, variance, weight, bias)
        return {
            FORWARD: lambda: ops.batch_norm(
                x, *ops.batch_moments(x), weight, bias, activation="relu"
            ),
            BACKWARD: lambda: ops.batch_norm_grad(
                dy, x, *statistics[:3], scale_shift=ops.batch_norm_scale_shift(*statistics)
            )[:3],
        }

    def linear(self, case: Linear) -> Calls:
        """Three operators."""
        x = normal(case.images, case.features)
        weight = normal(case.out_features, case.features, seed=1)
        bias, dy = normal(case.out_features, seed=3), normal(case.images, case.out_features, seed=2)
        return {
            FORWARD: lambda: ops.linear(x, weight, bias),
            OF_INPUT: lambda: ops.linear_grad_input(dy, weight),
            OF_WEIGHT: lambda: ops.linear_grad_weight(dy, x),
        }

    def network(self, case: Network) -> Calls:
        """As a user writes it."""
        return {
            STEP: _step(case),
            BATCH: _inference(case, BATCH),
            ONE: _inference(case, ONE),
        }


def _step(case: Network) -> Callable[[], Any]:
    model, x, labels = case.own().train(), Tensor(case.batch(STEP)), case.labels()
    loss: Callable[[Any, Any], Tensor] = nn.CrossEntropyLoss()
    if case.detector:
        loss = detection.FCOSLoss()
    else:
        labels = labels.ravel()
    optimizer = optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)

    def step() -> float:
        optimizer.zero_grad()
        scores = model(x)
        if case.dense:
            scores = scores.permute(0, 2, 3, 1).reshape(-1, case.classes)
        value = loss(scores, labels)
        value.backward()
        optimizer.step()
        return float(value.item())

    return step


def _inference(case: Network, kind: str) -> Callable[[], Any]:
    model, x = case.own().eval(), Tensor(case.batch(kind))

    def infer() -> Any:
        with no_grad():
            return model(x).numpy()

    return infer
