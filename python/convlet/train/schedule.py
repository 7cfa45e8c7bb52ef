"""When a trainer steps its learning-rate schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from convlet.optim.lr_scheduler import LRScheduler, OneCycleLR, ReduceLROnPlateau

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Schedule", "Scheduler"]

Scheduler: TypeAlias = "LRScheduler | ReduceLROnPlateau"


class Schedule:
    """A schedule and its turn: after each epoch, or after each change of the weights.

    Args:
        scheduler: one of optim.lr_scheduler, or None.
        per: "epoch" or "step"; by itself, "step" for OneCycleLR and else "epoch".
        monitor: what ReduceLROnPlateau is told of the epoch's row; by itself, "val_loss" if there
            is one and else "loss".
    """

    def __init__(self, scheduler: Scheduler | None, per: str | None, monitor: str | None) -> None:
        """Check that they fit together."""
        if scheduler is not None and not isinstance(scheduler, (LRScheduler, ReduceLROnPlateau)):
            raise TypeError(
                "Trainer: scheduler must be one of optim.lr_scheduler, "
                f"got {type(scheduler).__name__}"
            )
        if per is None:
            per = "step" if isinstance(scheduler, OneCycleLR) else "epoch"
        if per not in ("epoch", "step"):
            raise ValueError(f'Trainer: scheduler_per must be "epoch" or "step", got {per!r}')
        if per == "step" and isinstance(scheduler, ReduceLROnPlateau):
            raise ValueError("Trainer: ReduceLROnPlateau is stepped after epochs")
        self.scheduler, self.per, self.monitor = scheduler, per, monitor

    def after_step(self) -> None:
        """The weights have been changed."""
        if self.per == "step" and isinstance(self.scheduler, LRScheduler):
            self.scheduler.step()

    def after_epoch(self, row: Mapping[str, float]) -> None:
        """The epoch has been judged.

        Raises:
            ValueError: the value to monitor is not measured.
        """
        if isinstance(self.scheduler, ReduceLROnPlateau):
            name = self.monitor or ("val_loss" if "val_loss" in row else "loss")
            if name not in row:
                raise ValueError(
                    f"Trainer: scheduler_monitor {name!r} is not measured; "
                    f"there is {', '.join(row)}"
                )
            self.scheduler.step(row[name])
        elif self.per == "epoch" and self.scheduler is not None:
            self.scheduler.step()
