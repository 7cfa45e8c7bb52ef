"""Optimisers against their formulas and against PyTorch, and the checks of their numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from convlet import Tensor, nn, optim

SGD_CASES: list[dict[str, Any]] = [
    {"lr": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    {"lr": 0.1, "momentum": 0.5, "dampening": 0.25},
    {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1},
    {"lr": 0.05, "weight_decay": 0.1},
]
ADAM_CASES: list[dict[str, Any]] = [
    {"lr": 0.1},
    {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-3},
    {"lr": 0.02, "weight_decay": 0.1},
]
CASES = [
    *(("SGD", case) for case in SGD_CASES),
    *(("Adam", case) for case in ADAM_CASES),
    *(("AdamW", case) for case in ADAM_CASES),
]


def run(optimizer: Any, params: list[nn.Parameter], steps: int, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        for param in params:
            param.grad = Tensor(rng.normal(size=param.shape))
        optimizer.step()


def start() -> list[nn.Parameter]:
    rng = np.random.default_rng(9)
    return [nn.Parameter(rng.normal(size=shape)) for shape in ((3, 4), (5,), (2, 1, 3, 3))]


@pytest.mark.parametrize(("name", "numbers"), CASES, ids=str)
def test_ten_steps_are_torchs(name: str, numbers: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    ours, theirs = start(), [torch.nn.Parameter(torch.from_numpy(p.data.copy())) for p in start()]
    a, b = getattr(optim, name)(ours, **numbers), getattr(torch.optim, name)(theirs, **numbers)
    rng = np.random.default_rng(0)
    for step in range(10):
        for p, q in zip(ours, theirs, strict=True):
            gradient = rng.normal(size=p.shape).astype(np.float32)
            skipped = step == 3 and p.ndim == 1
            p.grad = None if skipped else Tensor(gradient)
            q.grad = None if skipped else torch.from_numpy(gradient)
        a.step()
        b.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_sgd_is_its_formula() -> None:
    w = nn.Parameter([1.0, -2.0])
    optimizer = optim.SGD([w], lr=0.1, momentum=0.5, weight_decay=0.01)
    value, velocity = np.array([1.0, -2.0]), None
    for gradient in ([1.0, 2.0], [3.0, -1.0], [0.5, 0.5]):
        w.grad = Tensor(gradient)
        optimizer.step()
        g = np.array(gradient) + 0.01 * value
        velocity = g if velocity is None else 0.5 * velocity + g
        value = value - 0.1 * velocity
    np.testing.assert_allclose(w.data, value, rtol=1e-6)


def test_adam_is_its_formula() -> None:
    w = nn.Parameter([1.0, -2.0])
    optimizer = optim.Adam([w], lr=0.1, betas=(0.9, 0.99), eps=1e-6)
    value, mean, square = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
    for step, gradient in enumerate(([1.0, 2.0], [3.0, -1.0], [0.5, 0.5]), 1):
        w.grad = Tensor(gradient)
        optimizer.step()
        g = np.array(gradient)
        mean, square = 0.9 * mean + 0.1 * g, 0.99 * square + 0.01 * g * g
        value = value - 0.1 * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.99**step)) + 1e-6)
    np.testing.assert_allclose(w.data, value, rtol=1e-5)


def test_a_parameter_without_a_gradient_stays() -> None:
    for make in (optim.SGD, optim.Adam):
        a, b = nn.Parameter([1.0]), nn.Parameter([1.0])
        optimizer = make([a, b], lr=0.1)
        a.grad = Tensor([1.0])
        optimizer.step()
        assert a.item() != 1.0
        assert b.item() == 1.0
        optimizer.zero_grad()
        assert a.grad is None


def test_gradients_of_any_memory_order_count_by_their_index() -> None:
    gradient = np.arange(24, dtype=np.float32).reshape(2, 3, 4, 1)
    results = []
    for layout in (gradient, np.asfortranarray(gradient), np.repeat(gradient, 2, 2)[:, :, ::2]):
        w = nn.Parameter(np.zeros(gradient.shape))
        w.grad = Tensor(layout)
        optim.SGD([w], lr=1.0).step()
        results.append(w.data)
    for result in results:
        np.testing.assert_array_equal(result, -gradient)


def test_groups_have_numbers_of_their_own() -> None:
    a, b = nn.Parameter([0.0]), nn.Parameter([0.0])
    groups: list[dict[str, Any]] = [{"params": [a]}, {"params": b, "lr": 10.0}]
    optimizer = optim.SGD(groups, lr=1.0)
    a.grad = b.grad = Tensor([1.0])
    optimizer.step()
    assert (a.item(), b.item()) == (-1.0, -10.0)
    optimizer.param_groups[0]["lr"] = 0.5
    optimizer.step()
    assert (a.item(), b.item()) == (-1.5, -20.0)


@pytest.mark.parametrize(("name", "numbers"), CASES, ids=str)
def test_state_round_trip_continues_with_the_same_bits(name: str, numbers: dict[str, Any]) -> None:
    whole, halves = start(), start()
    run(getattr(optim, name)(whole, **numbers), whole, 6)
    first = getattr(optim, name)(halves, **numbers)
    rng_steps = np.random.default_rng(0)
    for step in range(6):
        if step == 3:
            state = first.state_dict()
            json.dumps(state["param_groups"])
            first = getattr(optim, name)(halves, lr=99.0)
            first.load_state_dict(state)
        for param in halves:
            param.grad = Tensor(rng_steps.normal(size=param.shape))
        first.step()
    for a, b in zip(whole, halves, strict=True):
        np.testing.assert_array_equal(a.data, b.data)


def test_a_state_of_another_network_is_refused_and_nothing_changes() -> None:
    ours = optim.SGD(start(), lr=0.1, momentum=0.9)
    with pytest.raises(ValueError, match=r"SGD has groups of \[3\] parameters, the state \[1\]"):
        ours.load_state_dict(optim.SGD(start()[:1]).state_dict())
    params = start()[::-1]
    other = optim.SGD(params, lr=7.0, momentum=0.9)
    run(other, params, 1)
    with pytest.raises(ValueError, match="momentum_buffer must have its parameter's shape"):
        ours.load_state_dict(other.state_dict())
    assert ours.param_groups[0]["lr"] == 0.1
    assert not ours.state


ANY: Any = optim  # so that wrong types can be passed on purpose


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda p: ANY.SGD(p, lr=-1),
            ValueError,
            "SGD: lr must be finite and at least 0, got -1",
        ),
        (lambda p: ANY.SGD(p, lr=float("nan")), ValueError, "SGD: lr must be"),
        (lambda p: ANY.SGD(p, lr=float("inf")), ValueError, "SGD: lr must be"),
        (lambda p: ANY.SGD(p, lr="0.1"), TypeError, "SGD: lr must be a number, got str"),
        (lambda p: ANY.SGD(p, momentum=True), TypeError, "SGD: momentum must be a number"),
        (lambda p: ANY.SGD(p, nesterov=True), ValueError, "SGD: nesterov needs momentum above 0"),
        (lambda p: ANY.Adam(p, betas=(0.9, 1.0)), ValueError, r"Adam: betas must be in \[0, 1\)"),
        (lambda p: ANY.Adam(p, betas=0.9), TypeError, "Adam: betas must be a pair"),
        (lambda p: ANY.AdamW(p, eps=-1e-8), ValueError, "AdamW: eps must be"),
        (lambda p: ANY.SGD([]), ValueError, "SGD: params is empty"),
        (lambda p: ANY.SGD(p[0]), TypeError, "SGD: params must be several parameters"),
        (lambda p: ANY.SGD([1.0]), TypeError, "SGD: params must be tensors, got float"),
        (lambda p: ANY.SGD(p + p), ValueError, "comes twice"),
        (lambda p: ANY.SGD([p[0] * 1]), ValueError, "SGD: params must be leaves"),
        (lambda p: ANY.SGD([{"params": p, "beta": 1}]), ValueError, "SGD: unknown argument beta"),
    ],
)
def test_numbers_and_parameters_are_checked(
    make: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make([nn.Parameter([1.0])])
