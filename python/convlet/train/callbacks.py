"""What may watch and steer a training run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from convlet.optim._arguments import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from convlet.train.trainer import Trainer

__all__ = ["Callback", "Monitor", "by_key", "in_order"]


class Callback:
    """Called by `Trainer.fit`; a subclass writes the methods it needs.

    `logs` of an epoch is the row that goes into the History. `logs` of a batch has batch (from 1),
    batches (or None), images, images_per_second, loss and the metrics of the epoch so far.
    `trainer.stop = True` ends the training after the batch.

    Callbacks are called in the order in which they are given, those with `last = True` after the
    others: what a `Checkpoint` writes holds the state of all of them.

    Example:
        >>> import numpy as np
        >>> from convlet import Trainer, nn, optim
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        >>> trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
        >>> batches = [(np.ones((2, 1, 2, 2), np.float32), np.array([0, 1]))]
        >>> class Tell(Callback):
        ...     def on_epoch_end(self, trainer, logs):
        ...         print("epoch", trainer.epoch, logs["loss"] > 0)
        >>> _ = trainer.fit(batches, epochs=2, callbacks=[Tell()])
        epoch 1 True
        epoch 2 True
    """

    last: ClassVar[bool] = False

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        """Training begins and is to last for `epochs`."""

    def on_resume(self, trainer: Trainer) -> None:
        """The state of a checkpoint has been loaded, after `on_fit_start`."""

    def on_epoch_start(self, trainer: Trainer, epoch: int) -> None:
        """An epoch begins, or goes on where it was interrupted; the first is 1."""

    def on_batch_end(self, trainer: Trainer, logs: Mapping[str, Any]) -> None:
        """The weights have been changed once, after as many batches as are accumulated."""

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        """The epoch has been validated."""

    def on_interrupt(self, trainer: Trainer) -> None:
        """Ctrl-C was pressed; the trainer is as it was after the last step."""

    def on_fit_end(self, trainer: Trainer) -> None:
        """Training is over, also after an error or Ctrl-C."""

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint must hold: numbers, texts, lists of them, and arrays."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken; called after `on_fit_start`."""


def in_order(callbacks: Iterable[Callback]) -> list[Callback]:
    """Callbacks as they were given, those that come last at the end."""
    given: Any = callbacks
    if isinstance(given, Callback) or not hasattr(given, "__iter__"):
        raise TypeError(
            f"fit: callbacks must be a list of train.Callback, got {type(given).__name__}"
        )
    several: list[Any] = list(given)
    for one in several:
        if not isinstance(one, Callback):
            raise TypeError(f"fit: callbacks must be of train.Callback, got {type(one).__name__}")
    return sorted(several, key=lambda callback: callback.last)


def by_key(callbacks: Iterable[Callback]) -> Iterator[tuple[str, Callback]]:
    """Callbacks by their class; the second of a class is its name and .2."""
    seen: dict[str, int] = {}
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name}.{seen[name]}"), callback


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

    def value(self, logs: Mapping[str, float]) -> float:
        """The value of an epoch.

        Raises:
            ValueError: it is not measured.
        """
        if self.name not in logs:
            raise ValueError(
                f"monitor {self.name!r} is not measured; there is {', '.join(logs)}"
                + (" (give fit() validation data)" if self.name.startswith("val_") else "")
            )
        return logs[self.name]

    def improved(self, logs: Mapping[str, float]) -> bool:
        """Whether this epoch is the best, and remember its value if so."""
        value = self.value(logs)
        better = self.sign * value < self.sign * self.best - self.min_delta
        if better or (math.isnan(self.best) and not math.isnan(value)):
            self.best = value
            return True
        return False
