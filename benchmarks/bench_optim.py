"""One step of an optimiser over all parameters of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shapes import normal

from convlet import _core, nn, optim
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

# LeNet-5's parameters, and one layer of ResNet-18 as large as any.
NETWORKS: dict[str, list[tuple[int, ...]]] = {
    "lenet": [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,),
              (10, 84), (10,)],
    "resnet18 512@7": [(512, 512, 3, 3)],
}  # fmt: skip
by_network = pytest.mark.parametrize("network", NETWORKS)
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


def parameters(network: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    shapes = NETWORKS[network]
    weights = [np.array(normal(*shape), order="C") for shape in shapes]
    grads = [np.array(normal(*shape, seed=1), order="C") for shape in shapes]
    return weights, grads


def convlet_step(optimizer: type[Any], network: str, **settings: Any) -> Callable[[], Any]:
    weights, grads = parameters(network)
    params = [nn.Parameter(weight) for weight in weights]
    for param, grad in zip(params, grads, strict=True):
        param.grad = Tensor(grad)
    made = optimizer(params, **settings)

    def step() -> list[np.ndarray]:
        made.step()
        return [param.data for param in params]

    return step


def numpy_sgd(network: str, lr: float, momentum: float) -> Callable[[], Any]:
    weights, grads = parameters(network)
    velocities = [np.zeros_like(weight) for weight in weights]

    def step() -> list[np.ndarray]:
        for weight, grad, velocity in zip(weights, grads, velocities, strict=True):
            np.multiply(velocity, np.float32(momentum), out=velocity)
            np.add(velocity, grad, out=velocity)
            np.subtract(weight, np.float32(lr) * velocity, out=weight)
        return weights

    return step


def numpy_adam(network: str, lr: float) -> Callable[[], Any]:
    weights, grads = parameters(network)
    means = [np.zeros_like(weight) for weight in weights]
    squares = [np.zeros_like(weight) for weight in weights]
    steps = 0

    def step() -> list[np.ndarray]:
        nonlocal steps
        steps += 1
        rate = np.float32(lr / (1 - 0.9**steps))
        root = np.float32(1 / np.sqrt(1 - 0.999**steps))
        for weight, grad, mean, square in zip(weights, grads, means, squares, strict=True):
            np.multiply(mean, np.float32(0.9), out=mean)
            np.add(mean, np.float32(0.1) * grad, out=mean)
            np.multiply(square, np.float32(0.999), out=square)
            np.add(square, np.float32(0.001) * grad * grad, out=square)
            change = rate * mean / (np.sqrt(square) * root + np.float32(1e-8))
            np.subtract(weight, change, out=weight)
        return weights

    return step


def numpy_rmsprop(network: str, lr: float) -> Callable[[], Any]:
    weights, grads = parameters(network)
    squares = [np.zeros_like(weight) for weight in weights]

    def step() -> list[np.ndarray]:
        for weight, grad, square in zip(weights, grads, squares, strict=True):
            np.multiply(square, np.float32(0.99), out=square)
            np.add(square, np.float32(0.01) * grad * grad, out=square)
            change = np.float32(lr) * grad / (np.sqrt(square) + np.float32(1e-8))
            np.subtract(weight, change, out=weight)
        return weights

    return step


def numpy_lars(network: str, lr: float, momentum: float, trust: float) -> Callable[[], Any]:
    weights, grads = parameters(network)
    velocities = [np.zeros_like(weight) for weight in weights]

    def step() -> list[np.ndarray]:
        for weight, grad, velocity in zip(weights, grads, velocities, strict=True):
            size, slope = np.linalg.norm(weight), np.linalg.norm(grad)
            ratio = np.float32(trust * size / (slope + 1e-8))
            np.multiply(velocity, np.float32(momentum), out=velocity)
            np.add(velocity, ratio * grad, out=velocity)
            np.subtract(weight, np.float32(lr) * velocity, out=weight)
        return weights

    return step


def numpy_lamb(network: str, lr: float) -> Callable[[], Any]:
    weights, grads = parameters(network)
    means = [np.zeros_like(weight) for weight in weights]
    squares = [np.zeros_like(weight) for weight in weights]
    steps = 0

    def step() -> list[np.ndarray]:
        nonlocal steps
        steps += 1
        share, root = np.float32(1 - 0.9**steps), np.float32(np.sqrt(1 - 0.999**steps))
        for weight, grad, mean, square in zip(weights, grads, means, squares, strict=True):
            np.multiply(mean, np.float32(0.9), out=mean)
            np.add(mean, np.float32(0.1) * grad, out=mean)
            np.multiply(square, np.float32(0.999), out=square)
            np.add(square, np.float32(0.001) * grad * grad, out=square)
            change = mean / share / (np.sqrt(square) / root + np.float32(1e-6))
            change += np.float32(0.01) * weight
            ratio = np.float32(lr * np.linalg.norm(weight) / np.linalg.norm(change))
            np.subtract(weight, ratio * change, out=weight)
        return weights

    return step


@by_contender
@by_network
def test_rmsprop(race: Callable[..., None], network: str, contender: str) -> None:
    race(
        f"optim.RMSprop, {network}",
        contender,
        convlet=convlet_step(optim.RMSprop, network, lr=1e-4),
        numpy=numpy_rmsprop(network, lr=1e-4),
    )


@by_contender
@by_network
def test_lars(race: Callable[..., None], network: str, contender: str) -> None:
    race(
        f"optim.LARS, {network}",
        contender,
        convlet=convlet_step(optim.LARS, network, lr=1e-2, momentum=0.9, trust_coefficient=0.001),
        numpy=numpy_lars(network, lr=1e-2, momentum=0.9, trust=0.001),
    )


@by_contender
@by_network
def test_lamb(race: Callable[..., None], network: str, contender: str) -> None:
    race(
        f"optim.LAMB, {network}",
        contender,
        convlet=convlet_step(optim.LAMB, network, lr=1e-4),
        numpy=numpy_lamb(network, lr=1e-4),
    )


@by_contender
@by_network
def test_average(race: Callable[..., None], network: str, contender: str) -> None:
    weights, averages = parameters(network)
    ours = [average.copy() for average in averages]

    def convlet_average() -> list[np.ndarray]:
        _core.average_step(ours, weights, 1e-3)
        return ours

    def numpy_average() -> list[np.ndarray]:
        for weight, average in zip(weights, averages, strict=True):
            np.add(average, np.float32(1e-3) * (weight - average), out=average)
        return averages

    race(f"train.EMA, {network}", contender, convlet=convlet_average, numpy=numpy_average)


@by_contender
@by_network
def test_sgd(race: Callable[..., None], network: str, contender: str) -> None:
    race(
        f"optim.SGD, {network}",
        contender,
        convlet=convlet_step(optim.SGD, network, lr=1e-4, momentum=0.9),
        numpy=numpy_sgd(network, lr=1e-4, momentum=0.9),
    )


@by_contender
@by_network
def test_adam(race: Callable[..., None], network: str, contender: str) -> None:
    race(
        f"optim.Adam, {network}",
        contender,
        convlet=convlet_step(optim.Adam, network, lr=1e-4),
        numpy=numpy_adam(network, lr=1e-4),
    )
