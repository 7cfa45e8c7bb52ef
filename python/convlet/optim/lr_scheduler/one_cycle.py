"""One rise and one fall of the rate, against the momentum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from convlet.optim._arguments import count, number
from convlet.optim.lr_scheduler.base import LRScheduler, check_optimizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.optim.optimizer import Optimizer

__all__ = ["OneCycleLR"]


class OneCycleLR(LRScheduler):
    """The 1cycle policy: up to `max_lr`, down to almost nothing; momentum goes the other way.

    Smith and Topin, "Super-convergence", 2018. Made to be stepped after every batch.

    Args:
        optimizer: the one whose rates, and momentum or first beta, are set.
        max_lr: the greatest rate, or a list with one per group.
        total_steps: how many steps there are in all; or else:
        epochs: how many epochs,
        steps_per_epoch: and how many steps each has.
        pct_start: the share of the steps in which the rate rises.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: whether momentum goes from `max_momentum` to `base_momentum` and back.
        base_momentum: the least momentum, or a list with one per group.
        max_momentum: the greatest momentum, or a list with one per group.
        div_factor: the first rate is max_lr / div_factor.
        final_div_factor: the last rate is the first / final_div_factor.
        three_phase: whether the fall takes as long as the rise, and the last fall is by itself.
        last_epoch: see `LRScheduler`.

    Raises:
        ValueError: a number is out of range, the number of steps is not given, or the optimiser
            has no momentum to cycle. `step` raises it after `total_steps` steps.

    Example:
        >>> from convlet import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], momentum=0.9)
        >>> schedule = OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
        >>> rates = []
        >>> for _ in range(9):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> [round(rate, 2) for rate in rates]
        [0.04, 0.52, 1.0, 0.95, 0.81, 0.61, 0.39, 0.19, 0.05]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        """Check the numbers and write the ends of the phases into the groups."""
        check_optimizer(optimizer, "OneCycleLR")
        self.total_steps = _steps(total_steps, epochs, steps_per_epoch)
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f'OneCycleLR: anneal_strategy must be "cos" or "linear", got {anneal_strategy!r}'
            )
        rise = number(pct_start, "OneCycleLR", "pct_start")
        if rise > 1:
            raise ValueError(f"OneCycleLR: pct_start must be in [0, 1], got {rise}")
        self.anneal_strategy = anneal_strategy
        self.cycle_momentum = bool(cycle_momentum)
        self.use_beta1 = "betas" in optimizer.defaults
        self._phases = _phases(rise, self.total_steps, three_phase)
        groups = optimizer.param_groups
        for name, factor in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            if number(factor, "OneCycleLR", name) == 0:
                raise ValueError(f"OneCycleLR: {name} must be above 0, got {factor}")
        if last_epoch == -1:
            for group, rate in zip(groups, _per_group(max_lr, len(groups), "max_lr"), strict=True):
                group["max_lr"] = rate
                group["initial_lr"] = group["lr"] = rate / div_factor
                group["min_lr"] = group["initial_lr"] / final_div_factor
        if self.cycle_momentum:
            self._check_momentum(optimizer)
            least = _per_group(base_momentum, len(groups), "base_momentum")
            most = _per_group(max_momentum, len(groups), "max_momentum")
            for group, low, high in zip(groups, least, most, strict=True):
                if last_epoch == -1:
                    group["base_momentum"], group["max_momentum"] = low, high
        super().__init__(optimizer, last_epoch)

    def _check_momentum(self, optimizer: Optimizer) -> None:
        if not self.use_beta1 and "momentum" not in optimizer.defaults:
            raise ValueError(
                f"OneCycleLR: {type(optimizer).__name__} has no momentum; pass cycle_momentum=False"
            )

    def get_lr(self) -> list[float]:
        """The point of the cycle; momentum is set here too."""
        if self.last_epoch > self.total_steps:
            raise ValueError(
                f"OneCycleLR: total_steps is {self.total_steps}, and step {self.last_epoch} came"
            )
        rates = []
        for group in self.optimizer.param_groups:
            start: Any = 0.0
            for phase in self._phases:
                end, *names = phase
                if self.last_epoch <= end or phase is self._phases[-1]:
                    break
                start = end
            way = (self.last_epoch - start) / (end - start) if end != start else 1.0
            rates.append(self._between(group[names[0]], group[names[1]], way))
            if self.cycle_momentum:
                momentum = self._between(group[names[2]], group[names[3]], way)
                if self.use_beta1:
                    group["betas"] = (momentum, *group["betas"][1:])
                else:
                    group["momentum"] = momentum
        return rates

    def _between(self, start: float, end: float, way: float) -> float:
        if self.anneal_strategy == "cos":
            return end + (start - end) / 2 * (1 + math.cos(math.pi * way))
        return start + (end - start) * way


def _steps(total: int | None, epochs: int | None, per_epoch: int | None) -> int:
    if total is not None:
        return count(total, "OneCycleLR", "total_steps")
    if epochs is None or per_epoch is None:
        raise ValueError("OneCycleLR: give total_steps, or epochs and steps_per_epoch")
    return count(epochs, "OneCycleLR", "epochs") * count(per_epoch, "OneCycleLR", "steps_per_epoch")


def _phases(rise: float, steps: int, three_phase: bool) -> list[list[Any]]:
    """The last step of each phase, and which numbers of a group lr and momentum go between."""
    up = [rise * steps - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum"]
    if not three_phase:
        return [up, [steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"]]
    return [
        up,
        [2 * rise * steps - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum"],
        [steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"],
    ]


def _per_group(value: float | Sequence[float], groups: int, name: str) -> list[float]:
    values = list(value) if isinstance(value, (list, tuple)) else [value] * groups
    if len(values) != groups:
        raise ValueError(
            f"OneCycleLR: {name} must be a number or one for each of {groups} groups, "
            f"got {len(values)}"
        )
    return [number(each, "OneCycleLR", name) for each in values]
