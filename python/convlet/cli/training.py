"""One training: network, optimiser, schedule, early stopping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from convlet import nn, optim
from convlet.cli import datasets
from convlet.cli.progress import ProgressBar
from convlet.data import DataLoader
from convlet.train import EarlyStopping, History, Trainer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convlet.cli.datasets import Parts
    from convlet.nn import Module

SHIFT = 2  # pixels that a training image may move in each direction
PATIENCE = 5  # epochs without a lower validation loss, at one learning rate
_STAGES = 4  # learning rates
_LOWER_BY = 0.25
_LEAST_SIDE = 16  # pixels; smaller images are not shifted
_VALIDATION_BATCH = 256


@dataclass(frozen=True)
class Outcome:
    """What a training left behind, beside the weights in the model."""

    history: History
    best_epoch: int
    stopped_early: bool
    interrupted: bool
    seconds: float
    images_per_second: float


class StagedStopping(EarlyStopping):
    """Early stopping at falling learning rates, which then keeps the best weights of the lowest.

    Each time the validation loss has not decreased for `PATIENCE` epochs, training goes on at a
    lower rate; at the lowest, it ends. The comparison starts anew at each rate: a lucky epoch at a
    high rate has less loss on the few validation images than on others, and is not the one to keep.
    """

    def __init__(self) -> None:
        """Start at the first rate."""
        super().__init__("val_loss", patience=PATIENCE)
        self.stages_left = _STAGES - 1

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        """Count epochs without progress; lower the rate, or stop."""
        super().on_epoch_end(trainer, logs)
        if not self.stopped_early or self.stages_left == 0:
            return
        self.stopped_early = trainer.stop = False
        self.stages_left -= 1
        self.monitor.reset()
        self.waited = 0
        for group in trainer.optimizer.param_groups:
            group["lr"] *= _LOWER_BY


def fit(
    model: Module, parts: Parts, *, epochs: int, batch_size: int, lr: float, seed: int
) -> Outcome:
    """Train until the validation loss has stopped decreasing; the best weights stay in the model.

    Training images are shifted at random by up to `SHIFT` pixels, unless they are tiny.

    Raises:
        NonFiniteLossError: the loss became NaN or infinite.
    """
    side = min(parts.train.images.shape[2:])
    shift = SHIFT if side >= _LEAST_SIDE else 0
    train = datasets.dataset(parts.train, parts.mean, parts.std, shift=shift)
    validation = datasets.dataset(parts.validation, parts.mean, parts.std)
    loader = DataLoader(train, batch_size=batch_size, shuffle=True, seed=seed)
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=lr))
    stopping = StagedStopping()
    history = trainer.fit(
        loader,
        DataLoader(validation, batch_size=_VALIDATION_BATCH),
        epochs=epochs,
        callbacks=[stopping, ProgressBar(len(loader), len(train))],
    )
    seconds = sum(row["seconds"] for row in history)
    return Outcome(
        history=history,
        best_epoch=stopping.best_epoch,
        stopped_early=stopping.stopped_early,
        interrupted=trainer.interrupted,
        seconds=seconds,
        images_per_second=len(train) * len(history) / max(seconds, 1e-9),
    )
