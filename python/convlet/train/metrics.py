"""What is measured of predictions, batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from convlet.ops._arguments import integer

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["Accuracy", "Metric", "TopKAccuracy", "confusion_matrix", "recall_per_class"]


@runtime_checkable
class Metric(Protocol):
    """Anything with a name that counts batches and gives one number."""

    name: str

    def reset(self) -> None:
        """Start again."""

    def update(self, outputs: Array, targets: npt.NDArray[Any]) -> None:
        """Count one batch."""

    def compute(self) -> float:
        """The number so far."""


class Accuracy:
    """The share of rows whose greatest score is at the label.

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
        self.count += len(targets)

    def compute(self) -> float:
        """The share so far, NaN of nothing."""
        return self.right / self.count if self.count else float("nan")


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
        labels = _labels(outputs, targets).astype(np.int64)
        at_label = np.take_along_axis(outputs, labels[:, None], axis=1)
        greater = (outputs > at_label).sum(axis=1)
        self.right += int(np.count_nonzero(greater < self.k))
        self.count += len(targets)


def _labels(outputs: Array, targets: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return targets.argmax(axis=1) if targets.shape == outputs.shape else targets


def make_metrics(metrics: Iterable[str | Metric]) -> list[Metric]:
    """Metrics from names ("accuracy", "top5") and objects."""
    if isinstance(metrics, str):
        metrics = (metrics,)
    made: list[Metric] = []
    for metric in metrics:
        if isinstance(metric, str):
            if metric == "accuracy":
                made.append(Accuracy())
            elif metric.startswith("top") and metric[3:].isdecimal():
                made.append(TopKAccuracy(int(metric[3:])))
            else:
                raise ValueError(f'metrics: names are "accuracy" and "top5", got {metric!r}')
        elif isinstance(metric, Metric):
            made.append(metric)
        else:
            raise TypeError(f"metrics: names or Metric objects, got {type(metric).__name__}")
    names = [metric.name for metric in made]
    if len(set(names)) != len(names) or "loss" in names:
        raise ValueError(f'metrics: names must differ and not be "loss", got {names}')
    return made


def confusion_matrix(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, classes: int | None = None
) -> npt.NDArray[np.int64]:
    """How often each class (row) was taken for each class (column).

    Args:
        labels: the right classes (N,).
        predictions: the predicted classes (N,).
        classes: how many there are; as many as occur unless given.

    Raises:
        TypeError: classes are not integers.
        ValueError: lengths differ, or a class is outside [0, classes).

    Example:
        >>> confusion_matrix([0, 1, 1], [0, 1, 0])
        array([[1, 0],
               [1, 1]])
    """
    right, said = np.asarray(labels), np.asarray(predictions)
    for name, array in (("labels", right), ("predictions", said)):
        if array.dtype.kind not in "iu":
            raise TypeError(f"confusion_matrix: {name} must be integers, got {array.dtype}")
    if right.ndim != 1 or right.shape != said.shape:
        raise ValueError(
            f"confusion_matrix: labels and predictions must be (N,), "
            f"got {right.shape} and {said.shape}"
        )
    if classes is None:
        classes = int(max(right.max(initial=-1), said.max(initial=-1))) + 1
    for name, array in (("labels", right), ("predictions", said)):
        if array.size and not 0 <= array.min() <= array.max() < classes:
            raise ValueError(f"confusion_matrix: {name} must be in [0, {classes})")
    cells = right.astype(np.int64) * classes + said.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def recall_per_class(matrix: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The share of each class that was recognised; NaN where a class does not occur.

    Example:
        >>> recall_per_class(np.array([[1, 0], [1, 1]]))
        array([1. , 0.5])
    """
    totals = matrix.sum(axis=1)
    shares = np.full(len(matrix), np.nan)
    np.divide(np.diag(matrix), totals, out=shares, where=totals > 0)
    return shares
