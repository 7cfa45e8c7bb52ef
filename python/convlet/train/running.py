"""The epoch in progress: how far it is, and what was measured so far."""

from __future__ import annotations

import copy
from operator import index
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convlet.ops._arguments import Array
    from convlet.train.metrics import Metric

__all__ = ["Running"]


class Running:
    """Sums over the batches of an epoch, whose state goes into a checkpoint.

    Args:
        metrics: copied, so that those of the trainer are free for validation in the meantime.
    """

    def __init__(self, metrics: Iterable[Metric]) -> None:
        """Nothing is counted yet."""
        self.metrics = copy.deepcopy(list(metrics))
        self.reset()

    def reset(self) -> None:
        """Begin an epoch."""
        self.batch = 0
        self.images = 0
        self.total = 0.0
        self._seconds = 0.0
        self._since: float | None = None
        for metric in self.metrics:
            metric.reset()

    def start(self) -> None:
        """Start the clock."""
        self._since = perf_counter()

    def pause(self) -> None:
        """Stop the clock."""
        self._seconds, self._since = self.seconds, None

    @property
    def seconds(self) -> float:
        """How long the clock has run."""
        running = 0.0 if self._since is None else perf_counter() - self._since
        return self._seconds + running

    def count(self, loss: float, outputs: Array, labels: Any) -> None:
        """Count one batch."""
        self.batch += 1
        self.images += len(outputs)
        self.total += loss * len(outputs)
        for metric in self.metrics:
            metric.update(outputs, np.asarray(labels))

    def logs(self) -> dict[str, float]:
        """The mean loss and the metrics so far."""
        return {
            "loss": self.total / self.images,
            **{metric.name: float(metric.compute()) for metric in self.metrics},
        }

    def state_dict(self) -> dict[str, Any]:
        """Plain numbers and lists; a metric without `state_dict` counts anew after a resume."""
        return {
            "batch": self.batch,
            "images": self.images,
            "total": self.total,
            "seconds": self.seconds,
            "metrics": {m.name: m.state_dict() for m in _with_state(self.metrics)},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.reset()
        self.batch, self.images = index(state["batch"]), index(state["images"])
        self.total, self._seconds = float(state["total"]), float(state["seconds"])
        for metric in _with_state(self.metrics):
            if metric.name in state["metrics"]:
                metric.load_state_dict(state["metrics"][metric.name])


def _with_state(metrics: Sequence[Metric]) -> list[Any]:
    return [metric for metric in metrics if hasattr(metric, "load_state_dict")]
