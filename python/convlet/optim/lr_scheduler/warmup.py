"""Schedules for the first steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.optim._arguments import count, number
from convlet.optim.lr_scheduler.base import LRScheduler, ScaledLR
from convlet.optim.lr_scheduler.joined import SequentialLR

if TYPE_CHECKING:
    from convlet.optim.optimizer import Optimizer

__all__ = ["ConstantLR", "LinearLR", "with_warmup"]


class ConstantLR(ScaledLR):
    """The rate times `factor` until `total_iters` steps are made, then the rate itself.

    Args:
        optimizer: the one whose rates are set.
        factor: above 0, at most 1.
        total_iters: how many steps are at the lower rate.
        last_epoch: see `LRScheduler`.

    Example:
        >>> from convlet import nn, optim
        >>> schedule = ConstantLR(optim.SGD([nn.Parameter([1.0])], lr=1.0), 0.25, total_iters=1)
        >>> first = schedule.get_last_lr()
        >>> schedule.step()
        >>> first, schedule.get_last_lr()
        ([0.25], [1.0])
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        """Check the numbers."""
        self.first_factor = _share(factor, "ConstantLR", "factor")
        self.total_iters = count(total_iters, "ConstantLR", "total_iters")
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """The factor, then 1."""
        return self.first_factor if step < self.total_iters else 1.0


class LinearLR(ScaledLR):
    """The rate times a factor that goes in a straight line over `total_iters` steps: a warm-up.

    Args:
        optimizer: the one whose rates are set.
        start_factor: the factor of the first step, above 0, at most 1.
        end_factor: the factor at the end, in [0, 1].
        total_iters: how many steps the way takes.
        last_epoch: see `LRScheduler`.

    Example:
        >>> from convlet import nn, optim
        >>> schedule = LinearLR(optim.SGD([nn.Parameter([1.0])], lr=1.0), 0.5, total_iters=2)
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.75]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        """Check the numbers."""
        self.start_factor = _share(start_factor, "LinearLR", "start_factor")
        self.end_factor = number(end_factor, "LinearLR", "end_factor")
        if self.end_factor > 1.0:
            raise ValueError(f"LinearLR: end_factor must be in [0, 1], got {end_factor}")
        self.total_iters = count(total_iters, "LinearLR", "total_iters")
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """The point of the line."""
        way = min(step, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * way


def with_warmup(schedule: LRScheduler, steps: int, start_factor: float = 0.01) -> SequentialLR:
    """The same schedule after a warm-up: it begins when the rate has risen in a straight line.

    Goyal et al., "Accurate, large minibatch SGD", 2017, section 2.2.

    Args:
        schedule: what follows; its steps are counted from the end of the warm-up.
        steps: how many steps the warm-up takes.
        start_factor: the share of the rate at the first step, above 0, at most 1.

    Returns:
        The `SequentialLR` of both.

    Raises:
        ValueError: a number is out of range.

    Example:
        >>> from convlet import nn, optim
        >>> from convlet.optim.lr_scheduler import CosineAnnealingLR
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
        >>> schedule = with_warmup(CosineAnnealingLR(optimizer, T_max=4), steps=2, start_factor=0.5)
        >>> rates = []
        >>> for _ in range(6):
        ...     rates.append(round(optimizer.param_groups[0]["lr"], 2))
        ...     schedule.step()
        >>> rates
        [0.5, 0.75, 1.0, 0.85, 0.5, 0.15]
    """
    if not isinstance(schedule, LRScheduler):
        raise TypeError(f"with_warmup: schedule must be a schedule, got {type(schedule).__name__}")
    taken = count(steps, "with_warmup", "steps")
    factor = _share(start_factor, "with_warmup", "start_factor")
    for group in schedule.optimizer.param_groups:
        group["lr"] = group["initial_lr"]
    warm_up = LinearLR(schedule.optimizer, factor, 1.0, taken)
    return SequentialLR(schedule.optimizer, [warm_up, schedule], [taken])


def _share(value: float, name: str, argument: str) -> float:
    share = number(value, name, argument)
    if not 0.0 < share <= 1.0:
        raise ValueError(f"{name}: {argument} must be above 0 and at most 1, got {share}")
    return share
