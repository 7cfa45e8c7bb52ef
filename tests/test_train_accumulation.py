"""Steps over several batches, schedules inside of a trainer, and the search for a learning rate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
import runs
from convlet import nn, optim
from convlet.optim import lr_scheduler
from convlet.train import Callback, LRFinder, Trainer
from test_trainer import batches, digits, small_trainer


def plain_trainer(**more: Any) -> Trainer:
    cl.seed(4)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.ReLU(), nn.Linear(16, 10))
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    if "scheduler" in more:
        more["scheduler"] = more["scheduler"](optimizer)
    return Trainer(model, nn.CrossEntropyLoss(), optimizer, **more)


@pytest.mark.parametrize("sizes", [(8, 8, 8, 8), (8, 4, 3, 9, 8)], ids=str)
def test_small_batches_make_the_step_of_the_large_one(sizes: tuple[int, ...]) -> None:
    images, labels = digits(32)
    ends = np.cumsum(sizes)
    parts = [(images[e - s : e], labels[e - s : e]) for e, s in zip(ends, sizes, strict=True)]
    small, large = plain_trainer(accumulate=len(sizes)), plain_trainer()
    history = small.fit(parts, epochs=5)
    wanted = large.fit([(images, labels)], epochs=5)
    assert small.step == large.step == 5
    for name, array in large.model.state_dict().items():
        np.testing.assert_allclose(small.model.state_dict()[name], array, rtol=1e-4, atol=1e-6)
    assert history.column("loss") == pytest.approx(wanted.column("loss"), rel=1e-5)
    assert history.column("accuracy") == wanted.column("accuracy")


def test_what_is_left_of_an_epoch_makes_a_step_of_its_own() -> None:
    calls: list[tuple[int, int]] = []

    class Count(Callback):
        def on_batch_end(self, trainer: Trainer, logs: Any) -> None:
            calls.append((trainer.step, logs["batch"]))

    run = plain_trainer(accumulate=3)
    run.fit(batches(32, 8), epochs=2, callbacks=[Count()])
    assert calls == [(1, 3), (2, 4), (3, 3), (4, 4)]
    with pytest.raises(ValueError, match="Trainer: accumulate must be at least 1, got 0"):
        plain_trainer(accumulate=0)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_gradients_are_clipped_to_their_common_norm(accumulate: int) -> None:
    run = plain_trainer(clip_grad_norm=0.01, accumulate=accumulate)
    run.optimizer.param_groups[0]["momentum"] = 0.0
    before = [p.data.copy() for p in run.model.parameters()]
    run.fit(batches(8 * accumulate, 8), epochs=1)
    changes = zip(before, run.model.parameters(), strict=True)
    length = np.sqrt(sum(np.sum((p.data - old) ** 2.0) for old, p in changes))
    assert length == pytest.approx(0.05 * 0.01, rel=1e-3)
    for value in (0.0, -1.0, float("inf")):
        with pytest.raises(ValueError, match="Trainer: clip_grad_norm must be"):
            plain_trainer(clip_grad_norm=value)


def test_a_schedule_is_stepped_by_epochs_or_steps() -> None:
    by_epoch = plain_trainer(scheduler=lambda o: lr_scheduler.ExponentialLR(o, 0.5))
    assert by_epoch.fit(batches(), epochs=3).column("lr") == [0.05, 0.025, 0.0125]
    by_step = plain_trainer(
        scheduler=lambda o: lr_scheduler.ExponentialLR(o, 0.5), scheduler_per="step"
    )
    by_step.fit(batches(32, 8), epochs=1)
    assert by_step.optimizer.param_groups[0]["lr"] == 0.05 / 16
    cycle = plain_trainer(scheduler=lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=8))
    cycle.fit(batches(32, 8), epochs=2)
    assert cycle.scheduler is not None
    assert cycle.scheduler.last_epoch == 8


def test_a_plateau_is_told_the_validation_loss() -> None:
    def plateau(optimizer: Any) -> Any:
        return lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.9)

    run = plain_trainer(scheduler=plateau)
    run.fit(batches(), batches(8, seed=1), epochs=3)
    assert isinstance(run.scheduler, lr_scheduler.ReduceLROnPlateau)
    assert run.scheduler.best == run.history[0]["val_loss"]
    assert run.optimizer.param_groups[0]["lr"] == 0.0125
    other = plain_trainer(scheduler=plateau, scheduler_monitor="val_f1")
    with pytest.raises(ValueError, match="scheduler_monitor 'val_f1' is not measured; there is"):
        other.fit(batches(), epochs=1)


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"scheduler": lambda o: 3}, TypeError, "scheduler must be one of optim.lr_scheduler"),
        ({"scheduler_per": "hour"}, ValueError, 'scheduler_per must be "epoch" or "step"'),
        (
            {"scheduler": lr_scheduler.ReduceLROnPlateau, "scheduler_per": "step"},
            ValueError,
            "ReduceLROnPlateau is stepped after epochs",
        ),
    ],
)
def test_a_schedule_that_does_not_fit_is_refused(
    more: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        plain_trainer(**more)


def test_the_search_for_a_rate_finds_where_the_loss_falls_and_leaves_no_trace() -> None:
    run = runs.begin()
    train, validation = runs.loaders()
    run.fit(train, validation, 1)
    before, mode = runs.digest(run), run.model.training
    finder = run.find_lr(train, start=1e-5, end=100.0, steps=60)
    assert runs.digest(run) == before
    assert run.model.training == mode
    assert len(finder.rates) == len(finder.losses) == len(finder.smoothed) >= 20
    assert finder.rates[0] == pytest.approx(1e-5)
    assert finder.rates == sorted(finder.rates)
    runs.finish(run)  # and it can be trained on


def test_the_suggested_rate_learns_and_a_hundredth_of_it_hardly_does() -> None:
    rate = plain_trainer().find_lr(batches(320, 32)).suggestion
    assert 1e-4 < rate < 3
    losses = []
    for lr in (rate, rate / 100):
        run = plain_trainer()
        run.optimizer.param_groups[0]["lr"] = lr
        losses.append(run.fit(batches(320, 32), epochs=3)[-1]["loss"])
    assert losses[0] < 0.6 * losses[1]


def test_the_search_ends_where_the_loss_explodes() -> None:
    finder = plain_trainer().find_lr(batches(32, 16), start=1e-2, end=1e6, steps=100)
    assert len(finder.rates) < 100
    pytest.importorskip("matplotlib").use("agg")
    assert finder.plot().axes
    assert isinstance(finder, LRFinder)


def test_the_search_says_what_is_wrong() -> None:
    images, labels = digits(8)
    wrong: list[tuple[Any, dict[str, Any], str]] = [
        (batches(8), {"start": 1.0, "end": 0.5}, "start must be above 0 and below end"),
        (batches(8), {"steps": 1}, "steps must be at least 2"),
        ([(images * np.nan, labels)], {}, "the loss is not finite from the start"),
        ([], {}, "loader gave no batches"),
    ]
    for loader, more, message in wrong:
        with pytest.raises(ValueError, match=f"find_lr: {message}"):
            small_trainer().find_lr(loader, **more)
