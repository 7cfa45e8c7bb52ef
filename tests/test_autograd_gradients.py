"""Gradients of what Tensor does itself, by central differences."""

from __future__ import annotations

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor
from convlet.nn import functional as F
from numeric import assert_gradients

UNARY = {
    "neg": lambda x: -x * x,
    "pow 2": lambda x: x**2,
    "pow 3": lambda x: x**3,
    "pow -1": lambda x: x**-1,
    "pow 0.5": lambda x: (x * x) ** 0.5,
    "sum all": lambda x: x.sum() ** 2,
    "sum 0": lambda x: x.sum(0) ** 2,
    "sum last, kept": lambda x: x * x.sum(-1, keepdim=True),
    "mean all": lambda x: (5.0 * x.mean() + 1.0) ** 2,
    "mean (0, 1)": lambda x: x.mean((0, 1)) ** 2,
    "reshape": lambda x: x.reshape(-1, 2) * Tensor([1.0, -2.0]),
    "flatten": lambda x: x.flatten(1) ** 2,
    "permute": lambda x: x.permute(2, 0, 1) @ Tensor(np.arange(6.0).reshape(3, 2)),
    "transpose": lambda x: x.transpose(0, 1) * x.transpose(1, 0),
    "index": lambda x: x[1] * x[:, 1:2, ::2].sum(),
    "index repeats": lambda x: x[np.array([0, 0, 1])] ** 2,
    "index mask": lambda x: x[np.arange(24).reshape(2, 3, 4) % 5 == 0] ** 2,
    "cat": lambda x: cl.cat([x, x * x], 1)[:, 1:5] ** 2,
    "stack": lambda x: cl.stack([x, x * x], -1) ** 2,
    "softmax": lambda x: F.softmax(x, 1) ** 2,
    "pad": lambda x: F.pad(x, (1, 0, 2, 1), value=3.0) ** 2,
    "scalars": lambda x: 2.0 / x - (3.0 - x) * 0.5 + x / 4.0 - 1.0 + 2.0**x,
    "abs": lambda x: x.abs() * x,
    "exp": lambda x: x.exp(),
    "log": lambda x: (x * x + 0.5).log(),
    "sqrt": lambda x: (x * x + 0.5).sqrt(),
    "square": lambda x: x.square(),
    "relu": lambda x: x.relu() * x,
    "sigmoid": lambda x: x.sigmoid() * 3.0,
    "tanh": lambda x: x.tanh(),
    "clamp": lambda x: x.clamp(-0.45, 1.7) * x,
    "var": lambda x: x.var((0, -1)) * 9.0,
    "std, biased": lambda x: x.std(1, unbiased=False) * 4.0,
    "prod": lambda x: x.prod(-1, keepdim=True) * x,
    "logsumexp": lambda x: x.logsumexp((1, 2)) * 5.0,
    "amax": lambda x: x.amax((0, 2)) ** 2 * x[0, :, 0],
    "max": lambda x: x.max(-1).values ** 2,
    "min": lambda x: x.min(0, keepdim=True).values ** 2 + x.min(),
    "unflatten": lambda x: x.unflatten(2, (2, 2))[..., 1] ** 2,
    "squeeze": lambda x: x[:1].squeeze() * x.unsqueeze(-1).squeeze(-1),
    "expand": lambda x: x[:, :1].expand(2, 3, 4) * x,
    "movedim": lambda x: x.movedim(0, 2) ** 2,
    "flip": lambda x: x.flip(0, 2) * x,
    "split": lambda x: x.split((1, 3), -1)[1] ** 2,
    "where": lambda x: cl.where(x > 0, x * x, 3.0 * x),
    "maximum": lambda x: cl.maximum(x, x[:, :1] * 1.5) * cl.minimum(x, 0.3),
    "masked_fill": lambda x: x.masked_fill(x < 0, 2.0) * x,
    "checkpoint": lambda x: cl.checkpoint(lambda y: y * y * y, x),
}

BINARY = {
    "add": lambda a, b: (a + b) ** 2,
    "sub": lambda a, b: (a - b) ** 2,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "rsub": lambda a, b: (1.0 - a) * b,
    "rdiv": lambda a, b: 1.0 / a + b,
    "pow": lambda a, b: a.abs() ** b,
    "maximum": lambda a, b: cl.maximum(a, b) * cl.minimum(a * 2.0, b),
    "where": lambda a, b: cl.where(a > b, a * b, b),
}


def numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Away from 0, where neither division nor roots are smooth."""
    values = rng.uniform(0.5, 1.5, shape) * rng.choice([-1, 1], shape)
    return np.asarray(values, np.float32)


@pytest.mark.parametrize("name", UNARY)
def test_gradient_of_one_tensor(name: str, rng: np.random.Generator) -> None:
    assert_gradients(UNARY[name], numbers(rng, (2, 3, 4)))


@pytest.mark.parametrize(
    "shapes", [((3, 4), (3, 4)), ((3, 4), (4,)), ((1, 4), (3, 1)), ((), (2, 3))]
)
@pytest.mark.parametrize("name", BINARY)
def test_gradient_of_two_tensors_with_broadcasting(
    name: str, shapes: tuple[tuple[int, ...], ...], rng: np.random.Generator
) -> None:
    a, b = (np.asarray(numbers(rng, shape).round(1)) for shape in shapes)
    b = np.asarray(b + np.float32(0.05))  # nowhere equal to a: some functions have corners there
    assert_gradients(BINARY[name], a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((2, 3), (3, 4)),
        ((3,), (3, 4)),
        ((2, 3), (3,)),
        ((3,), (3,)),
        ((2, 2, 3), (3, 2)),
        ((2, 3), (2, 3, 2)),
        ((2, 1, 2, 3), (2, 3, 2)),
        ((3,), (2, 3, 2)),
    ],
    ids=str,
)
def test_gradient_of_a_matrix_product(
    a: tuple[int, ...], b: tuple[int, ...], rng: np.random.Generator
) -> None:
    assert_gradients(lambda x, y: (x @ y) ** 2, numbers(rng, a), numbers(rng, b), tol=5e-2)


def test_the_gradient_of_power_0_is_0_at_0() -> None:
    x = Tensor([0.0, 2.0], requires_grad=True)
    (x**0).sum().backward()
    assert x.grad is not None
    assert x.grad.data.tolist() == [0.0, 0.0]
