"""Schedules that lower the rate by a rule."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from convlet.optim._arguments import count, number
from convlet.optim.lr_scheduler.base import LRScheduler, ScaledLR, check_optimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from convlet.optim.optimizer import Optimizer

__all__ = ["ExponentialLR", "LambdaLR", "MultiStepLR", "PolynomialLR", "StepLR"]


class StepLR(ScaledLR):
    """Multiply the rate by `gamma` every `step_size` steps.

    Args:
        optimizer: the one whose rates are set.
        step_size: how many steps have the same rate.
        gamma: the factor.
        last_epoch: see `LRScheduler`.

    Example:
        >>> from convlet import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
        >>> schedule = StepLR(optimizer, step_size=2, gamma=0.5)
        >>> for _ in range(4):
        ...     schedule.step()
        >>> optimizer.param_groups[0]["lr"]
        0.25
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        """Check the numbers."""
        self.step_size = count(step_size, "StepLR", "step_size")
        self.gamma = number(gamma, "StepLR", "gamma")
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """gamma^(step // step_size)."""
        return float(self.gamma ** (step // self.step_size))


class MultiStepLR(ScaledLR):
    """Multiply the rate by `gamma` at each milestone; one that comes twice counts twice.

    Args:
        optimizer: the one whose rates are set.
        milestones: numbers of steps, in ascending order.
        gamma: the factor.
        last_epoch: see `LRScheduler`.

    Example:
        >>> from convlet import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
        >>> schedule = MultiStepLR(optimizer, milestones=[1, 3], gamma=0.5)
        >>> for _ in range(3):
        ...     schedule.step()
        >>> schedule.get_last_lr()
        [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Sequence[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        """Check the numbers."""
        self.milestones = [count(m, "MultiStepLR", "milestones", least=0) for m in milestones]
        if self.milestones != sorted(self.milestones):
            raise ValueError(f"MultiStepLR: milestones must ascend, got {self.milestones}")
        self.gamma = number(gamma, "MultiStepLR", "gamma")
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """Gamma to the number of milestones that are reached."""
        return float(self.gamma ** bisect_right(self.milestones, step))


class ExponentialLR(ScaledLR):
    """Multiply the rate by `gamma` at every step.

    Args:
        optimizer: the one whose rates are set.
        gamma: the factor.
        last_epoch: see `LRScheduler`.

    Example:
        >>> from convlet import nn, optim
        >>> schedule = ExponentialLR(optim.SGD([nn.Parameter([1.0])], lr=1.0), gamma=0.5)
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        """Check the number."""
        self.gamma = number(gamma, "ExponentialLR", "gamma")
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """gamma^step."""
        return float(self.gamma**step)

    def get_lr(self) -> list[float]:
        """The rates in use times gamma: the power itself ends at 0 long before the rate does."""
        return [rate * self.gamma if self.last_epoch > 0 else rate for rate in self._rates()]


class PolynomialLR(ScaledLR):
    """Lower the rate to 0 as (1 - step / total_iters)^power.

    Args:
        optimizer: the one whose rates are set.
        total_iters: the step at which the rate is 0.
        power: 1 is a straight line.
        last_epoch: see `LRScheduler`.

    Example:
        >>> from convlet import nn, optim
        >>> schedule = PolynomialLR(optim.SGD([nn.Parameter([1.0])], lr=1.0), 4, power=2.0)
        >>> schedule.step(); schedule.step()
        >>> schedule.get_last_lr()
        [0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        """Check the numbers."""
        self.total_iters = count(total_iters, "PolynomialLR", "total_iters")
        self.power = number(power, "PolynomialLR", "power")
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """(1 - step / total_iters)^power, 0 from total_iters on."""
        return float((1.0 - min(step, self.total_iters) / self.total_iters) ** self.power)


class LambdaLR(LRScheduler):
    """The rate of the beginning times what a function makes of the number of steps.

    The function is not part of the state: give the same one when a training is resumed.

    Args:
        optimizer: the one whose rates are set.
        lr_lambda: the function, or a list with one per group.
        last_epoch: see `LRScheduler`.

    Example:
        >>> from convlet import nn, optim
        >>> schedule = LambdaLR(optim.SGD([nn.Parameter([1.0])], lr=1.0), lambda step: 1 / (1 + step))
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    _unsaved = frozenset({"optimizer", "lr_lambdas"})

    def __init__(
        self,
        optimizer: Optimizer,
        lr_lambda: Callable[[int], float] | Sequence[Callable[[int], float]],
        last_epoch: int = -1,
    ) -> None:
        """Check that there is a function for each group."""
        groups = len(check_optimizer(optimizer, "LambdaLR").param_groups)
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        for function in self.lr_lambdas:
            if not callable(function):
                raise TypeError(f"LambdaLR: lr_lambda must be callable, got {function!r}")
        if len(self.lr_lambdas) != groups:
            raise ValueError(
                f"LambdaLR: lr_lambda must be one function or one for each of {groups} groups, "
                f"got {len(self.lr_lambdas)}"
            )
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """The first rates times the functions."""
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [base * float(function(self.last_epoch)) for base, function in pairs]
