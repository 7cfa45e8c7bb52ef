"""Early stopping, checkpoints, and going on from one with the same bits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import io, models, nn, optim
from convlet.errors import FormatError
from convlet.train import Callback, Checkpoint, EarlyStopping, Trainer
from test_trainer import batches, digits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Script(Callback):
    """Replaces the measured value by a written one, and counts in the weights."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        trainer.history[-1]["val_loss"] = self.values[int(logs["epoch"]) - 1]
        for parameter in trainer.model.parameters():
            parameter.data[...] = logs["epoch"]


def one_weight() -> Trainer:
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    optimizer = optim.SGD(model.parameters(), lr=0.0)
    return Trainer(model, nn.CrossEntropyLoss(), optimizer)


def weight_of(trainer: Trainer) -> float:
    return float(next(trainer.model.parameters()).data.flat[0])


def test_early_stopping_waits_then_stops_and_restores_the_best() -> None:
    trainer, stopping = one_weight(), EarlyStopping(patience=2)
    trainer.fit(batches(8), epochs=9, callbacks=[Script(3, 1, 2, 1, 0, 0, 0, 0, 0), stopping])
    assert len(trainer.history) == 4
    assert (stopping.best, stopping.best_epoch, stopping.stopped_early) == (1, 2, True)
    assert weight_of(trainer) == 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (EarlyStopping(), "must be a list of train.Callback, got EarlyStopping"),
        (None, "must be a list of train.Callback, got NoneType"),
        ([EarlyStopping(), print], "must be of train.Callback, got builtin_function_or_method"),
        ("stop", "must be of train.Callback, got str"),
    ],
    ids=["one", "none", "function", "text"],
)
def test_other_things_than_callbacks_are_told(given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        one_weight().fit(batches(8), epochs=1, callbacks=given)


def test_the_best_is_restored_also_without_stopping() -> None:
    trainer = one_weight()
    trainer.fit(batches(8), epochs=3, callbacks=[Script(1, 0, 2), EarlyStopping()])
    assert len(trainer.history) == 3
    assert weight_of(trainer) == 2


def test_without_restore_the_last_weights_stay() -> None:
    trainer = one_weight()
    script = Script(0, 1, 2)
    trainer.fit(batches(8), epochs=3, callbacks=[script, EarlyStopping(restore_best=False)])
    assert weight_of(trainer) == 3


def test_min_delta_asks_for_more_than_a_little() -> None:
    trainer, stopping = one_weight(), EarlyStopping(patience=2, min_delta=0.5)
    trainer.fit(
        batches(8), epochs=9, callbacks=[Script(3, 2.6, 2.4, 2.2, 2.1, 0, 0, 0, 0), stopping]
    )
    assert (stopping.best_epoch, len(trainer.history)) == (3, 5)


def test_accuracy_is_better_when_greater_and_nan_is_never_best() -> None:
    monitor = EarlyStopping("val_accuracy").monitor
    values = [math.nan, 0.5, 0.4, 0.6, math.nan]
    assert [monitor.improved({"val_accuracy": v}) for v in values] == [
        False,
        True,
        False,
        True,
        False,
    ]


def test_a_value_that_is_not_measured_is_named() -> None:
    with pytest.raises(ValueError, match=r"monitor 'val_loss' is not measured.*give fit\(\) valid"):
        one_weight().fit(batches(8), epochs=1, callbacks=[EarlyStopping()])


def test_early_stopping_checks_its_numbers() -> None:
    for more in ({"patience": 0}, {"min_delta": -1.0}, {"mode": "up"}):
        with pytest.raises(ValueError, match=next(iter(more))):
            EarlyStopping(**more)


def new_trainer(kind: str) -> Trainer:
    model = models.lenet5(dropout=0.3, seed=8)
    if kind == "Adam":
        optimizer: optim.Optimizer = optim.Adam(model.parameters())
    else:
        optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        model.dropout.generator = None  # draws from the default one
    return Trainer(model, nn.CrossEntropyLoss(), optimizer)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_resumed_run_has_the_same_bits_as_one_that_never_stopped(
    kind: str, suffix: str, tmp_path: Path
) -> None:
    if suffix == ".safetensors":
        pytest.importorskip("safetensors")
    path = tmp_path / f"run{suffix}"
    cl.seed(1)
    whole = new_trainer(kind)
    whole.fit(batches(16), batches(8), epochs=5)
    cl.seed(1)
    first = new_trainer(kind)
    first.fit(batches(16), batches(8), epochs=2)
    first.save(path)
    cl.seed(77)
    second = new_trainer(kind)
    second.resume(path)
    second.fit(batches(16), batches(8), epochs=3)
    assert (second.epoch, second.step) == (whole.epoch, whole.step)
    for name, array in whole.model.state_dict().items():
        np.testing.assert_array_equal(second.model.state_dict()[name], array, err_msg=name)
    assert [row["val_loss"] for row in second.history] == [row["val_loss"] for row in whole.history]


def test_resume_refuses_another_model_and_changes_nothing(tmp_path: Path) -> None:
    trainer = one_weight()
    trainer.fit(batches(8), epochs=1)
    trainer.save(tmp_path / "run.npz")
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 5))
    other = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.5))
    before = model[1].weight.data.copy()
    with pytest.raises(ValueError, match=r"shape: 1\.weight"):
        other.resume(tmp_path / "run.npz")
    np.testing.assert_array_equal(model[1].weight.data, before)
    assert other.optimizer.param_groups[0]["lr"] == 0.5
    assert other.epoch == 0


def test_resume_refuses_a_file_that_is_no_checkpoint(tmp_path: Path) -> None:
    io.save(one_weight().model.state_dict(), tmp_path / "weights.npz")
    with pytest.raises(FormatError, match="is not a checkpoint"):
        one_weight().resume(tmp_path / "weights.npz")


def test_checkpoints_of_the_last_and_the_best_epoch_are_written(tmp_path: Path) -> None:
    trainer = one_weight()
    trainer.fit(batches(8), epochs=3, callbacks=[Script(2, 1, 5), Checkpoint(tmp_path / "runs")])
    for name, epoch in (("best", 2), ("last", 3)):
        other = one_weight()
        other.resume(tmp_path / "runs" / f"{name}.npz")
        assert (other.epoch, weight_of(other)) == (epoch, epoch)
        assert len(other.history) == epoch


def test_a_loss_that_is_not_finite_leaves_good_checkpoints(tmp_path: Path) -> None:
    trainer, keep = one_weight(), Checkpoint(tmp_path, monitor="loss")
    trainer.fit(batches(8), epochs=1, callbacks=[keep])
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    images, labels = digits(8)
    with pytest.raises(cl.train.NonFiniteLossError):
        trainer.fit([(images * np.inf, labels)], epochs=1, callbacks=[keep])
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
