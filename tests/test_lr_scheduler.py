"""Learning rates step by step: PyTorch's numbers, their state, and what they refuse."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import nn, optim
from convlet.optim import lr_scheduler

if TYPE_CHECKING:
    from collections.abc import Callable

STEPS = 30


def optimizer_of(library: Any, make_parameter: Callable[[], Any], kind: str = "SGD") -> Any:
    """Two groups with rates of their own."""
    more: dict[str, Any] = {"momentum": 0.9} if kind == "SGD" else {}
    groups = [{"params": [make_parameter()], "lr": 0.5}, {"params": [make_parameter()]}]
    return getattr(library, kind)(groups, lr=0.1, **more)


def ours(kind: str = "SGD") -> Any:
    return optimizer_of(optim, lambda: nn.Parameter([1.0]), kind)


def theirs(kind: str = "SGD") -> Any:
    torch = pytest.importorskip("torch")
    return optimizer_of(torch.optim, lambda: torch.nn.Parameter(torch.ones(1)), kind)


def sequence(s: Any, o: Any) -> Any:
    parts = [s.LinearLR(o, 0.2, total_iters=4), s.CosineAnnealingLR(o, 9), s.ExponentialLR(o, 0.9)]
    return s.SequentialLR(o, parts, milestones=[4, 13])


def chain(s: Any, o: Any) -> Any:
    return s.ChainedScheduler(
        [s.ConstantLR(o, 0.25, 3), s.StepLR(o, 4, 0.7), s.PolynomialLR(o, 25)]
    )


CASES: dict[str, Callable[[Any, Any], Any]] = {
    "StepLR": lambda s, o: s.StepLR(o, 4, gamma=0.3),
    "MultiStepLR": lambda s, o: s.MultiStepLR(o, [2, 2, 9, 20], gamma=0.4),
    "MultiStepLR from the start": lambda s, o: s.MultiStepLR(o, [0, 5]),
    "ExponentialLR": lambda s, o: s.ExponentialLR(o, 0.8),
    "CosineAnnealingLR": lambda s, o: s.CosineAnnealingLR(o, 7, eta_min=0.01),
    "CosineAnnealingLR of one": lambda s, o: s.CosineAnnealingLR(o, 1, eta_min=0.05),
    "WarmRestarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 4, eta_min=0.01),
    "WarmRestarts, longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, T_mult=3),
    "LinearLR": lambda s, o: s.LinearLR(o, 0.1, 0.7, total_iters=8),
    "LinearLR to nothing": lambda s, o: s.LinearLR(o, 1.0, 0.0, total_iters=8),
    "ConstantLR": lambda s, o: s.ConstantLR(o, 0.2, total_iters=6),
    "PolynomialLR": lambda s, o: s.PolynomialLR(o, 12, power=1.7),
    "LambdaLR": lambda s, o: s.LambdaLR(o, [lambda t: 0.9**t, lambda t: 1 / (1 + t)]),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.7, total_steps=STEPS + 1),
    "OneCycleLR linear": lambda s, o: s.OneCycleLR(
        o, [0.7, 0.2], epochs=4, steps_per_epoch=8, anneal_strategy="linear", pct_start=0.4
    ),
    "OneCycleLR in three phases": lambda s, o: s.OneCycleLR(
        o, 0.7, total_steps=STEPS + 1, three_phase=True, cycle_momentum=False
    ),
    "SequentialLR": sequence,
    "ChainedScheduler": chain,
}
by_case = pytest.mark.parametrize("case", CASES)


@by_case
@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
def test_each_step_has_torchs_rates(case: str, kind: str) -> None:
    mine, their = ours(kind), theirs(kind)
    torch = pytest.importorskip("torch")
    schedule = CASES[case](lr_scheduler, mine)
    reference = CASES[case](torch.optim.lr_scheduler, their)
    for _ in range(STEPS):
        for group, wanted in zip(mine.param_groups, their.param_groups, strict=True):
            assert group["lr"] == pytest.approx(wanted["lr"], rel=1e-11, abs=1e-15)
            for name in ("momentum", "betas"):
                if name in wanted:
                    assert group[name] == pytest.approx(wanted[name], rel=1e-12)
        assert schedule.get_last_lr() == [group["lr"] for group in mine.param_groups]
        their.step()
        schedule.step()
        reference.step()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"patience": 2, "factor": 0.5},
        {"mode": "max", "patience": 1, "threshold": 0.05},
        {"threshold": 0.3, "threshold_mode": "abs", "patience": 1, "cooldown": 3},
        {"mode": "max", "threshold_mode": "abs", "patience": 0, "min_lr": [0.2, 0.001]},
        {"patience": 0, "eps": 0.02},
    ],
    ids=str,
)
def test_a_plateau_lowers_the_rate_when_torch_does(
    more: dict[str, Any], rng: np.random.Generator
) -> None:
    mine, their = ours(), theirs()
    torch = pytest.importorskip("torch")
    schedule = lr_scheduler.ReduceLROnPlateau(mine, **more)
    reference = torch.optim.lr_scheduler.ReduceLROnPlateau(their, **more)
    values = [*np.abs(rng.normal(1, 0.5, 40)), math.nan, math.inf, *np.linspace(1, 0.9, 20)]
    for value in values:
        schedule.step(value)
        reference.step(value)
        assert schedule.get_last_lr() == pytest.approx(reference.get_last_lr(), rel=1e-12)
        assert schedule.num_bad_epochs == reference.num_bad_epochs


@by_case
def test_a_state_that_went_through_json_continues_with_the_same_bits(case: str) -> None:
    whole, first, second = ours(), ours(), ours()
    schedule = CASES[case](lr_scheduler, whole)
    begun = CASES[case](lr_scheduler, first)
    for _ in range(11):
        schedule.step()
        begun.step()
    resumed = CASES[case](lr_scheduler, second)
    state = json.loads(json.dumps([first.state_dict(), begun.state_dict()]))
    second.load_state_dict(state[0])
    resumed.load_state_dict(state[1])
    for _ in range(STEPS - 11):
        schedule.step()
        resumed.step()
        assert resumed.get_last_lr() == schedule.get_last_lr()
        assert [g["lr"] for g in second.param_groups] == [g["lr"] for g in whole.param_groups]
    assert resumed.last_epoch == STEPS


def test_a_plateau_remembers_its_patience() -> None:
    rates = []
    for stop in (0, 3):
        optimizer = ours()
        schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=3)
        for step in range(10):
            if step == stop:
                state = json.loads(json.dumps(schedule.state_dict()))
                schedule = lr_scheduler.ReduceLROnPlateau(optimizer, patience=3)
                schedule.load_state_dict(state)
            schedule.step(1.0)
        rates.append(schedule.get_last_lr())
    assert rates[0] == rates[1]
    assert rates[0][0] < 0.5


def test_warm_restarts_step_to_a_point_between_epochs() -> None:
    mine, their = ours(), theirs()
    torch = pytest.importorskip("torch")
    schedule = lr_scheduler.CosineAnnealingWarmRestarts(mine, 3, T_mult=2)
    reference = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(their, 3, T_mult=2)
    for epoch in (0.0, 0.25, 2.9, 3.0, 5.5, 8.75, 9.0, 26.0, None, None, 1.5):
        schedule.step(epoch)
        reference.step(epoch)
        assert schedule.get_last_lr() == pytest.approx(reference.get_last_lr(), rel=1e-12)


def test_a_warm_up_rises_in_a_straight_line_to_the_schedule() -> None:
    optimizer = ours()
    schedule = lr_scheduler.with_warmup(lr_scheduler.StepLR(optimizer, 2, 0.5), 4, 0.2)
    rates = []
    for _ in range(9):
        rates.append(optimizer.param_groups[0]["lr"])
        schedule.step()
    assert rates == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.25, 0.25, 0.125])
    with pytest.raises(TypeError, match="with_warmup: schedule must be a schedule, got Reduce"):
        lr_scheduler.with_warmup(lr_scheduler.ReduceLROnPlateau(optimizer), 4)  # type: ignore[arg-type]


def test_a_schedule_can_begin_after_a_step() -> None:
    optimizer = ours()
    with pytest.raises(ValueError, match=r"StepLR: .*param_groups\[0\] must have initial_lr"):
        lr_scheduler.StepLR(optimizer, 2, last_epoch=3)
    for group in optimizer.param_groups:
        group["initial_lr"] = 1.0
    schedule = lr_scheduler.StepLR(optimizer, 2, last_epoch=2)
    assert schedule.get_last_lr() == [0.5, 0.1]
    schedule.step()
    assert schedule.get_last_lr() == pytest.approx([0.05, 0.01])


def test_schedules_join_schedules_that_join() -> None:
    optimizer = ours()
    inner = chain(lr_scheduler, optimizer)
    outer = lr_scheduler.SequentialLR(
        optimizer, [lr_scheduler.ConstantLR(optimizer, 0.5, 9), inner], milestones=[2]
    )
    assert outer.get_last_lr() == [0.25, 0.05]
    outer.step()
    outer.step()
    assert outer.get_last_lr() == [0.125, 0.025]  # the chain's own first step


WRONG: list[tuple[Callable[[Any], Any], type[Exception], str]] = [
    (lambda o: lr_scheduler.StepLR(None, 3), TypeError, "StepLR: optimizer must be one of optim"),  # type: ignore[arg-type]
    (lambda o: lr_scheduler.StepLR(o, 0), ValueError, "StepLR: step_size must be at least 1"),
    (lambda o: lr_scheduler.StepLR(o, 1.5), TypeError, "StepLR: step_size must be an int"),  # type: ignore[arg-type]
    (lambda o: lr_scheduler.StepLR(o, 1, -1.0), ValueError, "StepLR: gamma must be finite"),
    (lambda o: lr_scheduler.StepLR(o, 1, last_epoch=-2), ValueError, "last_epoch must be at"),
    (lambda o: lr_scheduler.MultiStepLR(o, [3, 2]), ValueError, "milestones must ascend"),
    (lambda o: lr_scheduler.ExponentialLR(o, math.nan), ValueError, "gamma must be finite"),
    (lambda o: lr_scheduler.CosineAnnealingLR(o, 0), ValueError, "T_max must be at least 1"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 0), ValueError, "T_0 must be at"),
    (lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 2).step(-1.0), ValueError, "epoch"),
    (lambda o: lr_scheduler.LinearLR(o, 0.0), ValueError, "start_factor must be above 0"),
    (lambda o: lr_scheduler.LinearLR(o, 1.0, 1.5), ValueError, r"end_factor must be in \[0, 1\]"),
    (lambda o: lr_scheduler.ConstantLR(o, 2.0), ValueError, "factor must be above 0 and at most"),
    (lambda o: lr_scheduler.PolynomialLR(o, -1), ValueError, "total_iters must be at least 1"),
    (lambda o: lr_scheduler.LambdaLR(o, 3), TypeError, "int"),  # type: ignore[arg-type]
    (lambda o: lr_scheduler.LambdaLR(o, [abs]), ValueError, "one for each of 2 groups, got 1"),
    (lambda o: lr_scheduler.LambdaLR(o, [abs, 2]), TypeError, "lr_lambda must be callable"),  # type: ignore[list-item]
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0), ValueError, "give total_steps, or epochs and"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 0), ValueError, "total_steps must be at least 1"),
    (lambda o: lr_scheduler.OneCycleLR(o, [1.0], 9), ValueError, "max_lr must be a number or one"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 9, pct_start=2), ValueError, "pct_start must be in"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 9, anneal_strategy="up"), ValueError, "anneal_s"),
    (lambda o: lr_scheduler.OneCycleLR(o, 1.0, 9, div_factor=0), ValueError, "div_factor must be"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=1.0), ValueError, "factor must be in"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, mode="up"), ValueError, "mode must be one of"),
    (lambda o: lr_scheduler.ReduceLROnPlateau(o, min_lr=[0.1]), ValueError, "min_lr must be"),
    (lambda o: lr_scheduler.SequentialLR(o, [], []), ValueError, "at least one, got none"),
    (lambda o: lr_scheduler.SequentialLR(o, [None], []), TypeError, "got NoneType"),  # type: ignore[list-item]
    (
        lambda o: lr_scheduler.SequentialLR(o, [lr_scheduler.StepLR(o, 1)], [3]),
        ValueError,
        "milestones must be one fewer than the 1 schedulers, got 1",
    ),
    (
        lambda o: lr_scheduler.ChainedScheduler([lr_scheduler.StepLR(ours(), 1)], o),
        ValueError,
        "schedulers must belong to the optimizer given",
    ),
]


@pytest.mark.parametrize(("make", "error", "message"), WRONG)
def test_numbers_out_of_range_are_named(
    make: Callable[[Any], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(ours())


def test_a_cycle_ends_after_its_steps() -> None:
    schedule = lr_scheduler.OneCycleLR(ours(), 1.0, total_steps=3)
    for _ in range(3):
        schedule.step()
    with pytest.raises(ValueError, match="total_steps is 3, and step 4 came"):
        schedule.step()


@by_case
def test_a_state_of_another_kind_is_refused_and_changes_nothing(case: str) -> None:
    schedule = CASES[case](lr_scheduler, ours())
    before = json.dumps(schedule.state_dict())
    with pytest.raises(ValueError, match=r"load_state_dict: .* lacks"):
        schedule.load_state_dict({})
    bad = {**schedule.state_dict(), "last_epoch": "seven"}
    with pytest.raises(ValueError, match=r"load_state_dict: last_epoch of .* got 'seven'"):
        schedule.load_state_dict(bad)
    assert json.dumps(schedule.state_dict()) == before
