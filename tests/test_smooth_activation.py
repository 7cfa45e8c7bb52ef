"""Activations made of the exponential (csrc/kernels/activation.cpp), and their gradients."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import Tensor, nn, ops
from convlet.nn import functional as F
from numeric import assert_gradients

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Function = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]

NAN, INF = float("nan"), float("inf")
SIZES = [0, 1, 3, 7, 8, 17, 33, 1000, 16385]


def sigmoid(x: np.ndarray) -> np.ndarray:
    s: np.ndarray = 1 / (1 + np.exp(-x))
    return s


def below(x: np.ndarray) -> np.ndarray:
    """The normal distribution."""
    return np.array([math.erfc(-v / math.sqrt(2)) / 2 for v in x.ravel()]).reshape(x.shape)


def bend(x: np.ndarray) -> np.ndarray:
    """The argument of GELU's approximation."""
    return 2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)


def bend_slope(x: np.ndarray) -> np.ndarray:
    slope: np.ndarray = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)
    return slope


# Each function and its slope in float64.
FORMULAS: dict[str, tuple[Function, Function]] = {
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "elu": (
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x > 0, 1, np.exp(np.minimum(x, 0))),
    ),
    "gelu": (
        lambda x: x * below(x),
        lambda x: below(x) + x * np.exp(-x * x / 2) / math.sqrt(2 * math.pi),
    ),
    "gelu_tanh": (
        lambda x: x * sigmoid(bend(x)),
        lambda x: sigmoid(bend(x)) * (1 + x * sigmoid(-bend(x)) * bend_slope(x)),
    ),
    "softplus": (lambda x: np.logaddexp(0, x), sigmoid),
    "mish": (
        lambda x: x * np.tanh(np.logaddexp(0, x)),
        lambda x: np.tanh(np.logaddexp(0, x)) + x * sigmoid(x) / np.cosh(np.logaddexp(0, x)) ** 2,
    ),
}
# Relative errors on [-9, 9]: those that square x lose digits where the result is tiny.
ERRORS = {
    "tanh": 4e-7,
    "elu": 4e-7,
    "gelu": 3e-6,
    "gelu_tanh": 2e-5,
    "softplus": 4e-7,
    "mish": 4e-7,
}
by_function = pytest.mark.parametrize("name", FORMULAS)


def forward(name: str, x: np.ndarray) -> np.ndarray:
    return ops.gelu(x, "tanh") if name == "gelu_tanh" else getattr(ops, name)(x)


def gradient(name: str, dy: np.ndarray, x: np.ndarray) -> np.ndarray:
    if name == "gelu_tanh":
        return ops.gelu_grad(dy, x, "tanh")
    saved = ops.tanh(x) if name == "tanh" else x
    result: np.ndarray = getattr(ops, f"{name}_grad")(dy, saved)
    return result


@by_function
def test_values_are_as_exact_as_the_kernels_say(isa: str, name: str) -> None:
    x = np.concatenate([np.linspace(-9, 9, 20001), np.logspace(-30, 0, 301)]).astype(np.float32)
    value, slope = FORMULAS[name]
    exact = value(x.astype(np.float64))
    got = forward(name, x)
    normal = np.abs(exact) > 1e-37
    assert np.abs(got[normal] / exact[normal] - 1).max() < ERRORS[name]
    dx = gradient(name, np.ones_like(x), x)
    np.testing.assert_allclose(dx, slope(x.astype(np.float64)), rtol=2e-6, atol=1e-6)


@by_function
@pytest.mark.parametrize("size", SIZES)
def test_any_size(isa: str, name: str, size: int, rng: np.random.Generator) -> None:
    value, slope = FORMULAS[name]
    x, dy = (rng.standard_normal((2, size)) * [[3], [1]]).astype(np.float32)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(forward(name, x), value(exact), rtol=2e-5, atol=1e-7)
    np.testing.assert_allclose(gradient(name, dy, x), dy * slope(exact), rtol=1e-5, atol=2e-6)


@by_function
def test_far_values_go_where_they_tend(isa: str, name: str) -> None:
    far = np.array([20, 88, 90, 200, 1e10, 3e38] * 3, np.float32)
    right, left = forward(name, far), forward(name, -far)
    np.testing.assert_allclose(right, np.ones_like(far) if name == "tanh" else far, rtol=1e-7)
    np.testing.assert_allclose(left, -1 if name in {"tanh", "elu"} else 0, atol=1e-7)
    np.testing.assert_allclose(gradient(name, far, far), 0 if name == "tanh" else far, atol=1e-7)
    assert np.abs(gradient(name, np.ones_like(far), -far)).max() < 1e-7


