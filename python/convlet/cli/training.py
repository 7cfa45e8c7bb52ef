"""One training: network, optimiser, schedule, early stopping."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from convlet import nn, optim
from convlet.cli import datasets
from convlet.cli.progress import ProgressBar
from convlet.data import DataLoader
from convlet.train import Callback, EarlyStopping, History, Trainer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convlet.cli.datasets import Parts
    from convlet.nn import Module

SHIFT = 1  # pixels that a training image may move in each direction
PATIENCE = 8  # epochs without a lower validation loss before training stops
_LOWER_AFTER = 3  # epochs without a lower validation loss before the rate falls
_LOWER_BY = 0.3
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


class LowerRate(Callback):
    """Multiply the learning rate by `factor` after `patience` epochs without a lower validation loss."""

    def __init__(self, patience: int = _LOWER_AFTER, factor: float = _LOWER_BY) -> None:
        """Nothing is the lowest yet."""
        self.patience = patience
        self.factor = factor
        self._lowest = math.inf
        self._waited = 0

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        """Count epochs without progress."""
        if logs["val_loss"] < self._lowest:
            self._lowest = logs["val_loss"]
            self._waited = 0
            return
        self._waited += 1
        if self._waited % self.patience == 0:
            for group in trainer.optimizer.param_groups:
                group["lr"] *= self.factor


def fit(
    model: Module, parts: Parts, *, epochs: int, batch_size: int, lr: float, seed: int
) -> Outcome:
    """Train until the validation loss has stopped decreasing; the best weights stay in the model.

    Raises:
        NonFiniteLossError: the loss became NaN or infinite.
    """
    side = min(parts.train.images.shape[2:])
    shift = SHIFT if side >= _LEAST_SIDE else 0
    train = datasets.dataset(parts.train, parts.mean, parts.std, shift=shift)
    validation = datasets.dataset(parts.validation, parts.mean, parts.std)
    loader = DataLoader(train, batch_size=batch_size, shuffle=True, seed=seed)
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=lr))
    stopping = EarlyStopping("val_loss", patience=PATIENCE)
    history = trainer.fit(
        loader,
        DataLoader(validation, batch_size=_VALIDATION_BATCH),
        epochs=epochs,
        callbacks=[LowerRate(), stopping, ProgressBar(len(loader), len(train))],
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
