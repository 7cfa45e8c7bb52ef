"""What may watch and steer a training run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convlet.ops._arguments import integer
from convlet.optim._arguments import number
from convlet.train.checkpoint import save_checkpoint

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy as np

    from convlet.train.trainer import Trainer

__all__ = ["Callback", "Checkpoint", "EarlyStopping", "Monitor"]


class Callback:
    """Called by `Trainer.fit`; a subclass writes the methods it needs.

    `logs` of an epoch is the row that goes into the History. `logs` of a batch has batch (from 1),
    batches (or None), images, images_per_second, loss and the metrics of the epoch so far.
    `trainer.stop = True` ends the training after the batch.
    """

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        """Training begins and is to last for `epochs`."""

    def on_epoch_start(self, trainer: Trainer, epoch: int) -> None:
        """An epoch begins; the first is 1."""

    def on_batch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        """The weights have been changed once."""

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        """The epoch has been validated."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """Training is over, also after an error or Ctrl-C."""


class Monitor:
    """Whether a value of the epochs is better than the best so far.

    Args:
        monitor: the key in the epoch's row; "loss" in its name means that less is better.
        min_delta: how much better counts.
        mode: "min", "max" or "auto".
    """

    def __init__(self, monitor: str, min_delta: float = 0.0, mode: str = "auto") -> None:
        """Nothing is the best yet."""
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'mode must be "auto", "min" or "max", got {mode!r}')
        self.name = monitor
        self.min_delta = number(min_delta, "Monitor", "min_delta")
        self.sign = 1.0 if mode == "min" or (mode == "auto" and "loss" in monitor) else -1.0
        self.reset()

    def reset(self) -> None:
        """Forget the best."""
        self.best = math.nan

    def improved(self, logs: Mapping[str, float]) -> bool:
        """Whether this epoch is the best, and remember its value if so."""
        if self.name not in logs:
            raise ValueError(
                f"monitor {self.name!r} is not measured; there is {', '.join(logs)}"
                + (" (give fit() validation data)" if self.name.startswith("val_") else "")
            )
        value = logs[self.name]
        better = self.sign * value < self.sign * self.best - self.min_delta
        if better or (math.isnan(self.best) and not math.isnan(value)):
            self.best = value
            return True
        return False


class EarlyStopping(Callback):
    """Stop when a value has not improved for some epochs, and go back to the best weights.

    Args:
        monitor: the key in the epoch's row.
        patience: how many epochs without improvement are endured.
        min_delta: how much better counts as improvement.
        restore_best: whether the model gets the weights of the best epoch at the end, however the
            training ends.
        mode: "min", "max", or "auto": less is better for names with "loss".

    Raises:
        ValueError: a number is out of range; at the first epoch's end, the value is not measured.

    Example:
        >>> EarlyStopping("val_accuracy", patience=3).monitor.name
        'val_accuracy'
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: str = "auto",
    ) -> None:
        """Check the numbers."""
        self.monitor = Monitor(monitor, min_delta, mode)
        self.patience = integer(patience, "EarlyStopping", "patience")
        if self.patience < 1:
            raise ValueError(f"EarlyStopping: patience must be at least 1, got {patience}")
        self.restore_best = restore_best
        self._begin()

    def _begin(self) -> None:
        self.monitor.reset()
        self.waited = 0
        self.best_epoch = 0
        self.stopped_early = False
        self._best_state: dict[str, np.ndarray[Any, Any]] | None = None

    @property
    def best(self) -> float:
        """The best value so far."""
        return self.monitor.best

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        """Forget an earlier training."""
        self._begin()

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        """Keep the weights of the best epoch; count the others."""
        if self.monitor.improved(logs):
            self.waited = 0
            self.best_epoch = int(logs["epoch"])
            if self.restore_best:
                state = trainer.model.state_dict()
                self._best_state = {name: array.copy() for name, array in state.items()}
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.stopped_early = trainer.stop = True

    def on_fit_end(self, trainer: Trainer) -> None:
        """Go back to the best weights."""
        if self._best_state is not None:
            trainer.model.load_state_dict(self._best_state)
            self._best_state = None


class Checkpoint(Callback):
    """Write `last.npz` after every epoch and `best.npz` after every best one.

    Each is written whole or not at all, and is continued from by `Trainer.resume`.

    Args:
        folder: where to; it is made if need be.
        monitor: the key in the epoch's row that decides what is best; None writes no `best.npz`.
        mode: as for `EarlyStopping`.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        monitor: str | None = "val_loss",
        mode: str = "auto",
    ) -> None:
        """Remember where to."""
        self.folder = Path(folder)
        self.monitor = None if monitor is None else Monitor(monitor, mode=mode)

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        """Make the folder; what earlier epochs reached counts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.monitor is not None:
            self.monitor.reset()
            for logs in trainer.history:
                if self.monitor.name in logs:
                    self.monitor.improved(logs)

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        """Write."""
        if self.monitor is not None and self.monitor.improved(logs):
            save_checkpoint(self.folder / "best.npz", trainer)
        save_checkpoint(self.folder / "last.npz", trainer)
