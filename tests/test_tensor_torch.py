"""What tensors do gives PyTorch's numbers and gradients, also where there is little or no data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

torch = pytest.importorskip("torch", exc_type=ImportError)

# Each runs with `lib` = convlet and torch, on tensors of either.
ONE: dict[str, Callable[[Any, Any], Any]] = {
    "neg": lambda lib, x: -x,
    "number on both sides": lambda lib, x: 2 - 3 * x + (1 / (x + 9)) * x / 2 - 1 + 2**x,
    "pow": lambda lib, x: x**2 + x**3 + x**1 + x**0 + (x + 9) ** -1 + (x + 9) ** 0.5,
    "abs": lambda lib, x: abs(x) + x.abs() + lib.abs(x),
    "exp": lambda lib, x: x.exp(),
    "log": lambda lib, x: (x + 9).log(),
    "sqrt": lambda lib, x: lib.sqrt(x + 9),
    "square": lambda lib, x: x.square(),
    "sign": lambda lib, x: x.sign() * x,
    "relu": lambda lib, x: x.relu(),
    "sigmoid": lambda lib, x: lib.sigmoid(x),
    "tanh": lambda lib, x: x.tanh(),
    "clamp": lambda lib, x: x.clamp(-1, 1) + x.clip(max=0.5) + lib.clamp(x, min=-0.5),
    "sum": lambda lib, x: x.sum(),
    "sum -1": lambda lib, x: x.sum(-1),
    "sum (0, 2)": lambda lib, x: lib.sum(x, (0, 2), keepdim=True),
    "mean": lambda lib, x: x.mean((0, -1)),
    "mean kept": lambda lib, x: x.mean(1, True),
    "var": lambda lib, x: x.var(),
    "var of the population": lambda lib, x: x.var(1, unbiased=False, keepdim=True),
    "var corrected": lambda lib, x: x.var((0, 1), correction=0),
    "std": lambda lib, x: x.std(-1),
    "prod": lambda lib, x: x.prod(1) + x.prod(-1, keepdim=True).sum(1),
    "logsumexp": lambda lib, x: x.logsumexp((0, 2)) + lib.logsumexp(x, (0, 2), True).sum(),
    "softmax": lambda lib, x: x.softmax(1) ** 2 + lib.softmax(x, dim=-1) * x.softmax(dim=0),
    "log_softmax": lambda lib, x: x.log_softmax(-1) * lib.log_softmax(x, 1),
    "max": lambda lib, x: x.max(),
    "max 1": lambda lib, x: x.max(1).values + x.max(1, keepdim=True)[0].sum(1),
    "min": lambda lib, x: x.min() + x.min(-1)[0],
    "amax": lambda lib, x: x.amax((0, 1)) + x.amax(0, keepdim=True).sum((0, 1)),
    "amin": lambda lib, x: lib.amin(x, -2),
    "reshape": lambda lib, x: x.reshape(4, -1) * x.view(-1).reshape((4, 6)),
    "flatten": lambda lib, x: lib.flatten(x, 1) * x.flatten(-2),
    "unflatten": lambda lib, x: x.unflatten(-1, (2, -1)) ** 2,
    "squeeze": lambda lib, x: x[:1].squeeze() * x[:1].squeeze(0) * x.squeeze(1)[0],
    "unsqueeze": lambda lib, x: x.unsqueeze(1) * x.unsqueeze(-1).unsqueeze(0).squeeze(),
    "expand": lambda lib, x: x[:, :1].expand(-1, 5, 4) * x[:1, :1, :].expand(3, 2, 5, -1),
    "permute": lambda lib, x: x.permute(2, 0, 1) ** 2 * x.permute((2, 0, 1)),
    "transpose": lambda lib, x: x.transpose(0, -1) ** 2,
    "T": lambda lib, x: x[0].T @ x[1],
    "mT": lambda lib, x: x @ x.mT,
    "movedim": lambda lib, x: x.movedim(0, -1) * x.movedim((0, 1), (2, 0)) ** 2,
    "flip": lambda lib, x: x.flip(0, 2) * x + lib.flip(x, (1,)),
    "index": lambda lib, x: x[1, 1:] * x[..., 1:3, None, 2] + x[-1, 0, 0],
    "index arrays": lambda lib, x: x[[0, 0, 1], [2, 2, 0]] ** 2,
    "split": lambda lib, x: x.split(3, -1)[1] * x.split([1, 2], 1)[0],
    "chunk": lambda lib, x: x.chunk(2, 2)[0] * lib.chunk(x, 3, dim=2)[1],
    "unbind": lambda lib, x: x.unbind(1)[2] * lib.unbind(x, 1)[0],
    "cat": lambda lib, x: lib.cat([x, x * 2, x[:, :1]], 1) ** 2,
    "stack": lambda lib, x: lib.stack([x, x * x], -2) ** 2,
    "iteration": lambda lib, x: sum(part * i for i, part in enumerate(x)),
    "clone": lambda lib, x: x.clone() * x.contiguous(),
    "detach": lambda lib, x: x.detach() * x,
    "maximum": lambda lib, x: lib.maximum(x, x.flip(0)) + lib.minimum(x, x[:1]),
    "where": lambda lib, x: lib.where(x > 0, x * x, x[0]),
    "masked_fill": lambda lib, x: x.masked_fill(x < 0, 3.0) * x,
}  # fmt: skip

TWO: dict[str, Callable[[Any, Any, Any], Any]] = {
    "add": lambda lib, a, b: a + b,
    "sub": lambda lib, a, b: a - b,
    "mul": lambda lib, a, b: a * b,
    "div": lambda lib, a, b: a / (b + 9),
    "pow": lambda lib, a, b: (a + 9) ** b,
    "maximum": lambda lib, a, b: lib.maximum(a, b),
    "minimum": lambda lib, a, b: lib.minimum(a, b),
    "where": lambda lib, a, b: lib.where(a > b, a, b),
}


def compare(function: Callable[..., Any], *arrays: np.ndarray) -> None:
    """Values and gradients of a function in both libraries."""
    ours = [Tensor(array, requires_grad=True) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    y, z = function(cl, *ours), function(torch, *theirs)
    assert y.shape == tuple(z.shape)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-4, atol=1e-5)
    dy = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    y.backward(dy)
    z.backward(torch.from_numpy(dy))
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad is not None
        assert a.grad.shape == a.shape
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_tensor_are_torchs(name: str, rng: np.random.Generator) -> None:
    compare(ONE[name], rng.normal(size=(2, 3, 4)).astype(np.float32))


@pytest.mark.parametrize("name", TWO)
@pytest.mark.parametrize(
    "shapes",
    [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 1, 2), (4, 1)), ((), (2, 3)), ((), ()), ((0, 3), (3,))],
    ids=str,
)
def test_functions_of_two_tensors_are_torchs(
    name: str, shapes: tuple[tuple[int, ...], ...], rng: np.random.Generator
) -> None:
    compare(TWO[name], *(rng.normal(size=s).astype(np.float32) for s in shapes))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((2, 3), (3, 4)), ((3,), (3, 4)), ((2, 3), (3,)), ((3,), (3,)), ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((2, 1, 2, 3), (4, 3, 2)), ((3,), (5, 3, 4)),
        ((5, 2, 3), (3,)), ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((0, 2, 3), (0, 3, 4)),
    ],
    ids=str,
)  # fmt: skip
def test_matrix_products_are_torchs(
    a: tuple[int, ...], b: tuple[int, ...], rng: np.random.Generator
) -> None:
    arrays = [rng.normal(size=s).astype(np.float32) for s in (a, b)]
    compare(lambda lib, x, y: lib.matmul(x, y), *arrays)


WITHOUT_NUMBERS = [
    "neg", "pow", "abs", "exp", "log", "clamp", "sum", "sum -1", "sum (0, 2)", "prod", "permute",
    "flatten", "unsqueeze", "flip", "cat", "stack", "where", "masked_fill",
]  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_NUMBERS)
def test_tensors_without_numbers_are_torchs(name: str) -> None:
    compare(ONE[name], np.zeros((2, 0, 4), np.float32))


@pytest.mark.parametrize("name", ["neg", "pow", "exp", "clamp", "sum", "max", "clone", "tanh"])
def test_tensors_without_dimensions_are_torchs(name: str) -> None:
    compare(ONE[name], np.array(0.7, np.float32))


@pytest.mark.parametrize("name", ["max", "max 1", "clamp", "sum", "exp", "sigmoid", "maximum"])
def test_nan_and_infinity_go_where_torchs_go(name: str, rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4)).astype(np.float32)
    x[0, 1, 2], x[1, 0, 0], x[1, 2, 3] = np.nan, np.inf, -np.inf
    with np.errstate(all="ignore"):
        compare(ONE[name], x)


@pytest.mark.parametrize("name", ["max", "amax", "min", "amin", "prod", "clamp", "maximum", "abs"])
def test_ties_and_zeros_share_as_torchs_do(name: str) -> None:
    x = np.array([[[0, 0, 1, 1], [1, 0, 1, 2], [2, 2, 2, 2]]] * 2, np.float32)
    compare(ONE[name], x)


def test_places_of_extremes_are_torchs(rng: np.random.Generator) -> None:
    x = rng.integers(0, 4, (3, 4, 5)).astype(np.float32)
    ours, theirs = Tensor(x), torch.from_numpy(x)
    for name in ("argmax", "argmin"):
        for options in ({}, {"dim": 1}, {"dim": -1, "keepdim": True}):
            got = getattr(ours, name)(**options)
            assert got.dtype == np.int64
            np.testing.assert_array_equal(got, getattr(theirs, name)(**options).numpy())
    np.testing.assert_array_equal(ours.max(1).indices, theirs.max(1).indices.numpy())


def test_comparisons_are_torchs(rng: np.random.Generator) -> None:
    a, b = (rng.integers(0, 3, (3, 4)).astype(np.float32) for _ in range(2))
    ways: list[Callable[[Any, Any], Any]] = [
        lambda x, y: x < y,
        lambda x, y: x <= y,
        lambda x, y: x > y[0],
        lambda x, y: x >= 1,
        lambda x, y: x == y,
        lambda x, y: x != y,
    ]
    for compared in ways:
        got, wanted = (compared(lib(a), lib(b)) for lib in (Tensor, torch.tensor))
        np.testing.assert_array_equal(got, wanted.numpy())
