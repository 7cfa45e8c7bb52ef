"""Dropout of channels, paths and weights: what is dropped, how often, and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, nn
from convlet.nn import functional as F
from convlet.random import Generator


def ones(*shape: int) -> Tensor:
    return Tensor(np.ones(shape), requires_grad=True)


@pytest.mark.parametrize(
    ("layer", "units"),
    [
        (nn.Dropout2d(0.25, generator=Generator(1)), lambda y: y.reshape(64 * 16, -1)),
        (nn.DropPath(0.25, generator=Generator(1)), lambda y: y.reshape(64, -1)),
    ],
    ids=["channels", "samples"],
)
def test_whole_units_are_dropped_and_the_others_scaled(layer: nn.Module, units: Any) -> None:
    x = ones(64, 16, 3, 5)
    y = layer(x)
    rows = units(y.data)
    assert (rows == rows[:, :1]).all()
    assert set(np.unique(rows).tolist()) == {0.0, float(np.float32(4 / 3))}
    assert 0.1 < (rows[:, 0] == 0).mean() < 0.4
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, y.data)
    assert layer.eval()(x) is x


def test_paths_may_stay_unscaled() -> None:
    y = F.drop_path(np.ones((100, 2)), 0.5, scale_by_keep=False, generator=Generator(2))
    assert set(np.unique(y.data).tolist()) == {0.0, 1.0}


def test_alpha_dropout_keeps_mean_and_variance(rng: np.random.Generator) -> None:
    x = Tensor(rng.standard_normal((400, 500)), requires_grad=True)
    y = nn.AlphaDropout(0.3, generator=Generator(3))(x)
    assert y.data.mean() == pytest.approx(0, abs=0.02)
    assert y.data.std() == pytest.approx(1, abs=0.02)
    y.sum().backward()
    assert x.grad is not None
    dropped = x.grad.data == 0
    assert 0.29 < dropped.mean() < 0.31
    assert np.unique(y.data[dropped]).size == 1
    scale = (0.7 * (1 + 0.3 * 1.7580993**2)) ** -0.5
    np.testing.assert_allclose(x.grad.data[~dropped], scale, rtol=1e-6)
    assert not F.alpha_dropout(x, 1.0, True).data.any()


@pytest.mark.parametrize("make", [lambda: nn.Linear(200, 50), lambda: nn.Conv2d(8, 50, 5)])
def test_weights_are_dropped_and_not_outputs(make: Any, rng: np.random.Generator) -> None:
    layer = make()
    layer.weight.data[...] = 1.0
    drop = nn.DropConnect(layer, 0.2, generator=Generator(4))
    shape = (3, 200) if isinstance(layer, nn.Linear) else (3, 8, 5, 5)
    x = rng.uniform(1, 2, shape).astype(np.float32)
    y = drop(x)
    y.sum().backward()
    gradient = layer.weight.grad.data
    kept = gradient != 0
    assert 0.77 < kept.mean() < 0.83
    # What is kept counts 1 / 0.8; the same weights for every sample of the batch.
    by_hand = (kept / 0.8).reshape(50, -1) @ x.reshape(3, -1).T + layer.bias.data[:, None]
    np.testing.assert_allclose(y.data.reshape(3, 50), by_hand.T, rtol=1e-5)
    assert (layer.weight.data == 1.0).all()
    np.testing.assert_array_equal(drop.eval()(x).data, layer(x).data)
    assert [name for name, _ in drop.named_parameters()] == ["layer.weight", "layer.bias"]


def test_all_repeat_by_seed() -> None:
    layers = [nn.Dropout2d(), nn.DropPath(0.5), nn.AlphaDropout(), nn.DropConnect(nn.Linear(4, 4))]
    x = np.ones((8, 4), np.float32)
    runs = []
    for _ in range(2):
        cl.seed(5)
        runs.append([layer(x).data for layer in layers])
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, other)


ANY: Any = nn


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Dropout2d(1.5), ValueError, r"p must be in \[0, 1\], got 1.5"),
        (lambda: ANY.DropPath("x"), TypeError, "DropPath: p must be a number"),
        (lambda: nn.AlphaDropout(-0.1), ValueError, r"p must be in \[0, 1\]"),
        (lambda: ANY.DropConnect(nn.ReLU()), TypeError, "must be a Linear or a Conv2d, got ReLU"),
        (lambda: F.dropout2d(np.ones(3)), ValueError, r"input must be \(N, C, …\)"),
        (lambda: F.drop_path(1.0, 0.5), ValueError, "must have a dimension of samples"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