@by_function
def test_nan_stays_nan_and_infinity_goes_where_it_tends(isa: str, name: str) -> None:
    y = forward(name, np.array([NAN, INF] * 9, np.float32))
    assert np.isnan(y[::2]).all()
    assert (y[1::2] == (1.0 if name == "tanh" else INF)).all()
    dx = gradient(name, np.array([NAN, INF] * 9, np.float32), np.full(18, 0.5, np.float32))
    assert np.isnan(dx[::2]).all()
    assert (dx[1::2] == INF).all()


CALLS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": F.tanh,
    "elu": lambda t: F.elu(t, 1.5),
    "gelu": F.gelu,
    "gelu_tanh": lambda t: F.gelu(t, "tanh"),
    "softplus": lambda t: F.softplus(t, 2.0),
    "softplus cut": lambda t: F.softplus(t, 1.0, 3.0),
    "mish": F.mish,
    "softmax": lambda t: F.softmax(t, 1) * t,
    "log_softmax": lambda t: F.log_softmax(t, 0) * t * 0.1,
    "log_softmax guessed": lambda t: F.log_softmax(t, None) * t * 0.1,
}


@pytest.mark.parametrize("name", CALLS)
def test_gradients_by_central_differences(name: str, rng: np.random.Generator) -> None:
    x = (rng.permutation(60).reshape(3, 20) / 8 - 3.6875).astype(np.float32)
    assert_gradients(lambda t: CALLS[name](t) * t * 0.5, x)


LAYERS = [
    lambda n: n.Tanh(),
    lambda n: n.ELU(),
    lambda n: n.ELU(0.5, True),
    lambda n: n.GELU(),
    lambda n: n.GELU("tanh"),
    lambda n: n.Softplus(),
    lambda n: n.Softplus(2.0, 5.0),
    lambda n: n.Mish(),
    lambda n: n.Mish(inplace=True),
    lambda n: n.Softmax(dim=1),
    lambda n: n.LogSoftmax(dim=1),
    lambda n: n.LogSoftmax(-1),
]


@pytest.mark.parametrize("index", range(len(LAYERS)))
def test_layers_equal_torch(index: int, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    ours, theirs = LAYERS[index](nn), LAYERS[index](torch.nn)
    assert repr(ours) == repr(theirs)
    x = (rng.standard_normal((2, 7, 5, 6)) * 4).astype(np.float32)
    a, b = Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
    y, z = ours(a), theirs(b * 1)
    dy = rng.standard_normal(x.shape, np.float32)
    y.backward(dy)
    z.backward(torch.from_numpy(dy))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-5, atol=1e-6)
    assert a.grad is not None
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-4, atol=3e-6)


def test_softmax_of_a_guessed_dimension() -> None:
    for shape, dim in (((4,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((2, 3, 4, 5), 1)):
        x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 7
        np.testing.assert_array_equal(nn.Softmax()(x).data, F.softmax(x, dim).data)
    assert np.isnan(F.softmax(np.array([INF, 1.0], np.float32)).data).all()


def test_elu_takes_any_alpha(isa: str) -> None:
    x = np.array([-100, -1, 0, 2], np.float32)
    np.testing.assert_allclose(ops.elu(x, -2), [2, 2 - 2 / math.e, 0, 2], rtol=1e-6)
    np.testing.assert_allclose(
        ops.elu_grad(np.ones(4, np.float32), x, -2), [0, -2 / math.e, -2, 1], atol=1e-7
    )


ANY: Any = ops


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x: ANY.elu(x, "1"), TypeError, "elu: alpha must be a number, got str '1'"),
        (lambda x: ANY.softplus(x, 0), ValueError, "softplus: beta must not be 0"),
        (lambda x: ANY.softplus_grad(x, x, None), TypeError, "beta must be a number"),
        (lambda x: ANY.softplus(x, 1, "x"), TypeError, "threshold must be a number"),
        (lambda x: ANY.gelu(x, "erf"), ValueError, 'approximate must be "none" or "tanh", got'),
        (lambda _: nn.GELU("fast"), ValueError, "approximate must be"),
        (lambda _: nn.Softplus(0.0), ValueError, "Softplus: beta must not be 0"),
        (lambda x: F.softmax(x, 1), ValueError, r"dim must be in \[-1, 1\), got 1"),
        (lambda x: ANY.tanh(x.astype("f8")), TypeError, "tanh: x must be float32"),
        (lambda x: ANY.mish_grad(x[:2], x), ValueError, r"dy must have shape \(4,\)"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(np.ones(4, np.float32))
