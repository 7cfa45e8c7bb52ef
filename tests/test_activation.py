"""Activations (csrc/kernels/activation.cpp) and their gradients, element by element."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from convlet import Tensor, _core, nn, ops
from convlet.nn import functional as F
from numeric import assert_gradients

if TYPE_CHECKING:
    from collections.abc import Callable

NAN, INF = float("nan"), float("inf")

# Around the lanes of a vector, a task, and several tasks.
SIZES = [0, 1, 3, 4, 7, 8, 15, 16, 17, 33, 1000, 16384, 16385, 50001]


@pytest.mark.parametrize("size", SIZES)
def test_relu_equals_numpy(isa: str, size: int, rng: np.random.Generator) -> None:
    x = rng.standard_normal(size).astype(np.float32)
    y = ops.relu(x)
    assert y.dtype == np.float32
    assert np.array_equal(y, reference.relu(x))


@pytest.mark.parametrize("size", SIZES)
def test_the_gradient_passes_where_the_output_is_positive(
    isa: str, size: int, rng: np.random.Generator
) -> None:
    x, dy = rng.standard_normal((2, size)).astype(np.float32)
    assert np.array_equal(ops.relu_grad(dy, ops.relu(x)), np.where(x > 0, dy, 0))


def test_special_values_pass(isa: str) -> None:
    x = np.array([NAN, INF, -INF, 0.0, -0.0, 1e-30, -1e-30] * 5, np.float32)
    np.testing.assert_array_equal(ops.relu(x), np.maximum(x, 0))
    # A gradient goes through where y > 0, whatever it is, and is 0 elsewhere, whatever it was.
    y = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], np.float32)
    dy = np.array([NAN, INF, -INF, NAN, INF, 5.0], np.float32)
    np.testing.assert_array_equal(ops.relu_grad(dy, y), [NAN, INF, -INF, 0, 0, 0])


@given(st.lists(st.integers(0, 5), max_size=6), st.randoms(use_true_random=False))
def test_any_shape_and_order_of_axes(shape: list[int], random: object) -> None:
    values = np.arange(np.prod(shape, dtype=int)) - 7
    x = (
        values.reshape(shape)
        .astype(np.float32)
        .transpose(np.random.default_rng(3).permutation(len(shape)))
    )
    y = ops.relu(x)
    assert y.shape == x.shape
    assert np.array_equal(y, np.maximum(x, 0))
    dx = ops.relu_grad(x.copy(order="F"), y)
    assert np.array_equal(dx, np.where(x > 0, x, 0))


@pytest.mark.parametrize("dtype", ["f2", "f8", "i4", "?", "c8", "O"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    x = np.ones(4, dtype)
    for call in (ops.relu, _core.relu_forward):
        with pytest.raises(TypeError, match="relu: x must be float32, got"):
            call(x)
    good = np.ones(4, np.float32)
    for arguments in ((x, good), (good, x)):
        with pytest.raises(TypeError, match="must be float32, got"):
            _core.relu_grad(*arguments)


@pytest.mark.parametrize("shape", [(5,), (4, 1), (2, 2), ()])
def test_a_gradient_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"relu_grad: dy must have shape \(4,\), got"):
        ops.relu_grad(np.ones(shape, np.float32), np.ones(4, np.float32))


def sigmoid(x: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        s: np.ndarray = 1 / (1 + np.exp(-x))
    return s


# Each function and its derivative at the input, in float64, and where it bends.
FORMULAS: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[float, ...]]] = {
    "relu6": (lambda x: np.clip(x, 0, 6), lambda x: (x > 0) & (x < 6), (0, 6)),
    "leaky_relu": (
        lambda x: np.where(x < 0, 0.01 * x, x),
        lambda x: np.where(x > 0, 1, 0.01),
        (0,),
    ),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x), ()),
    "silu": (
        lambda x: x * sigmoid(x),
        lambda x: sigmoid(x) * (1 + x * sigmoid(-x)),
        (),
    ),
    "hardsigmoid": (lambda x: np.clip(x + 3, 0, 6) / 6, lambda x: (np.abs(x) < 3) / 6, (-3, 3)),
    "hardswish": (
        lambda x: x * np.clip(x + 3, 0, 6) / 6,
        lambda x: np.where(x <= -3, 0, np.where(x < 3, x / 3 + 0.5, 1)),
        (-3, 3),
    ),
}
FROM_OUTPUT = {"relu6", "sigmoid", "hardsigmoid"}
by_function = pytest.mark.parametrize("name", FORMULAS)


def gradient(name: str, dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    saved = getattr(ops, name)(x) if name in FROM_OUTPUT else x
    result: np.ndarray = getattr(ops, f"{name}_grad")(dy, saved)
    return result


@by_function
@pytest.mark.parametrize("size", SIZES)
def test_functions_and_gradients_equal_their_formulas(
    isa: str, name: str, size: int, rng: np.random.Generator
) -> None:
    value, derivative, _ = FORMULAS[name]
    x, dy = (rng.standard_normal((2, size)) * [[5], [1]]).astype(np.float32)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(getattr(ops, name)(x), value(exact), rtol=2e-6, atol=1e-12)
    wanted = dy * derivative(exact)
    np.testing.assert_allclose(gradient(name, dy, x), wanted, rtol=1e-5, atol=2e-6)


@by_function
def test_bends_and_far_values_are_where_they_should_be(isa: str, name: str) -> None:
    value, derivative, bends = FORMULAS[name]
    x = np.array([*bends, 0.0, -0.0, 3e38, 1e30, 200, 90, 88, 30, -30, -87, -1e30] * 3, np.float32)
    exact = x.astype(np.float64)
    with np.errstate(invalid="ignore"):
        wanted, slope = value(exact), derivative(exact)
    np.testing.assert_allclose(getattr(ops, name)(x), wanted, rtol=2e-6, atol=1e-30)
    got = gradient(name, np.ones_like(x), x)
    np.testing.assert_allclose(got, np.nan_to_num(slope), rtol=2e-6, atol=1e-6)


@by_function
def test_nan_stays_nan_and_infinity_goes_where_it_tends(isa: str, name: str) -> None:
    limits = {"relu6": 6.0, "sigmoid": 1.0, "hardsigmoid": 1.0}
    y = getattr(ops, name)(np.array([NAN, INF] * 9, np.float32))
    assert np.isnan(y[::2]).all()
    assert (y[1::2] == limits.get(name, INF)).all()
    dy = np.array([NAN, INF] * 9, np.float32)
    dx = gradient(name, dy, np.full(18, 1.0, np.float32))
    assert np.isnan(dx[::2]).all()
    assert (dx[1::2] == INF).all()


def test_sigmoid_is_accurate_wherever_it_is_a_normal_number(isa: str) -> None:
    x = np.linspace(-87, 30, 400001, dtype=np.float32)
    error = ops.sigmoid(x) / sigmoid(x.astype(np.float64)) - 1
    assert np.abs(error).max() < 4e-7
    assert (ops.sigmoid(np.array([-88.5, -1e3, -3e38, -INF], np.float32)) == 0).all()


LAYERS = ["ReLU6", "LeakyReLU", "Sigmoid", "SiLU", "Hardsigmoid", "Hardswish"]


@by_function
def test_gradients_by_central_differences(name: str, rng: np.random.Generator) -> None:
    # Half steps of 1/16 beside the bends.
    x = (rng.permutation(120).reshape(3, 40) / 8 - 7.4375).astype(np.float32)
    assert_gradients(lambda t: getattr(F, name)(t) * t * 0.5, x)


@pytest.mark.parametrize("layer", LAYERS)
def test_layers_equal_torch(layer: str, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    for arguments in ({}, *([] if layer == "Sigmoid" else [{"inplace": True}])):
        ours = getattr(nn, layer)(**arguments)
        theirs = getattr(torch.nn, layer)(**arguments)
        assert repr(ours) == repr(theirs)
        x = (rng.standard_normal((2, 7, 5, 6)) * 4).astype(np.float32)
        a, b = Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
        y, z = ours(a), theirs(b * 1)
        dy = rng.standard_normal(x.shape, np.float32)
        y.backward(dy)
        z.backward(torch.from_numpy(dy))
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-5, atol=1e-6)
        assert a.grad is not None
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-4, atol=1e-6)


def test_leaky_relu_has_the_slope_that_was_asked_for(isa: str) -> None:
    x = np.array([-4, -0.5, 0, 2], np.float32)
    assert ops.leaky_relu(x, 0.25).tolist() == [-1, -0.125, 0, 2]
    assert ops.leaky_relu(x, -2).tolist() == [8, 1, 0, 2]
    assert ops.leaky_relu_grad(np.ones(4, np.float32), x, -2).tolist() == [-2, -2, -2, 1]
    assert nn.LeakyReLU(0.25)(x).data.tolist() == [-1, -0.125, 0, 2]
    wrong: Any = "steep"
    message = "negative_slope must be a number, got str 'steep'"
    with pytest.raises(TypeError, match=message):
        ops.leaky_relu(x, wrong)
    with pytest.raises(TypeError, match=message):
        nn.LeakyReLU(wrong)


@by_function
def test_other_dtypes_and_shapes_are_refused_by_name(name: str) -> None:
    good, wide = np.ones(4, np.float32), np.ones(4)
    forward, backward = getattr(ops, name), getattr(ops, f"{name}_grad")
    for function, arrays in ((forward, [wide]), (backward, [wide, good]), (backward, [good, wide])):
        with pytest.raises(TypeError, match=rf"^{name}(_grad)?: \w+ must be float32"):
            function(*arrays)
    with pytest.raises(ValueError, match=rf"^{name}_grad: dy must have shape \(4,\), got \(5,\)"):
        backward(np.ones(5, np.float32), good)
