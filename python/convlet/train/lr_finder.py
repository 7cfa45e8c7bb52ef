"""A learning rate from a short trial."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convlet.errors import NonFiniteLossError
from convlet.optim._arguments import count, number
from convlet.train.batches import check_batches
from convlet.train.checkpoint import capture, restore
from convlet.train.schedule import Schedule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convlet.train.batches import Batches
    from convlet.train.trainer import Trainer

__all__ = ["LRFinder", "find_lr"]

_SMOOTHING = 0.9  # of the loss, from step to step
_WORSE = 4.0  # times the best loss end the trial


class LRFinder(NamedTuple):
    """What a trial with rising learning rates gave.

    Attributes:
        rates: the learning rate of each step.
        losses: the loss of each step.
        smoothed: the running mean of the losses.

    Example:
        >>> finder = LRFinder([1e-3, 1e-2, 1e-1, 1.0], [2.0, 1.8, 1.0, 3.0], [2.0, 1.8, 1.0, 3.0])
        >>> finder.suggestion
        0.01
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]

    @property
    def suggestion(self) -> float:
        """The rate at which the loss falls fastest, before its lowest point."""
        lowest = int(np.argmin(self.smoothed))
        # Over some steps, and not over the first, whose running mean is of few losses: noise.
        width, first = max(len(self.rates) // 20, 1), len(self.rates) // 10
        falls = [
            self.smoothed[i + width] - self.smoothed[i] for i in range(first, lowest - width + 1)
        ]
        return (
            self.rates[first + int(np.argmin(falls)) + width // 2] if falls else self.rates[lowest]
        )

    def plot(self) -> Any:
        """Draw the loss over the rate, with the suggestion; returns matplotlib's figure."""
        from convlet import viz

        return viz.learning_rates(self.rates, self.smoothed, self.suggestion)


def find_lr(
    trainer: Trainer, loader: Batches, start: float = 1e-6, end: float = 10.0, steps: int = 100
) -> LRFinder:
    """Train with rates that rise from `start` to `end`, see where the loss falls, and undo it all.

    Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3. The trial ends
    early where the loss is not finite or four times the best. Groups keep the ratios of their rates.

    Args:
        trainer: left as it was: weights, optimiser, random state and counters.
        loader: gives (images, labels) batches, as for fit; gone through again if it is too short.
        start: the lowest rate.
        end: the highest rate.
        steps: how many rates, evenly spaced on a logarithmic scale.

    Raises:
        ValueError: a number is out of range, there are no batches, or the loss is not finite before
            there are two steps.
    """
    check_batches(loader, "loader")
    low, high = number(start, "find_lr", "start"), number(end, "find_lr", "end")
    taken = count(steps, "find_lr", "steps", least=2)
    if not 0 < low < high:
        raise ValueError(f"find_lr: start must be above 0 and below end, got {start} and {end}")
    live, state = capture(trainer)
    held = {name: array.copy() for name, array in live.items()}
    kept = trainer.schedule, trainer.ema, trainer.accumulate
    modes = [(module, module.training) for module in trainer.model.modules()]
    try:
        trainer.schedule, trainer.ema, trainer.accumulate = Schedule(None, None, None), None, 1
        trainer.model.train()
        return _trial(trainer, loader, np.geomspace(low, high, taken).tolist())
    finally:
        trainer.schedule, trainer.ema, trainer.accumulate = kept
        trainer.optimizer.zero_grad()
        restore(trainer, held, state)
        for module, mode in modes:
            module.training = mode


def _trial(trainer: Trainer, loader: Batches, rates: list[float]) -> LRFinder:
    groups = trainer.optimizer.param_groups
    first = float(groups[0]["lr"])
    ratios = [float(group["lr"]) / first if first > 0 else 1.0 for group in groups]
    losses: list[float] = []
    smoothed: list[float] = []
    mean, best = 0.0, math.inf
    for rate, (images, labels) in zip(rates, _again_and_again(loader), strict=False):
        for group, ratio in zip(groups, ratios, strict=True):
            group["lr"] = rate * ratio
        try:
            loss, _ = trainer.train_step(images, labels)
        except NonFiniteLossError:
            break
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
        losses.append(loss)
        smoothed.append(mean / (1 - _SMOOTHING ** len(losses)))
        best = min(best, smoothed[-1])
        if smoothed[-1] > _WORSE * best:
            break
    if len(losses) < 2:
        raise ValueError("find_lr: the loss is not finite from the start; scale the inputs")
    return LRFinder(rates[: len(losses)], losses, smoothed)


def _again_and_again(loader: Batches) -> Iterator[tuple[Any, Any]]:
    while True:
        empty = True
        for batch in loader:
            empty = False
            yield batch
        if empty:
            raise ValueError("find_lr: loader gave no batches")
