"""Ending a training that no longer improves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet.ops._arguments import integer
from convlet.train.callbacks import Callback, Monitor

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from convlet.train.trainer import Trainer

__all__ = ["EarlyStopping"]

_WEIGHTS = "weights."


class EarlyStopping(Callback):
    """Stop when a value has not improved for some epochs, and go back to the best weights.

    The best weights are those that were judged: with `Trainer(…, ema=…)`, the averages.

    Args:
        monitor: the key in the epoch's row.
        patience: how many epochs without improvement are endured.
        min_delta: how much better counts as improvement.
        restore_best: whether the model gets the weights of the best epoch at the end, however the
            training ends.
        mode: "min", "max", or "auto": less is better for names with "loss".

    Raises:
        ValueError: a number is out of range; at the first epoch's end, the value is not measured.

    Example:
        >>> EarlyStopping("val_accuracy", patience=3).monitor.name
        'val_accuracy'
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 5,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: str = "auto",
    ) -> None:
        """Check the numbers."""
        self.monitor = Monitor(monitor, min_delta, mode)
        self.patience = integer(patience, "EarlyStopping", "patience")
        if self.patience < 1:
            raise ValueError(f"EarlyStopping: patience must be at least 1, got {patience}")
        self.restore_best = restore_best
        self._begin()

    def _begin(self) -> None:
        self.monitor.reset()
        self.waited = 0
        self.best_epoch = 0
        self.stopped_early = False
        self._best_state: dict[str, np.ndarray[Any, Any]] | None = None

    @property
    def best(self) -> float:
        """The best value so far."""
        return self.monitor.best

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        """Forget an earlier training."""
        self._begin()

    def on_resume(self, trainer: Trainer) -> None:
        """Stay stopped, if the training was killed after it had been."""
        if self.waited >= self.patience:
            self.stopped_early = trainer.stop = True

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        """Keep the weights of the best epoch; count the others."""
        if self.monitor.improved(logs):
            self.waited = 0
            self.best_epoch = int(logs["epoch"])
            if self.restore_best:
                with trainer.judged() as model:
                    state = model.state_dict()
                    self._best_state = {name: array.copy() for name, array in state.items()}
            return
        self.waited += 1
        if self.waited >= self.patience:
            self.stopped_early = trainer.stop = True

    def on_fit_end(self, trainer: Trainer) -> None:
        """Go back to the best weights."""
        if self._best_state is not None:
            trainer.model.load_state_dict(self._best_state)
            if trainer.ema is not None:
                trainer.ema.restart(trainer.model)
            self._best_state = None

    def state_dict(self) -> dict[str, Any]:
        """The best value and weights, and the epochs without improvement."""
        weights = self._best_state or {}
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "waited": self.waited,
            "stopped_early": self.stopped_early,
            **{_WEIGHTS + name: array for name, array in weights.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        self.monitor.best = float(state["best"])
        self.best_epoch, self.waited = int(state["best_epoch"]), int(state["waited"])
        self.stopped_early = bool(state["stopped_early"])
        weights = {k[len(_WEIGHTS) :]: v for k, v in state.items() if k.startswith(_WEIGHTS)}
        self._best_state = weights or None
