"""LeNet-5 trained by hand in NumPy: forward, backward and update, with nothing computed twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy_reference as ref

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float32]
    Parameters = dict[str, Array]


class ConvReluPool:
    """A 5x5 convolution, ReLU and 2x2 max pooling; columns and maxima are kept for backward."""

    def __init__(self, name: str, parameters: Parameters, padding: int) -> None:
        self.name, self.parameters, self.padding = name, parameters, (padding, padding)

    def forward(self, x: Array) -> Array:
        weight = self.parameters[f"{self.name}.weight"]
        self.x_shape = x.shape
        self.columns = ref.im2col(x, (5, 5), (1, 1), self.padding)
        self.matrix = ref.matrix(weight)
        rows = self.columns @ self.matrix
        rows += self.parameters[f"{self.name}.bias"]
        np.maximum(rows, 0, out=rows)
        out = ref.out_size(x.shape, (5, 5), (1, 1), self.padding)
        self.active = ref.images(rows, x.shape[0], out)
        y, self.indices = ref.max_pool2d(self.active, 2, 2)
        return y

    def backward(self, dy: Array, grads: Parameters, needs_input: bool) -> Array | None:
        shape = self.active.shape
        dactive = ref.max_pool2d_grad(dy, self.indices, shape, 2, 2)
        rows = ref.pixels(dactive)
        rows *= ref.pixels(self.active) > 0
        k, c = shape[1], self.x_shape[1]
        dw = (self.columns.T @ rows).reshape(5, 5, c, k)
        grads[f"{self.name}.weight"] = dw.transpose(3, 2, 0, 1)
        grads[f"{self.name}.bias"] = rows.sum(0)
        if not needs_input:
            return None
        return ref.col2im(rows @ self.matrix.T, self.x_shape, (5, 5), (1, 1), self.padding)


class NumpyLeNet:
    """The network of `convlet.models.lenet5` without dropout, and SGD with momentum."""

    def __init__(self, parameters: Parameters, lr: float, momentum: float) -> None:
        self.parameters = {name: value.copy() for name, value in parameters.items()}
        self.velocities = {name: np.zeros_like(value) for name, value in parameters.items()}
        self.lr, self.momentum = np.float32(lr), np.float32(momentum)
        self.conv1 = ConvReluPool("conv1", self.parameters, padding=2)
        self.conv2 = ConvReluPool("conv2", self.parameters, padding=0)

    def forward(self, x: Array) -> Array:
        p = self.parameters
        self.pooled = self.conv2.forward(self.conv1.forward(x))
        self.activations = [np.ascontiguousarray(self.pooled).reshape(x.shape[0], -1)]
        for name in ("fc1", "fc2"):
            hidden = ref.linear(self.activations[-1], p[f"{name}.weight"], p[f"{name}.bias"])
            self.activations.append(np.maximum(hidden, 0, out=hidden))
        return ref.linear(self.activations[-1], p["fc3.weight"], p["fc3.bias"])

    def step(self, x: Array, labels: npt.NDArray[np.int64]) -> float:
        p, logits, activations = self.parameters, self.forward(x), self.activations
        losses, probabilities = ref.softmax_cross_entropy(logits, labels)

        grads: Parameters = {}
        share = np.full(len(labels), 1 / len(labels), np.float32)
        grad = ref.softmax_cross_entropy_grad(probabilities, labels, share)
        for at, name in ((2, "fc3"), (1, "fc2"), (0, "fc1")):
            grads[f"{name}.weight"] = grad.T @ activations[at]
            grads[f"{name}.bias"] = grad.sum(0)
            grad = grad @ p[f"{name}.weight"]
            if at > 0:
                grad *= activations[at] > 0
        dpooled = self.conv2.backward(grad.reshape(self.pooled.shape), grads, needs_input=True)
        assert dpooled is not None
        self.conv1.backward(dpooled, grads, needs_input=False)

        for name, value in p.items():
            velocity = self.velocities[name]
            np.multiply(velocity, self.momentum, out=velocity)
            np.add(velocity, grads[name], out=velocity)
            np.subtract(value, self.lr * velocity, out=value)
        return float(losses.mean())
