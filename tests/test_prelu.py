"""ReLU with a learnt slope (csrc/kernels/prelu.cpp), and its gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convlet import Tensor, nn, ops
from convlet.nn import functional as F
from numeric import assert_gradients

# Pixels and channels on both sides of a row of the kernel, and of a task.
SHAPES = [
    (2, 3, 5, 7),
    (1, 1, 1, 1),
    (3, 256, 2, 2),
    (2, 300, 3, 1),
    (4, 16, 40, 41),
    (0, 3, 2, 2),
    (2, 0, 3, 3),
    (5, 7),
    (2, 6, 9),
    (2, 3, 2, 3, 4),
    (11,),
    (),
]


def problem(shape: tuple[int, ...], one: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, dy = (rng.integers(-4, 5, (2, *shape))).astype(np.float32)
    channels = 1 if one or len(shape) < 2 else shape[1]
    return np.asarray(x), np.asarray(dy), rng.integers(-3, 4, channels).astype(np.float32)


@pytest.mark.parametrize("one", [True, False])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_and_its_gradients_equal_the_formula_exactly(
    isa: str, shape: tuple[int, ...], one: bool
) -> None:
    x, dy, weight = problem(shape, one)
    spread = weight.reshape(-1, *(1,) * (len(shape) - 2)) if len(shape) > 1 else weight[0]
    np.testing.assert_array_equal(ops.prelu(x, weight), np.where(x > 0, x, spread * x))
    dx, dweight = ops.prelu_grad(dy, x, weight)
    np.testing.assert_array_equal(dx, np.where(x > 0, dy, spread * dy))
    by_channel = np.where(x > 0, 0, dy * x)
    if weight.size == 1 or len(shape) < 2:
        wanted = by_channel.sum().reshape(1)
    else:
        wanted = by_channel.sum(axis=(0, *range(2, len(shape))))
    if weight.size:
        np.testing.assert_array_equal(dweight, wanted)
    assert dx.shape == x.shape


def test_special_values_pass(isa: str) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0] * 7, np.float32)
    y = ops.prelu(x, np.array([0.5], np.float32))
    np.testing.assert_array_equal(y, np.array([np.nan, np.inf, -np.inf, 0, 0] * 7))


def test_gradients_by_central_differences(rng: np.random.Generator) -> None:
    x = (rng.permutation(48).reshape(2, 3, 8) / 8 - 2.9375).astype(np.float32)
    for weight in ([0.25], [0.5, -1.0, 2.0]):
        assert_gradients(lambda a, w: F.prelu(a, w) * a * 0.5, x, np.array(weight, np.float32))


@pytest.mark.parametrize("parameters", [1, 7])
@pytest.mark.parametrize("shape", [(4, 7), (2, 7, 5), (2, 7, 5, 6)], ids=str)
def test_the_layer_equals_torch(
    parameters: int, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    ours, theirs = nn.PReLU(parameters, 0.3), torch.nn.PReLU(parameters, 0.3)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["weight"]
    x = rng.standard_normal(shape).astype(np.float32)
    a, b = Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
    y, z = ours(a), theirs(b)
    y.backward(x)
    z.backward(torch.from_numpy(x))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-6)
    assert a.grad is not None
    assert ours.weight.grad is not None
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-6)
    np.testing.assert_allclose(ours.weight.grad.data, theirs.weight.grad.numpy(), rtol=1e-5)


ANY: Any = ops


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda x, w: ANY.prelu(x, w[:2]), ValueError, "weight must have 1 or 3 numbers, got 2"),
        (lambda x, w: ANY.prelu(x, w[None]), ValueError, "weight must have 1 dimensions"),
        (lambda x, w: ANY.prelu(x, w.astype("f8")), TypeError, "prelu: weight must be float32"),
        (lambda x, w: ANY.prelu_grad(x[:1], x, w), ValueError, r"dy must have shape \(2, 3\)"),
        (lambda *_: nn.PReLU(0), ValueError, "num_parameters must be at least 1, got 0"),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(np.ones((2, 3), np.float32), np.ones(3, np.float32))
