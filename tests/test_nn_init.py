"""Initialisers: their spread, their limits, their repeatability."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from convlet import Tensor, nn
from convlet.nn import init
from convlet.random import Generator

SHAPE = (64, 32, 3, 3)  # fan_in 288, fan_out 576


def drawn(fill: Any, *args: Any, **more: Any) -> np.ndarray:
    array = np.empty(SHAPE, np.float32)
    fill(Tensor(array), *args, **more, generator=Generator(1))
    return array


@pytest.mark.parametrize(
    ("fill", "more", "std"),
    [
        (init.uniform_, {"a": -2.0, "b": 4.0}, 6 / math.sqrt(12)),
        (init.normal_, {"mean": 1.0, "std": 3.0}, 3.0),
        (init.xavier_uniform_, {"gain": 2.0}, 2 * math.sqrt(2 / 864)),
        (init.xavier_normal_, {}, math.sqrt(2 / 864)),
        (init.kaiming_uniform_, {}, math.sqrt(2 / 288)),
        (init.kaiming_uniform_, {"a": math.sqrt(5)}, math.sqrt(1 / 3 / 288)),
        (init.kaiming_normal_, {"mode": "fan_out", "nonlinearity": "relu"}, math.sqrt(2 / 576)),
        (init.kaiming_normal_, {"nonlinearity": "tanh"}, 5 / 3 / math.sqrt(288)),
        (init.trunc_normal_, {}, 0.8796),
    ],
)
def test_spread_is_the_formulas(fill: Any, more: dict[str, Any], std: float) -> None:
    assert drawn(fill, **more).std() == pytest.approx(std, rel=0.02)


def test_uniform_and_truncated_numbers_stay_inside() -> None:
    numbers = drawn(init.uniform_, -1.0, 3.0)
    assert -1 <= numbers.min() < -0.99
    assert 2.99 < numbers.max() < 3
    cut = drawn(init.trunc_normal_, 0.0, 5.0, -1.0, 2.0)
    assert -1 <= cut.min() < cut.max() <= 2


def test_a_generator_repeats_and_goes_on() -> None:
    generator = Generator(4)
    first, second = (init.normal_(Tensor(np.zeros(5)), generator=generator).data for _ in range(2))
    assert (first != second).any()
    again = init.normal_(Tensor(np.zeros(5)), generator=Generator(4)).data
    np.testing.assert_array_equal(first, again)


def test_constants() -> None:
    x = Tensor(np.empty(3, np.float32))
    assert init.constant_(x, 1.0) is x
    assert init.constant_(x, 2.5).data.tolist() == [2.5] * 3
    assert init.ones_(x).data.tolist() == [1.0] * 3
    assert init.zeros_(x).data.tolist() == [0.0] * 3


def test_a_parameter_is_filled_in_place() -> None:
    layer = nn.Linear(2, 2)
    before = layer.weight.data
    init.ones_(layer.weight)
    assert layer.weight.data is before
    assert layer.weight.requires_grad


@pytest.mark.parametrize(
    "call",
    [
        lambda x: init.xavier_uniform_(Tensor([1.0])),
        lambda x: init.kaiming_normal_(x, mode="fan"),
        lambda x: init.kaiming_normal_(x, nonlinearity="cube"),
        lambda x: init.normal_(x, 0.0, -1.0),
        lambda x: init.trunc_normal_(x, 100.0, 1.0),
        lambda x: init.kaiming_uniform_(Tensor(np.zeros((2, 0)))),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any) -> None:
    with pytest.raises(ValueError, match=r": "):
        call(Tensor(np.zeros(SHAPE)))


def test_gains_are_torchs() -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    for name in [*init.GAINS, "leaky_relu"]:
        assert init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert init.calculate_gain("leaky_relu", 0.5) == torch.nn.init.calculate_gain("leaky_relu", 0.5)
