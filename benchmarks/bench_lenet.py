"""A whole training step of LeNet-5 on 64 images: forward, backward and update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shapes import normal

from convlet import Tensor, evaluating, models, nn, no_grad, optim
from convlet.bench.numpy_network import NumpyNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 64
RATE, MOMENTUM = 0.01, 0.9
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


def batch() -> tuple[np.ndarray, np.ndarray]:
    return normal(BATCH, 1, 28, 28), np.arange(BATCH) % 10


def state(model: Any) -> dict[str, np.ndarray]:
    """The parameters as arrays of their own."""
    return {name: np.array(value.numpy()) for name, value in model.named_parameters()}


def convlet_step(model: Any) -> Callable[[], float]:
    x, labels = batch()
    loss, optimizer = nn.CrossEntropyLoss(), optim.SGD(model.parameters(), RATE, MOMENTUM)

    def step() -> float:
        optimizer.zero_grad()
        value = loss(model(Tensor(x)), labels)
        value.backward()
        optimizer.step()
        return float(value.item())

    return step


def test_both_train_the_same_network() -> None:
    model = models.lenet5(dropout=0, seed=0)
    theirs, step = NumpyNetwork("lenet5", state(model), RATE, MOMENTUM), convlet_step(model)
    for _ in range(3):
        assert step() == pytest.approx(theirs.step(*batch()), rel=1e-4)
    for name, value in state(model).items():
        np.testing.assert_allclose(value, theirs.parameters[name], atol=1e-5)


@by_contender
def test_training_step(race: Callable[..., None], contender: str) -> None:
    model = models.lenet5(dropout=0, seed=0)
    theirs = NumpyNetwork("lenet5", state(model), RATE, MOMENTUM)
    race(
        "LeNet-5 training step, 64 images",
        contender,
        convlet=convlet_step(model),
        numpy=lambda: theirs.step(*batch()),
    )


@by_contender
@pytest.mark.parametrize("images", [1, 64])
def test_inference(race: Callable[..., None], images: int, contender: str) -> None:
    model = models.lenet5(dropout=0, seed=0)
    theirs = NumpyNetwork("lenet5", state(model), RATE, MOMENTUM)
    x = normal(images, 1, 28, 28)

    def by_convlet() -> np.ndarray:
        with no_grad(), evaluating(model):
            return np.asarray(model(Tensor(x)).numpy())

    race(
        f"LeNet-5 inference, {images} images",
        contender,
        convlet=by_convlet,
        numpy=lambda: theirs.forward(x),
    )
