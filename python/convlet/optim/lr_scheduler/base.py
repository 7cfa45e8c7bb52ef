"""What all schedules share: the count of steps, the rates they begin with, and their state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from convlet.ops._arguments import integer
from convlet.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LRScheduler", "ScaledLR", "check_optimizer", "check_state"]


class LRScheduler(ABC):
    """Sets the learning rates of an optimiser's groups; one `step` follows each epoch or batch.

    A schedule of your own says in `get_lr` which rates belong to `last_epoch`.

    Args:
        optimizer: the one whose `param_groups` are changed.
        last_epoch: -1 to begin; a greater number goes on after that step with the rates that the
            optimiser has, whose groups must then hold "initial_lr".

    Attributes:
        last_epoch: how many steps have been made; whether they are epochs or batches is decided by
            who calls `step`.
        base_lrs: the rate of each group at the beginning.

    Raises:
        TypeError: `optimizer` is not one.
        ValueError: a number is out of range.
    """

    _unsaved: ClassVar[frozenset[str]] = frozenset({"optimizer"})

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        """Remember the rates and set those of the first step."""
        self.optimizer = check_optimizer(optimizer, self._name)
        self.last_epoch = integer(last_epoch, self._name, "last_epoch")
        if self.last_epoch < -1:
            raise ValueError(f"{self._name}: last_epoch must be at least -1, got {last_epoch}")
        for place, group in enumerate(optimizer.param_groups):
            if self.last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise ValueError(
                    f"{self._name}: to go on after step {last_epoch}, param_groups[{place}] must "
                    "have initial_lr; load the optimiser's state first"
                )
        self.base_lrs = [float(group["initial_lr"]) for group in optimizer.param_groups]
        self._last_lr = [float(group["lr"]) for group in optimizer.param_groups]
        self.last_epoch += 1
        if self.last_epoch == 0:
            self._set(self.get_lr())

    @property
    def _name(self) -> str:
        return type(self).__name__

    @abstractmethod
    def get_lr(self) -> list[float]:
        """The rates of `last_epoch`, made from those in use at the step before."""

    def get_last_lr(self) -> list[float]:
        """The rates that were set last, one per group."""
        return list(self._last_lr)

    def step(self) -> None:
        """Go one step on and set the rates."""
        self.last_epoch += 1
        self._set(self.get_lr())

    def restart(self) -> None:
        """Set the rates of step 0 and go on from there."""
        for group, rate in zip(self.optimizer.param_groups, self.base_lrs, strict=False):
            group["lr"] = rate
        self.last_epoch = 0
        self._set(self.get_lr())

    def _set(self, rates: list[float]) -> None:
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._last_lr = list(rates)

    def _rates(self) -> list[float]:
        """The rates in use."""
        return [float(group["lr"]) for group in self.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """All that the schedule remembers: numbers, texts and lists of them, no functions."""
        return {key: value for key, value in self.__dict__.items() if key not in self._unsaved}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken; the rates in use come with the optimiser's state.

        Raises:
            ValueError: something is missing or of another kind; nothing is changed then.
        """
        own = LRScheduler.state_dict(self)
        check_state(self._name, own, state_dict)
        self.__dict__.update({key: state_dict[key] for key in own})


class ScaledLR(LRScheduler):
    """A schedule that multiplies: each step scales the rate in use, so that schedules combine.

    `factor(t)` is the share of the beginning's rate, over `floor`, that step t has. A step makes
    lr = floor + (lr - floor) * factor(t) / factor(t - 1).
    """

    floor = 0.0

    @abstractmethod
    def factor(self, step: int) -> float:
        """The share at a step, from 0 on."""

    def get_lr(self) -> list[float]:
        """The rates in use, scaled."""
        new = self.factor(self.last_epoch)
        old = self.factor(self.last_epoch - 1) if self.last_epoch > 0 else 1.0
        rates, floor = self._rates(), self.floor
        if new == old:
            return rates
        if old == 0.0:  # nothing is left to scale
            bases = zip(rates, self.base_lrs, strict=True)
            return [rate + (base - floor) * new for rate, base in bases]
        return [floor + (rate - floor) * (new / old) for rate in rates]


def check_optimizer(optimizer: Any, name: str) -> Optimizer:
    """`optimizer` itself, or a TypeError."""
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"{name}: optimizer must be one of optim, got {type(optimizer).__name__}")
    return optimizer


def check_state(name: str, own: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """A ValueError unless `given` has all that `own` has, each of the same kind."""
    for key, value in own.items():
        if key not in given:
            raise ValueError(f"load_state_dict: the state of {name} lacks {key!r}")
        if _kind(given[key]) != _kind(value):
            raise ValueError(
                f"load_state_dict: {key} of {name} must be like {value!r}, got {given[key]!r}"
            )


def _kind(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return (list, frozenset(_kind(each) for each in value))
    if isinstance(value, dict):
        return dict
    return float if type(value) in (int, float) else type(value)
