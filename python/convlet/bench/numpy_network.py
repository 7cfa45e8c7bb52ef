"""Networks trained by hand in NumPy: forward, backward and update, with nothing computed twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convlet.bench import numpy_reference as ref

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Array = npt.NDArray[np.float32]
    Parameters = dict[str, Array]

__all__ = ["CHAINS", "NumpyNetwork"]


@dataclass(frozen=True)
class Chain:
    """Convolutions (name, padding, whether 2x2 max pooling follows), then linear layers."""

    convolutions: tuple[tuple[str, int, bool], ...]
    linears: tuple[str, ...]


# `convlet.models.lenet5` without dropout, and `convlet.bench.networks.small_vgg`.
CHAINS = {
    "lenet5": Chain((("conv1", 2, True), ("conv2", 0, True)), ("fc1", "fc2", "fc3")),
    "small_vgg": Chain(
        tuple((f"{i}", 1, i in {2, 7, 12}) for i in (0, 2, 5, 7, 10, 12)), ("16", "18")
    ),
}


class ConvRelu:
    """A convolution of stride 1, ReLU and perhaps pooling; keeps what backward needs."""

    def __init__(self, name: str, parameters: Parameters, padding: int, pooled: bool) -> None:
        """Remember where the weights are."""
        self.name, self.parameters = name, parameters
        self.padding, self.pooled = (padding, padding), pooled

    def forward(self, x: Array) -> Array:
        """The layer's output."""
        weight = self.parameters[f"{self.name}.weight"]
        self.x_shape, self.kernel = x.shape, weight.shape[2:]
        self.columns = ref.im2col(x, self.kernel, (1, 1), self.padding)
        self.matrix = ref.matrix(weight)
        rows = self.columns @ self.matrix
        rows += self.parameters[f"{self.name}.bias"]
        np.maximum(rows, 0, out=rows)
        out = ref.out_size(x.shape, self.kernel, (1, 1), self.padding)
        self.active = ref.images(rows, x.shape[0], out)
        if not self.pooled:
            return self.active
        y, self.indices = ref.max_pool2d(self.active, 2, 2)
        return y

    def backward(self, dy: Array, grads: Parameters, needs_input: bool) -> Array | None:
        """The gradient of the input where it is needed; those of weight and bias into `grads`."""
        shape = self.active.shape
        if self.pooled:
            dactive = ref.max_pool2d_grad(dy, self.indices, shape, 2, 2)
            rows = ref.pixels(dactive)
            rows *= ref.pixels(self.active) > 0
        else:
            rows = ref.pixels(dy) * (ref.pixels(self.active) > 0)
        dw = (self.columns.T @ rows).reshape(*self.kernel, self.x_shape[1], shape[1])
        grads[f"{self.name}.weight"] = dw.transpose(3, 2, 0, 1)
        grads[f"{self.name}.bias"] = rows.sum(0)
        if not needs_input:
            return None
        return ref.col2im(rows @ self.matrix.T, self.x_shape, self.kernel, (1, 1), self.padding)


class NumpyNetwork:
    """One of `CHAINS`, and SGD with momentum."""

    def __init__(
        self, chain: str, parameters: Mapping[str, Array], lr: float, momentum: float
    ) -> None:
        """Copy the parameters."""
        self.linears = CHAINS[chain].linears
        self.parameters = {name: value.copy() for name, value in parameters.items()}
        self.velocities = {name: np.zeros_like(value) for name, value in parameters.items()}
        self.lr, self.momentum = np.float32(lr), np.float32(momentum)
        self.convolutions = [
            ConvRelu(name, self.parameters, padding, pooled)
            for name, padding, pooled in CHAINS[chain].convolutions
        ]

    def forward(self, x: Array) -> Array:
        """Scores of each class."""
        p = self.parameters
        for layer in self.convolutions:
            x = layer.forward(x)
        self.pooled = x
        self.activations = [np.ascontiguousarray(x).reshape(x.shape[0], -1)]
        for name in self.linears[:-1]:
            hidden = ref.linear(self.activations[-1], p[f"{name}.weight"], p[f"{name}.bias"])
            self.activations.append(np.maximum(hidden, 0, out=hidden))
        last = self.linears[-1]
        return ref.linear(self.activations[-1], p[f"{last}.weight"], p[f"{last}.bias"])

    def step(self, x: Array, labels: npt.NDArray[np.int64]) -> float:
        """The loss before the update that it makes."""
        p, logits, activations = self.parameters, self.forward(x), self.activations
        losses, probabilities = ref.softmax_cross_entropy(logits, labels)

        grads: Parameters = {}
        share = np.full(len(labels), 1 / len(labels), np.float32)
        grad = ref.softmax_cross_entropy_grad(probabilities, labels, share)
        for at, name in reversed(list(enumerate(self.linears))):
            grads[f"{name}.weight"] = grad.T @ activations[at]
            grads[f"{name}.bias"] = grad.sum(0)
            grad = grad @ p[f"{name}.weight"]
            if at > 0:
                grad *= activations[at] > 0
        dy: Array | None = grad.reshape(self.pooled.shape)
        for layer in reversed(self.convolutions):
            assert dy is not None
            dy = layer.backward(dy, grads, needs_input=layer is not self.convolutions[0])

        for name, value in p.items():
            velocity = self.velocities[name]
            np.multiply(velocity, self.momentum, out=velocity)
            np.add(velocity, grads[name], out=velocity)
            np.subtract(value, self.lr * velocity, out=value)
        return float(losses.mean())
