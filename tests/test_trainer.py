"""The training loop: it learns, it reports, it stops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, models, nn, optim
from convlet.train import Callback, NonFiniteLossError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convlet.train import Trainer


def digits(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images with a bright stroke whose place is the class, under noise."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(count) % 10)
    images = rng.normal(0, 0.3, (count, 1, 28, 28)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[0, 2 + 2 * label : 5 + 2 * label, 4 + label : 20 + label // 2] += 1.5
    return images, labels


def batches(count: int = 32, size: int = 8, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    images, labels = digits(count, seed)
    return [(images[i : i + size], labels[i : i + size]) for i in range(0, count, size)]


def small_trainer(lr: float = 0.02, dropout: float = 0.0) -> Trainer:
    model = models.lenet5(dropout=dropout, seed=3)
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    return cl.Trainer(model, nn.CrossEntropyLoss(), optimizer)


def test_lenet_learns_32_digits_by_heart() -> None:
    trainer = small_trainer()
    history = trainer.fit(batches(32, 16), epochs=40)
    assert history[-1]["accuracy"] == 1.0
    assert history[0]["loss"] > 1.0
    assert history[-1]["loss"] < 0.05


def test_lenet_with_dropout_learns_them_too_and_is_judged_without() -> None:
    trainer = small_trainer(dropout=0.3)
    trainer.fit(batches(32, 16), epochs=60)
    assert trainer.evaluate(batches())["accuracy"] == 1.0


def test_history_has_a_row_per_epoch_with_all_that_was_measured() -> None:
    trainer = small_trainer()
    history = trainer.fit(batches(), batches(16, seed=1), epochs=2)
    assert history is trainer.history
    assert [row["epoch"] for row in history] == [1, 2]
    assert list(history[0]) == [
        "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "seconds", "images_per_second", "lr",
    ]  # fmt: skip
    assert history[0]["images_per_second"] == pytest.approx(32 / history[0]["seconds"])
    assert history[0]["lr"] == 0.02
    trainer.fit(batches(), epochs=1)
    assert [row["epoch"] for row in history] == [1, 2, 3]
    assert (trainer.epoch, trainer.step) == (3, 12)


def test_evaluate_weighs_batches_by_their_size_and_leaves_the_mode() -> None:
    trainer = small_trainer(dropout=0.5)
    images, labels = digits(20)
    whole = trainer.evaluate([(images, labels)])
    parts = trainer.evaluate([(images[:3], labels[:3]), (images[3:], labels[3:])])
    assert parts == pytest.approx(whole, rel=1e-5)
    assert all(module.training for module in trainer.model.modules())
    assert all(p.grad is None for p in trainer.model.parameters())


def test_predict_takes_arrays_tensors_images_and_batches() -> None:
    trainer = small_trainer(dropout=0.5)
    images, labels = digits(10)
    wanted = trainer.model.eval()(Tensor(images)).data
    kinds: tuple[Any, ...] = (
        images,
        Tensor(images),
        [images],
        [(images, labels)],
    )
    for inputs in kinds:
        np.testing.assert_array_equal(trainer.predict(inputs), wanted)
    # A batch of another size may be summed up in another order.
    in_two = [(images[:4], labels[:4]), (images[4:], labels[4:])]
    np.testing.assert_allclose(trainer.predict(in_two), wanted, rtol=0, atol=1e-6)
    np.testing.assert_allclose(trainer.predict(images, batch_size=3), wanted, rtol=0, atol=1e-6)
    assert trainer.predict(images[:0]).shape == (0, 10)
    with pytest.raises(ValueError, match="predict: inputs gave no batches"):
        trainer.predict([])


def test_training_is_repeatable_by_seed() -> None:
    results = []
    for _ in range(2):
        cl.seed(11)
        model = models.lenet5(dropout=0.4)
        optimizer = optim.Adam(model.parameters())
        cl.Trainer(model, nn.CrossEntropyLoss(), optimizer).fit(batches(), epochs=2)
        results.append(model.fc3.weight.data)
    np.testing.assert_array_equal(results[0], results[1])


def test_a_loss_that_is_not_finite_stops_before_the_weights_change() -> None:
    trainer = small_trainer()
    trainer.fit(batches(), epochs=1)
    before = {name: array.copy() for name, array in trainer.model.state_dict().items()}
    images, labels = digits(8)
    bad = [(np.full_like(images, np.nan), labels)]
    with pytest.raises(NonFiniteLossError, match=r"the loss became nan at step 5 \(epoch 2\)"):
        trainer.fit(bad, epochs=1)
    for name, array in trainer.model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert len(trainer.history) == 1


class Recorder(Callback):
    """Writes down what is called."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        self.calls.append(("fit", epochs))

    def on_epoch_start(self, trainer: Trainer, epoch: int) -> None:
        self.calls.append(("epoch", epoch))

    def on_batch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        self.calls.append(("batch", logs["batch"], logs["batches"], logs["images"]))
        assert math.isfinite(logs["loss"] + logs["accuracy"] + logs["images_per_second"])

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        self.calls.append(("end", logs["epoch"]))

    def on_fit_end(self, trainer: Trainer) -> None:
        self.calls.append("over")


