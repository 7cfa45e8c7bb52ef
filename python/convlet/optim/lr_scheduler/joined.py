"""Schedules made of schedules."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from convlet.optim._arguments import count
from convlet.optim.lr_scheduler.base import LRScheduler, check_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from convlet.optim.optimizer import Optimizer

__all__ = ["ChainedScheduler", "SequentialLR"]


class _Joined(LRScheduler):
    """Several schedules of one optimiser, whose states are kept together."""

    _unsaved = frozenset({"optimizer", "_schedulers"})

    def __init__(self, optimizer: Optimizer, schedulers: Sequence[LRScheduler]) -> None:
        """Check that the schedules are of this optimiser."""
        self._schedulers = list(schedulers)
        if not self._schedulers:
            raise ValueError(f"{self._name}: schedulers must be at least one, got none")
        for scheduler in self._schedulers:
            if not isinstance(scheduler, LRScheduler):
                raise TypeError(
                    f"{self._name}: schedulers must be schedules that step without a value, "
                    f"got {type(scheduler).__name__}"
                )
            if scheduler.optimizer is not optimizer:
                raise ValueError(
                    f"{self._name}: schedulers must belong to the optimizer given, "
                    f"{type(scheduler).__name__} has another"
                )
        self.optimizer = optimizer
        self.last_epoch = 0
        self.base_lrs = list(self._schedulers[0].base_lrs)
        self._last_lr = self._rates()

    def get_lr(self) -> list[float]:
        """The rates in use, which the schedules have set."""
        return self._rates()

    def state_dict(self) -> dict[str, Any]:
        """The own numbers and, under "_schedulers", the state of each schedule."""
        states = [scheduler.state_dict() for scheduler in self._schedulers]
        return {**super().state_dict(), "_schedulers": states}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        Raises:
            ValueError: something is missing or of another kind.
        """
        own = super().state_dict()
        check_state(self._name, {**own, "_schedulers": [{} for _ in self._schedulers]}, state_dict)
        states = state_dict["_schedulers"]
        if len(states) != len(self._schedulers):
            raise ValueError(
                f"load_state_dict: {self._name} has {len(self._schedulers)} schedules, "
                f"the state {len(states)}"
            )
        for scheduler, state in zip(self._schedulers, states, strict=True):
            scheduler.load_state_dict(state)
        self.__dict__.update({key: state_dict[key] for key in own})


class SequentialLR(_Joined):
    """One schedule after another, each beginning at its own step 0.

    Args:
        optimizer: the one whose rates are set.
        schedulers: in their order.
        milestones: the steps at which the second, third … begins, one fewer than schedulers.

    Raises:
        TypeError: a schedule is none, or is ReduceLROnPlateau.
        ValueError: a schedule has another optimiser, or the milestones do not fit.

    Example:
        >>> from convlet import nn, optim
        >>> from convlet.optim.lr_scheduler import ConstantLR, ExponentialLR
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
        >>> schedulers = [ConstantLR(optimizer, 0.125), ExponentialLR(optimizer, 0.5)]
        >>> schedule = SequentialLR(optimizer, schedulers, milestones=[2])
        >>> rates = []
        >>> for _ in range(4):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> rates
        [0.125, 0.125, 1.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
    ) -> None:
        """Begin the first schedule."""
        super().__init__(optimizer, schedulers)
        self._milestones = [count(m, "SequentialLR", "milestones") for m in milestones]
        if len(self._milestones) != len(self._schedulers) - 1:
            raise ValueError(
                f"SequentialLR: milestones must be one fewer than the {len(self._schedulers)} "
                f"schedulers, got {len(self._milestones)}"
            )
        if self._milestones != sorted(set(self._milestones)):
            raise ValueError(f"SequentialLR: milestones must ascend, got {self._milestones}")
        self.restart()

    def restart(self) -> None:
        """Begin the first schedule."""
        self.last_epoch = 0
        self._schedulers[0].restart()
        self._last_lr = self._rates()

    def step(self) -> None:
        """Step the schedule whose turn it is; at a milestone, begin the next."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            self._schedulers[turn].restart()
        else:
            self._schedulers[turn].step()
        self._last_lr = self._rates()


class ChainedScheduler(_Joined):
    """Several schedules at once: each step scales the rate by all of them in turn.

    Args:
        schedulers: in the order in which they step.
        optimizer: the one whose rates are set; that of the first schedule unless given.

    Raises:
        TypeError: a schedule is none, or is ReduceLROnPlateau.
        ValueError: there is no schedule, or one has another optimiser.

    Example:
        >>> from convlet import nn, optim
        >>> from convlet.optim.lr_scheduler import ConstantLR, ExponentialLR
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=1.0)
        >>> schedule = ChainedScheduler([ConstantLR(optimizer, 0.5, 2), ExponentialLR(optimizer, 0.5)])
        >>> rates = []
        >>> for _ in range(4):
        ...     rates += schedule.get_last_lr()
        ...     schedule.step()
        >>> rates
        [0.5, 0.25, 0.25, 0.125]
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        """The schedules have set the first rates already."""
        first = schedulers[0].optimizer if optimizer is None and schedulers else optimizer
        super().__init__(first, schedulers)  # type: ignore[arg-type]

    def restart(self) -> None:
        """Begin all of them: each scales what the ones before it have set."""
        self.last_epoch = 0
        self._schedulers[0].restart()
        for scheduler in self._schedulers[1:]:
            scheduler.last_epoch = 0
            scheduler._set(scheduler.get_lr())
        self._last_lr = self._rates()

    def step(self) -> None:
        """Step all of them."""
        self.last_epoch += 1
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._rates()
