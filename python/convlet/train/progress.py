"""Progress of a training: a bar in a terminal or notebook where rich is, else a line per epoch."""

from __future__ import annotations

import importlib.util
import math
import sys
import time
from typing import TYPE_CHECKING, Any

from convlet.train.callbacks import Callback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convlet.train.trainer import Trainer

__all__ = ["ProgressBar", "clock"]

_WIDE = 112  # columns from which on the last validation has room beside the bar
_REDRAW = 0.05  # seconds between changes of the bar, so that drawing costs nothing


class ProgressBar(Callback):
    """Show epoch, loss, accuracy, images per second and the time left.

    Epochs are counted from the trainer's first one.

    The time left counts all epochs asked for: a training that stops early ends sooner.

    Args:
        bar: whether to draw a bar or to write a line per epoch; by itself, a bar where rich
            (`pip install "convlet[cli]"`) is installed and standard output is a terminal or a
            notebook, which needs ipywidgets too.

    Example:
        >>> import numpy as np
        >>> from convlet import Trainer, nn, optim
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        >>> trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
        >>> batches = [(np.ones((2, 1, 2, 2), np.float32), np.array([0, 1]))]
        >>> _ = trainer.fit(batches, epochs=1, callbacks=[ProgressBar(bar=False)])  # doctest: +ELLIPSIS
        epoch 1/1  loss ...  ... images/s  at most 0:00 left
    """

    def __init__(self, bar: bool | None = None) -> None:
        """Nothing is drawn before the training starts."""
        self._bar = _bar_possible() if bar is None else bar
        self._progress: Any = None
        self._task: Any = None
        self._epochs = self._epoch = self._before = 0
        self._start = self._drawn = 0.0
        self._last = ""

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        """Start the clock and the bar."""
        self._before = trainer.epoch  # of an earlier fit, or of the run that is resumed
        self._epochs, self._epoch, self._last = epochs, 0, ""
        self._start = time.perf_counter()
        if self._bar:
            first = f"{self._before + 1}/{self._before + epochs}"
            self._progress, self._task = _open_bar(first)

    def on_epoch_start(self, trainer: Trainer, epoch: int) -> None:
        """Count the epoch."""
        self._epoch += 1

    def on_batch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        """Move the bar."""
        now = time.perf_counter()
        if self._progress is None or now - self._drawn < _REDRAW:
            return
        self._drawn = now
        batches = logs["batches"]
        total = None if batches is None else self._epochs * batches
        done = logs["batch"] if batches is None else (self._epoch - 1) * batches + logs["batch"]
        left = (
            "" if total is None else f"  ≤{clock((now - self._start) / done * (total - done))} left"
        )
        self._progress.update(
            self._task,
            total=total,
            completed=done,
            epoch=f"{self._before + self._epoch}/{self._before + self._epochs}",
            facts=f"{_facts(logs)}{self._last}  {logs['images_per_second']:,.0f} images/s{left}",
        )

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        """Write the line of the epoch, or remember its validation for the bar."""
        if self._progress is not None:
            wide = self._progress.console.width >= _WIDE
            self._last = "  " + _validation(logs) if wide and "val_loss" in logs else ""
            return
        left = (time.perf_counter() - self._start) / self._epoch * (self._epochs - self._epoch)
        total = str(self._before + self._epochs)
        parts = [f"epoch {self._before + self._epoch:>{len(total)}}/{total}", _facts(logs)]
        if "val_loss" in logs:
            parts.append(_validation(logs))
        rate = f"{float(logs.get('images_per_second', 0.0)):,.0f} images/s"
        _say("  ".join([*parts, rate, f"at most {clock(left)} left"]))

    def on_fit_end(self, trainer: Trainer) -> None:
        """Take the bar away, also after an interruption; the cursor is back afterwards."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def clock(seconds: float) -> str:
    """83.2 -> 1:23.

    Example:
        >>> clock(83.2), clock(3723)
        ('1:23', '1:02:03')
    """
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes = f"{rest // 60:02d}" if hours else f"{rest // 60}"
    return (f"{hours}:" if hours else "") + f"{minutes}:{rest % 60:02d}"


def _facts(logs: Mapping[str, Any]) -> str:
    text = f"loss {logs['loss']:.4f}"
    return text + (f"  accuracy {_percent(logs['accuracy'])}" if "accuracy" in logs else "")


def _validation(logs: Mapping[str, Any]) -> str:
    text = f"validation {logs['val_loss']:.4f}"
    return text + (f"  {_percent(logs['val_accuracy'])}" if "val_accuracy" in logs else "")


def _percent(value: float) -> str:
    return "none" if math.isnan(value) else f"{100 * value:.1f} %"


def _say(text: str) -> None:
    """Write a line at once, so that a reader behind a pipe sees it."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stdout.flush()


def _bar_possible() -> bool:
    if importlib.util.find_spec("rich") is None:
        return False
    ipython = sys.modules.get("IPython")
    if ipython is not None and hasattr(ipython.get_ipython(), "kernel"):  # a notebook's shell
        return importlib.util.find_spec("ipywidgets") is not None
    return sys.stdout.isatty()


def _open_bar(epoch: str) -> tuple[Any, Any]:
    from rich.progress import BarColumn, Progress, TextColumn
    from rich.table import Column

    progress = Progress(
        TextColumn("epoch {task.fields[epoch]}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1, min_width=4)),
        TextColumn("{task.fields[facts]}", table_column=Column(no_wrap=True)),
        transient=True,
        expand=True,
    )
    progress.start()
    return progress, progress.add_task("", total=None, epoch=epoch, facts="")
