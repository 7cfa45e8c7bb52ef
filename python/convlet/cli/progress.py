"""Progress of a training: a bar where rich and a terminal are there, else a line per epoch."""

from __future__ import annotations

import importlib.util
import sys
import time
from typing import TYPE_CHECKING, Any

from convlet.cli.output import percent, say
from convlet.train import Callback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from convlet.train import Trainer

_WIDE = 112  # columns from which on the last validation has room beside the bar
_REDRAW = 0.05  # seconds between changes of the bar, so that drawing costs nothing


class ProgressBar(Callback):
    """Show epoch, loss, accuracy, images per second and the time left.

    The time left counts all epochs asked for: a training that stops early ends sooner.

    Args:
        steps: batches per epoch.
        images: images per epoch.
        bar: draw a bar; default: when rich is installed and standard output is a terminal.
    """

    def __init__(self, steps: int, images: int, *, bar: bool | None = None) -> None:
        """Remember the sizes; drawing starts with the training."""
        self.steps = steps
        self.images = images
        self._bar = _bar_possible() if bar is None else bar
        self._progress: Any = None
        self._task: Any = None
        self._epochs = 0
        self._epoch = 0
        self._step = 0
        self._start = self._epoch_start = self._drawn = 0.0
        self._last = ""

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        """Start the clock and, on a terminal, the bar."""
        self._epochs = epochs
        self._start = time.perf_counter()
        if self._bar:
            self._progress, self._task = _open_bar(epochs, epochs * self.steps)

    def on_epoch_start(self, trainer: Trainer, epoch: int) -> None:
        """Count the epoch."""
        self._epoch += 1
        self._step = 0
        self._epoch_start = time.perf_counter()

    def on_batch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        """Move the bar."""
        self._step += 1
        now = time.perf_counter()
        if self._progress is None or now - self._drawn < _REDRAW:
            return
        self._drawn = now
        done = (self._epoch - 1) * self.steps + self._step
        rate = self._step / self.steps * self.images / max(now - self._epoch_start, 1e-9)
        left = (now - self._start) / done * (self._epochs * self.steps - done)
        self._progress.update(
            self._task,
            completed=done,
            epoch=f"{self._epoch}/{self._epochs}",
            facts=f"{_facts(logs)}{self._last}  {rate:,.0f} images/s  ≤{clock(left)} left",
        )

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        """Write the line of the epoch, or remember its validation for the bar."""
        if self._progress is not None:
            wide = self._progress.console.width >= _WIDE
            self._last = "  " + _validation(logs) if wide and "val_loss" in logs else ""
            return
        rate = float(logs.get("images_per_second", 0.0))
        left = (time.perf_counter() - self._start) / self._epoch * (self._epochs - self._epoch)
        width = len(str(self._epochs))
        parts = [f"epoch {self._epoch:>{width}}/{self._epochs}", _facts(logs)]
        if "val_loss" in logs:
            parts.append(_validation(logs))
        say("  ".join([*parts, f"{rate:,.0f} images/s", f"at most {clock(left)} left"]))

    def on_fit_end(self, trainer: Trainer) -> None:
        """Take the bar away."""
        self.close()

    def close(self) -> None:
        """Take the bar away, also after an interruption; the cursor is back afterwards."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def clock(seconds: float) -> str:
    """83.2 -> 1:23."""
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    minutes = f"{rest // 60:02d}" if hours else f"{rest // 60}"
    return (f"{hours}:" if hours else "") + f"{minutes}:{rest % 60:02d}"


def _facts(logs: Mapping[str, Any]) -> str:
    text = f"loss {logs['loss']:.4f}"
    return text + (f"  accuracy {percent(logs['accuracy'])}" if "accuracy" in logs else "")


def _validation(logs: Mapping[str, Any]) -> str:
    text = f"validation {logs['val_loss']:.4f}"
    return text + (f"  {percent(logs['val_accuracy'])}" if "val_accuracy" in logs else "")


def _bar_possible() -> bool:
    if not sys.stdout.isatty():
        return False
    return importlib.util.find_spec("rich") is not None


def _open_bar(epochs: int, total: int) -> tuple[Any, Any]:
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
    return progress, progress.add_task("", total=total, epoch=f"1/{epochs}", facts="")
