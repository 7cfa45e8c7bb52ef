"""Records of a training that other programs read."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convlet.optim._arguments import count
from convlet.train.callbacks import Callback

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from convlet.train.trainer import Trainer

__all__ = ["CSVLog", "TensorBoard"]


class CSVLog(Callback):
    """Write the history to a CSV file after every epoch.

    The file is replaced as a whole and always complete; after a resume it has the epochs before it
    too.

    Args:
        path: where to; `History.from_csv` reads it.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from convlet import Trainer, nn, optim
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        >>> trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
        >>> batches = [(np.ones((2, 1, 2, 2), np.float32), np.array([0, 1]))]
        >>> path = Path(tempfile.mkdtemp(), "log.csv")
        >>> _ = trainer.fit(batches, epochs=2, callbacks=[CSVLog(path)])
        >>> [line.split(",")[0] for line in path.read_text().splitlines()]
        ['epoch', '1', '2']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Remember where to."""
        self.path = Path(path)

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        """Make the folder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        """Write all rows."""
        trainer.history.to_csv(self.path)


class TensorBoard(Callback):
    """Write what is measured for TensorBoard, through tensorboardX.

    Each value of an epoch's row goes under its name, and the loss of the epoch so far under
    batch/loss, both by the number of the step.

    Args:
        folder: where to; `tensorboard --logdir FOLDER` shows it.
        every_steps: how many steps lie between two losses.

    Raises:
        ImportError: tensorboardX is not installed; raised when training begins.

    Example:
        >>> TensorBoard("runs/board", every_steps=10).folder.name
        'board'
    """

    def __init__(self, folder: str | os.PathLike[str], every_steps: int = 50) -> None:
        """Remember where to; nothing is imported yet."""
        self.folder = Path(folder)
        self.every_steps = count(every_steps, "TensorBoard", "every_steps")
        self._writer: Any = None

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        """Open the record; steps that a resumed training makes again are replaced."""
        try:
            library = importlib.import_module("tensorboardX")
        except ImportError:
            raise ImportError(
                'tensorboardX is not installed: pip install "convlet[tensorboard]"'
            ) from None
        self._writer = library.SummaryWriter(str(self.folder), purge_step=trainer.step + 1)

    def on_batch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        """Write the loss, if it is time."""
        if trainer.step % self.every_steps == 0:
            self._writer.add_scalar("batch/loss", logs["loss"], trainer.step)

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        """Write the row."""
        for name, value in logs.items():
            if name != "epoch":
                self._writer.add_scalar(name, value, trainer.step)
        self._writer.flush()

    def on_fit_end(self, trainer: Trainer) -> None:
        """Close the record."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
