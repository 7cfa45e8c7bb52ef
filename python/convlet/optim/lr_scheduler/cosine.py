"""Schedules along half a wave of the cosine."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convlet.optim._arguments import count, number
from convlet.optim.lr_scheduler.base import LRScheduler, ScaledLR

if TYPE_CHECKING:
    from convlet.optim.optimizer import Optimizer

__all__ = ["CosineAnnealingLR", "CosineAnnealingWarmRestarts"]


class CosineAnnealingLR(ScaledLR):
    """Lower the rate to `eta_min` along a cosine.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, without
    the restarts: after `T_max` steps the rate rises again.

    Args:
        optimizer: the one whose rates are set.
        T_max: after how many steps the rate is lowest.
        eta_min: the lowest rate.
        last_epoch: see `LRScheduler`.

    Example:
        >>> from convlet import nn, optim
        >>> schedule = CosineAnnealingLR(optim.SGD([nn.Parameter([1.0])], lr=1.0), T_max=2)
        >>> schedule.step()
        >>> schedule.get_last_lr()
        [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        """Check the numbers."""
        self.T_max = count(T_max, "CosineAnnealingLR", "T_max")
        self.eta_min = self.floor = number(eta_min, "CosineAnnealingLR", "eta_min")
        super().__init__(optimizer, last_epoch)

    def factor(self, step: int) -> float:
        """(1 + cos(pi step / T_max)) / 2."""
        return (1 + math.cos(math.pi * step / self.T_max)) / 2


class CosineAnnealingWarmRestarts(LRScheduler):
    """Lower the rate to `eta_min` along a cosine, then begin again, each time for longer.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017.

    Args:
        optimizer: the one whose rates are set.
        T_0: steps of the first round.
        T_mult: how many times longer each round is than the one before.
        eta_min: the lowest rate.
        last_epoch: see `LRScheduler`.

    Example:
        >>> from convlet import nn, optim
        >>> schedule = CosineAnnealingWarmRestarts(optim.SGD([nn.Parameter([1.0])], lr=1.0), T_0=2)
        >>> rates = []
        >>> for _ in range(4):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> rates
        [1.0, 0.5, 1.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,
        T_mult: int = 1,
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        """Check the numbers."""
        self.T_0 = self.T_i = count(T_0, self._name, "T_0")
        self.T_mult = count(T_mult, self._name, "T_mult")
        self.eta_min = number(eta_min, self._name, "eta_min")
        self.T_cur: float = last_epoch + 1
        super().__init__(optimizer, last_epoch)

    def restart(self) -> None:
        """Begin the first round."""
        self.T_cur, self.T_i = 0, self.T_0
        super().restart()

    def get_lr(self) -> list[float]:
        """The point of the round."""
        share = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * share for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go one step on, or to `epoch`, which may lie between two: epoch + batch / batches.

        Raises:
            ValueError: `epoch` is negative or not finite.
        """
        if epoch is None:
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
            self.last_epoch += 1
        else:
            self.T_cur, self.T_i = number(epoch, self._name, "epoch"), self.T_0
            self.last_epoch = math.floor(self.T_cur)
            if self.T_mult == 1:
                self.T_cur %= self.T_i
            while self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        self._set(self.get_lr())
