"""NaN and infinity pass through convolutions and linear layers as they do through NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import reference
from cases import CONV2D_CASES, Conv2dCase
from convlet import _core, ops

pytestmark = pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # inf - inf

NAN, INF = float("nan"), float("inf")

CASES = [case for case in CONV2D_CASES if min(case.y) > 0 and max(case.x) < 100]
by_case = pytest.mark.parametrize("case", CASES, ids=str)
by_value = pytest.mark.parametrize("value", [NAN, INF, -INF])


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def assert_same(got: np.ndarray, wanted: np.ndarray) -> None:
    """NaN where NumPy has it, infinities of its sign, and numbers elsewhere."""
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)
    assert not np.isfinite(wanted).all()


@by_case
@by_value
@pytest.mark.usefixtures("exact")
def test_a_pixel_reaches_the_outputs_that_look_at_it(
    case: Conv2dCase, value: float, rng: np.random.Generator
) -> None:
    x, weight = normal(rng, case.x), normal(rng, case.weight)
    looked_at = reference.conv2d_grad_input(
        np.ones(case.y), np.ones(case.weight), case.x, **case.geometry
    )
    where = np.argwhere(looked_at)
    x[tuple(where[len(where) // 2])] = value
    wanted = reference.conv2d(x.astype(np.float64), weight, **case.geometry)
    assert_same(ops.conv2d(x, weight, **case.geometry), wanted)


@by_case
@by_value
@pytest.mark.usefixtures("exact")
def test_a_gradient_reaches_the_pixels_it_came_from(
    case: Conv2dCase, value: float, rng: np.random.Generator
) -> None:
    x, weight, dy = (normal(rng, shape) for shape in (case.x, case.weight, case.y))
    seen = reference.conv2d(np.ones(case.x), np.ones(case.weight), **case.geometry)
    where = np.argwhere(seen)
    dy[tuple(where[len(where) // 2])] = value
    dx = reference.conv2d_grad_input(dy.astype("f8"), weight, case.x, **case.geometry)
    dw = reference.conv2d_grad_weight(dy.astype("f8"), x, case.weight, **case.geometry)
    assert_same(ops.conv2d_grad_input(dy, weight, case.x, **case.geometry), dx)
    assert_same(ops.conv2d_grad_weight(dy, x, case.weight, **case.geometry), dw)


@by_value
@pytest.mark.usefixtures("exact")
def test_a_weight_reaches_its_output_channel_only(
    isa: str, value: float, rng: np.random.Generator
) -> None:
    x, weight = normal(rng, (2, 5, 8, 9)), normal(rng, (19, 5, 3, 3))
    weight[7, 2, 1, 0] = value
    wanted = reference.conv2d(x.astype(np.float64), weight)
    assert_same(ops.conv2d(x, weight), wanted)
    assert np.isfinite(np.delete(wanted, 7, axis=1)).all()


@by_value
def test_a_linear_layer_passes_them_on(isa: str, value: float, rng: np.random.Generator) -> None:
    x, weight, dy = normal(rng, (9, 20)), normal(rng, (35, 20)), normal(rng, (9, 35))
    x[3, 4] = dy[5, 6] = value
    wide = dy.astype(np.float64)
    assert_same(ops.linear(x, weight), reference.linear(x.astype(np.float64), weight))
    assert_same(ops.linear_grad_input(dy, weight), reference.linear(wide, weight.T))
    assert_same(ops.linear_grad_weight(dy, x), reference.linear(wide.T, x.T))


def test_relu_in_the_epilogue_keeps_nan(isa: str) -> None:
    x = np.array([[NAN], [INF], [-INF], [-1.0]], np.float32)
    y = _core.linear_forward(x, np.ones((1, 1), np.float32), None, "relu")
    assert y.tobytes() == np.array([[NAN], [INF], [0.0], [0.0]], np.float32).tobytes()
    one = np.ones((1, 1, 1, 1), np.float32)
    y = _core.conv2d_forward(
        x[:, :, None, None], one, None, (1, 1), (0,) * 4, (1, 1), 1, activation="relu"
    )
    assert y.ravel().tobytes() == np.array([NAN, INF, 0.0, 0.0], np.float32).tobytes()


@by_value
def test_winograd_spreads_them_over_a_tile_and_never_loses_them(
    isa: str, value: float, rng: np.random.Generator
) -> None:
    # Its transforms mix the 6x6 inputs of a 4x4 tile of outputs: those beyond stay as they are.
    x, weight = normal(rng, (2, 16, 24, 24)), normal(rng, (16, 16, 3, 3))
    clean = ops.conv2d(x, weight, padding=1)
    x[1, 3, 10, 13] = value
    y = ops.conv2d(x, weight, padding=1)
    assert not np.isfinite(y[1, :, 9:12, 12:15]).any()
    spread = np.zeros(y.shape, bool)
    spread[1, :, 6:15, 9:18] = True
    assert np.array_equal(y[~spread], clean[~spread])