def test_callbacks_are_called_in_order() -> None:
    recorder = Recorder()
    small_trainer().fit(batches(20), epochs=2, callbacks=[recorder])
    counts = [("batch", 1, 3, 8), ("batch", 2, 3, 16), ("batch", 3, 3, 20)]
    assert recorder.calls == [
        ("fit", 2), ("epoch", 1), *counts, ("end", 1), ("epoch", 2), *counts, ("end", 2), "over",
    ]  # fmt: skip


def test_stop_ends_the_training_after_the_batch() -> None:
    class Stop(Callback):
        def on_batch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
            trainer.stop = logs["batch"] == 2

    trainer = small_trainer()
    history = trainer.fit(batches(), epochs=5, callbacks=[Stop()])
    assert (trainer.step, len(history)) == (2, 1)


def test_ctrl_c_ends_cleanly_with_the_epochs_that_were_complete() -> None:
    class Interrupt(Recorder):
        def on_batch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
            if trainer.step == 6:
                raise KeyboardInterrupt

    trainer, recorder = small_trainer(), Interrupt()
    history = trainer.fit(batches(), epochs=5, callbacks=[recorder])
    assert trainer.interrupted
    assert len(history) == 1
    assert recorder.calls[-1] == "over"
    assert all(p.grad is None for p in trainer.model.parameters())
    assert not trainer.fit(batches(), epochs=1).column("loss")[-1] > 3
    assert not trainer.interrupted


def test_a_loader_is_told_the_epoch() -> None:
    class Loader:
        def __init__(self) -> None:
            self.told: list[int] = []

        def set_epoch(self, epoch: int) -> None:
            self.told.append(epoch)

        def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            return iter(batches(8))

    trainer, loader = small_trainer(), Loader()
    trainer.fit(loader, epochs=2)
    trainer.fit(loader, epochs=1)
    assert loader.told == [0, 1, 2]


@pytest.mark.parametrize(
    ("train", "more", "error", "message"),
    [
        ([], {}, ValueError, "fit: train gave no batches"),
        (batches(8), {"epochs": -1}, ValueError, "fit: epochs must be at least 0, got -1"),
        (batches(8), {"epochs": 1.5}, TypeError, "fit: epochs must be an int"),
        (digits(8), {}, TypeError, r"train must give \(images, labels\) batches, got a tuple"),
        (None, {}, TypeError, "train must give"),
        (batches(8), {"validation": digits(8)}, TypeError, "validation must give"),
        (batches(8), {"validation": []}, ValueError, "evaluate: loader gave no batches"),
    ],
)
def test_fit_says_what_is_wrong(
    train: Any, more: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        small_trainer().fit(train, **more)
