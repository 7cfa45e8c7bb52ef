"""Lower the rate where a value no longer improves."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, SupportsFloat

from convlet.optim._arguments import count, number
from convlet.optim.lr_scheduler.base import check_optimizer, check_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convlet.optim.optimizer import Optimizer

__all__ = ["ReduceLROnPlateau"]


class ReduceLROnPlateau:
    """Multiply the rates by `factor` when a value has not improved for `patience` steps.

    Args:
        optimizer: the one whose rates are set.
        mode: "min" where less is better, "max" where more is.
        factor: in [0, 1).
        patience: how many steps without improvement are endured; one more lowers the rate.
        threshold: how much better counts,
        threshold_mode: as a share of the best ("rel") or as a difference ("abs").
        cooldown: how many steps after a change are not counted.
        min_lr: the lowest rate, or a list with one per group.
        eps: a change of less than this is not made.

    Raises:
        TypeError: `optimizer` is not one, or a number is not a number.
        ValueError: a number is out of range.

    Example:
        >>> from convlet import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
        >>> schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
        >>> for loss in (3.0, 3.0, 3.0):
        ...     schedule.step(loss)
        >>> schedule.get_last_lr()
        [0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        """Check the numbers; nothing is the best yet."""
        name = "ReduceLROnPlateau"
        self.optimizer = check_optimizer(optimizer, name)
        for argument, value, choices in (
            ("mode", mode, ("min", "max")),
            ("threshold_mode", threshold_mode, ("rel", "abs")),
        ):
            if value not in choices:
                raise ValueError(f"{name}: {argument} must be one of {choices}, got {value!r}")
        self.mode, self.threshold_mode = mode, threshold_mode
        self.factor = number(factor, name, "factor", below=1.0)
        self.patience = count(patience, name, "patience", least=0)
        self.threshold = number(threshold, name, "threshold")
        self.cooldown = count(cooldown, name, "cooldown", least=0)
        groups = len(optimizer.param_groups)
        lowest = list(min_lr) if isinstance(min_lr, (list, tuple)) else [min_lr] * groups
        if len(lowest) != groups:
            raise ValueError(
                f"{name}: min_lr must be a number or one for each of {groups} groups, "
                f"got {len(lowest)}"
            )
        self.min_lrs = [number(each, name, "min_lr") for each in lowest]
        self.eps = number(eps, name, "eps")
        self.last_epoch = 0
        self.best = math.inf if mode == "min" else -math.inf
        self.cooldown_counter = 0
        self.num_bad_epochs = 0
        self._last_lr = [float(group["lr"]) for group in optimizer.param_groups]

    def get_last_lr(self) -> list[float]:
        """The rates in use after the last step, one per group."""
        return list(self._last_lr)

    def step(self, metrics: SupportsFloat) -> None:
        """Judge the newest value, and lower the rates if it is time."""
        value = float(metrics)
        self.last_epoch += 1
        if self._better(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        groups = self.optimizer.param_groups
        if self.num_bad_epochs > self.patience:
            lowest = self.min_lrs + self.min_lrs[-1:] * (len(groups) - len(self.min_lrs))
            for group, least in zip(groups, lowest, strict=True):
                lower = max(float(group["lr"]) * self.factor, least)
                if group["lr"] - lower > self.eps:
                    group["lr"] = lower
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = [float(group["lr"]) for group in groups]

    def _better(self, value: float) -> bool:
        sign = 1.0 if self.mode == "min" else -1.0
        if self.threshold_mode == "rel":
            bound = self.best * (1.0 - sign * self.threshold)
        else:
            bound = self.best - sign * self.threshold
        return sign * value < sign * bound

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule remembers."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken; the rates in use come with the optimiser's state.

        Raises:
            ValueError: something is missing or of another kind; nothing is changed then.
        """
        own = self.state_dict()
        check_state("ReduceLROnPlateau", own, state_dict)
        self.__dict__.update({key: state_dict[key] for key in own})
