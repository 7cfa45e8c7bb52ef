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


def test_the_identity_of_a_matrix_and_of_a_convolution() -> None:
    np.testing.assert_array_equal(init.eye_(Tensor(np.zeros((2, 3)))).data, np.eye(2, 3))
    layer = nn.Conv2d(4, 4, 3, padding=1, bias=False)
    init.dirac_(layer.weight)
    x = np.arange(64, dtype=np.float32).reshape(1, 4, 4, 4)
    np.testing.assert_array_equal(layer(x).data, x)
    grouped = init.dirac_(Tensor(np.zeros((6, 2, 3))), groups=2).data
    assert np.argwhere(grouped).tolist() == [[0, 0, 1], [1, 1, 1], [3, 0, 1], [4, 1, 1]]


@pytest.mark.parametrize("shape", [(5, 5), (3, 7), (8, 2), (4, 2, 3, 3)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    tensor = Tensor(np.empty(shape, np.float32))
    matrix = init.orthogonal_(tensor, 2.0, Generator(1)).data.reshape(shape[0], -1)
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.T
    np.testing.assert_allclose(matrix @ matrix.T, 4 * np.eye(len(matrix)), atol=1e-5)
    again = init.orthogonal_(Tensor(np.empty(shape, np.float32)), 2.0, Generator(1)).data
    np.testing.assert_array_equal(tensor.data, again)


def test_sparse_columns_have_their_share_of_zeros() -> None:
    values = init.sparse_(Tensor(np.zeros((21, 400))), 0.3, 2.0, Generator(1)).data
    np.testing.assert_array_equal((values == 0).sum(axis=0), 7)  # 6.3, rounded up
    assert values[values != 0].std() == pytest.approx(2.0, rel=0.03)


def test_identities_and_zeros_are_torchs() -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    for shape, groups in (((4, 4, 3), 1), ((6, 2, 3, 3), 3), ((4, 8, 2, 3, 4), 2)):
        ours = init.dirac_(Tensor(np.empty(shape, np.float32)), groups).data
        theirs = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
        np.testing.assert_array_equal(ours, theirs)


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
        lambda x: init.xavier_normal_(Tensor(np.zeros((0, 0)))),
        lambda x: init.uniform_(x, 1.0, 0.0),
        lambda x: init.uniform_(x, 0.0, float("inf")),
        lambda x: init.uniform_(x, float("nan"), 1.0),
        lambda x: init.kaiming_normal_(x, mode="fan"),
        lambda x: init.kaiming_normal_(x, nonlinearity="cube"),
        lambda x: init.normal_(x, 0.0, -1.0),
        lambda x: init.trunc_normal_(x, 100.0, 1.0),
        lambda x: init.kaiming_uniform_(Tensor(np.zeros((2, 0)))),
        init.eye_,
        lambda x: init.dirac_(Tensor(np.zeros((2, 2)))),
        lambda x: init.dirac_(x, groups=3),
        lambda x: init.orthogonal_(Tensor([1.0])),
        lambda x: init.sparse_(x, 0.5),
        lambda x: init.sparse_(Tensor(np.zeros((2, 2))), 1.5),
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
