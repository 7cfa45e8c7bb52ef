"""What is measured of predictions, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from convlet.ops._arguments import integer
from convlet.train.confusion import (
    F1,
    MeanIoU,
    Precision,
    Recall,
    confusion_matrix,
    recall_per_class,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = [
    "Accuracy",
    "Metric",
    "TopKAccuracy",
    "confusion_matrix",
    "make_metrics",
    "recall_per_class",
]


@runtime_checkable
class Metric(Protocol):
    """Anything with a name that counts batches and gives one number.

    With `state_dict` and `load_state_dict` (plain numbers and lists) it goes on counting where a
    training is resumed in the middle of an epoch.
    """

    name: str

    def reset(self) -> None:
        """Start again."""

    def update(self, outputs: Array, targets: npt.NDArray[Any]) -> None:
        """Count one batch."""

    def compute(self) -> float:
        """The number so far."""


class Accuracy:
    """The share of rows, or of pixels of a map, whose greatest score is at the label.

    The label of soft targets (N, K), as MixUp makes them, is the class with the largest share.

    Example:
        >>> metric = Accuracy()
        >>> metric.update(np.float32([[1, 2], [3, 4]]), np.array([1, 0]))
        >>> metric.compute()
        0.5
    """

    name = "accuracy"

    def __init__(self) -> None:
        """Start at nothing."""
        self.reset()

    def reset(self) -> None:
        """Start again."""
        self.right = 0
        self.count = 0

    def update(self, outputs: Array, targets: npt.NDArray[Any]) -> None:
        """Count one batch."""
        labels = _labels(outputs, targets)
        self.right += int(np.count_nonzero(outputs.argmax(axis=1) == labels))
        self.count += labels.size

    def compute(self) -> float:
        """The share so far, NaN of nothing."""
        return self.right / self.count if self.count else float("nan")

    def state_dict(self) -> dict[str, int]:
        """The counts so far."""
        return {"right": self.right, "count": self.count}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Go on counting."""
        self.right, self.count = int(state["right"]), int(state["count"])


class TopKAccuracy(Accuracy):
    """The share of rows whose label is among the `k` greatest scores.

    Example:
        >>> metric = TopKAccuracy(2)
        >>> metric.update(np.float32([[1, 2, 3]]), np.array([1]))
        >>> metric.name, metric.compute()
        ('top2', 1.0)
    """

    def __init__(self, k: int = 5) -> None:
        """Remember k."""
        self.k = integer(k, "TopKAccuracy", "k")
        if self.k < 1:
            raise ValueError(f"TopKAccuracy: k must be at least 1, got {k}")
        self.name = f"top{self.k}"
        super().__init__()

    def update(self, outputs: Array, targets: npt.NDArray[Any]) -> None:
        """Count one batch."""
        labels = _labels(outputs, targets)
        at_label = np.take_along_axis(outputs, np.expand_dims(labels.astype(np.int64), 1), axis=1)
        greater = (outputs > at_label).sum(axis=1)
        self.right += int(np.count_nonzero(greater < self.k))
        self.count += labels.size


_NAMES: dict[str, Callable[[], Metric]] = {
    "accuracy": Accuracy,
    "precision": Precision,
    "recall": Recall,
    "f1": F1,
    "miou": MeanIoU,
}


def _labels(outputs: Array, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return targets.argmax(axis=1) if targets.shape == outputs.shape else targets


def make_metrics(metrics: Iterable[str | Metric]) -> list[Metric]:
    """Metrics from names ("accuracy", "top5", "f1" …) and objects."""
    if isinstance(metrics, str):
        metrics = (metrics,)
    made: list[Metric] = []
    for metric in metrics:
        if isinstance(metric, str):
            if metric in _NAMES:
                made.append(_NAMES[metric]())
            elif metric.startswith("top") and metric[3:].isdecimal():
                made.append(TopKAccuracy(int(metric[3:])))
            else:
                names = ", ".join(f'"{name}"' for name in (*_NAMES, "top5"))
                raise ValueError(f"metrics: names are {names}, got {metric!r}")
        elif isinstance(metric, Metric):
            made.append(metric)
        else:
            raise TypeError(f"metrics: names or Metric objects, got {type(metric).__name__}")
    names_given = [metric.name for metric in made]
    if len(set(names_given)) != len(names_given) or "loss" in names_given:
        raise ValueError(f'metrics: names must differ and not be "loss", got {names_given}')
    return made
