"""Checkpoints written as a training goes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convlet.io.atomic import remove_leftovers
from convlet.optim._arguments import count
from convlet.train.callbacks import Callback, Monitor
from convlet.train.checkpoint import save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convlet.train.trainer import Trainer

__all__ = ["Checkpoint"]


class Checkpoint(Callback):
    """Write `last.npz` after every epoch and at Ctrl-C, and `best.npz` after every best epoch.

    Each is written whole or not at all, and is continued from by `Trainer.resume`: a training
    that is killed at any moment, or whose disk is full, leaves the last complete one. It is called
    after the other callbacks, whose state it holds.

    Args:
        folder: where to; it is made if need be.
        monitor: the key in the epoch's row that decides what is best; None writes no `best.npz`.
        mode: as for `EarlyStopping`.
        every_steps: write `last.npz` also each time this many steps are made.
        every_epochs: after how many epochs to write `last.npz`.
        keep: how many of the latest stay; beside `last.npz`, the older ones are
            `step-000000123.npz` by the step at which they were written.

    Raises:
        ValueError: a number is out of range.
        OSError: a file cannot be written; those that were there are untouched.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from convlet import Trainer, nn, optim
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        >>> trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
        >>> batches = [(np.ones((2, 1, 2, 2), np.float32), np.array([0, 1]))]
        >>> folder = tempfile.mkdtemp()
        >>> _ = trainer.fit(batches, batches, 2, [Checkpoint(folder)])
        >>> sorted(path.name for path in Path(folder).iterdir())
        ['best.npz', 'last.npz']
        >>> trainer.resume(folder)
        >>> trainer.epoch
        2
    """

    last = True

    def __init__(
        self,
        folder: str | os.PathLike[str],
        monitor: str | None = "val_loss",
        mode: str = "auto",
        *,
        every_steps: int | None = None,
        every_epochs: int = 1,
        keep: int = 1,
    ) -> None:
        """Remember where to and when."""
        self.folder = Path(folder)
        self.monitor = None if monitor is None else Monitor(monitor, mode=mode)
        self.every_steps = every_steps
        if every_steps is not None:
            self.every_steps = count(every_steps, "Checkpoint", "every_steps")
        self.every_epochs = count(every_epochs, "Checkpoint", "every_epochs")
        self.keep = count(keep, "Checkpoint", "keep")
        self._written = -1  # the step of last.npz

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        """Make the folder; what earlier epochs reached counts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("last.npz", "best.npz"):
            remove_leftovers(self.folder / name)
        resumed = trainer.step > 0 and (self.folder / "last.npz").exists()
        self._written = trainer.step if resumed else -1
        if self.monitor is not None:
            self.monitor.reset()
            for logs in trainer.history:
                if self.monitor.name in logs:
                    self.monitor.improved(logs)

    def on_batch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        """Write, if it is time."""
        if self.every_steps is not None and trainer.step % self.every_steps == 0:
            self._write(trainer)

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        """Write, if it is time."""
        if self.monitor is not None and self.monitor.improved(logs):
            save_checkpoint(self.folder / "best.npz", trainer)
        if trainer.epoch % self.every_epochs == 0:
            self._write(trainer)

    def on_interrupt(self, trainer: Trainer) -> None:
        """Write what there is."""
        self._write(trainer)

    def _write(self, trainer: Trainer) -> None:
        path = self.folder / "last.npz"
        if self.keep > 1 and path.exists() and 0 <= self._written < trainer.step:
            older = self.folder / f"step-{self._written:09d}.npz"
            older.unlink(missing_ok=True)
            os.link(path, older)  # a second name: last.npz is there at every moment
        save_checkpoint(path, trainer)
        self._written = trainer.step
        if self.keep == 1:
            return
        older_files = sorted(self.folder.glob("step-?????????.npz"))
        for file in older_files[: max(len(older_files) - self.keep + 1, 0)]:
            file.unlink(missing_ok=True)
