"""Confusion matrices, and what follows from them: precision, recall, F1, intersection over union."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from convlet.ops._arguments import integer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from convlet.ops._arguments import Array

    Counts = npt.NDArray[np.int64]
    Shares = npt.NDArray[np.float64]

__all__ = [
    "F1",
    "MeanIoU",
    "Precision",
    "Recall",
    "confusion_matrix",
    "f1_per_class",
    "iou_per_class",
    "precision_per_class",
    "recall_per_class",
]


def confusion_matrix(
    labels: npt.ArrayLike, predictions: npt.ArrayLike, classes: int | None = None
) -> Counts:
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
            raise ValueError(
                f"confusion_matrix: {name} must be in [0, {classes}), "
                f"got {array.min() if array.min() < 0 else array.max()}"
            )
    cells = right.astype(np.int64) * classes + said.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def recall_per_class(matrix: Counts) -> Shares:
    """The share of each class that was recognised; NaN where a class does not occur.

    Example:
        >>> recall_per_class(np.array([[1, 0], [1, 1]]))
        array([1. , 0.5])
    """
    return _shares(np.diag(matrix), matrix.sum(axis=1))


def precision_per_class(matrix: Counts) -> Shares:
    """The share of each class's predictions that are right; NaN where it is never predicted.

    Example:
        >>> precision_per_class(np.array([[1, 0], [1, 1]]))
        array([0.5, 1. ])
    """
    return _shares(np.diag(matrix), matrix.sum(axis=0))


def f1_per_class(matrix: Counts) -> Shares:
    """The harmonic mean of precision and recall; NaN where a class neither occurs nor is predicted.

    Example:
        >>> f1_per_class(np.array([[2, 0], [2, 0]])).round(3)
        array([0.667, 0.   ])
    """
    return _shares(2 * np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1))


def iou_per_class(matrix: Counts) -> Shares:
    """Intersection over union of truth and prediction; NaN where a class is in neither.

    Example:
        >>> iou_per_class(np.array([[2, 0], [2, 0]]))
        array([0.5, 0. ])
    """
    right = np.diag(matrix)
    return _shares(right, matrix.sum(axis=0) + matrix.sum(axis=1) - right)


def _shares(parts: Counts, totals: Counts) -> Shares:
    shares = np.full(len(parts), np.nan)
    np.divide(parts, totals, out=shares, where=totals > 0)
    return shares


class _Counting:
    """Counts a confusion matrix over batches of scores (N, C, …) and labels (N, …)."""

    _name: ClassVar[str]
    ignore_index: int | None = None

    def __init__(self, average: str = "macro") -> None:
        """Start at nothing."""
        if average not in ("macro", "micro"):
            raise ValueError(
                f'{type(self).__name__}: average must be "macro" or "micro", got {average!r}'
            )
        self.average = average
        self.name = self._name if average == "macro" else f"{self._name}_micro"
        self.reset()

    def reset(self) -> None:
        """Start again."""
        self.matrix: Counts = np.zeros((0, 0), np.int64)

    def update(self, outputs: Array, targets: npt.NDArray[Any]) -> None:
        """Count one batch."""
        classes = outputs.shape[1]
        if targets.ndim == outputs.ndim:  # shares of each class, as mixup makes them
            targets = targets.argmax(axis=1)
        right, said = targets.reshape(-1), outputs.argmax(axis=1).reshape(-1)
        if self.ignore_index is not None:
            counted = right != self.ignore_index
            right, said = right[counted], said[counted]
        matrix = confusion_matrix(right, said, classes)
        self.matrix = self.matrix + matrix if self.matrix.size else matrix

    def per_class(self) -> Shares:
        """The value of each class so far."""
        raise TypeError(f"{type(self).__name__} has no values per class")

    def compute(self) -> float:
        """The mean over classes that occur or were predicted, or the share of all; NaN of nothing.

        A class that occurs and is never predicted, or the other way round, counts as 0.
        """
        if self.average == "micro":
            total = int(self.matrix.sum())
            return float(np.trace(self.matrix)) / total if total else float("nan")
        seen = (self.matrix.sum(axis=0) + self.matrix.sum(axis=1)) > 0
        values = np.nan_to_num(self.per_class()[seen])
        return float(values.mean()) if values.size else float("nan")

    def state_dict(self) -> dict[str, Any]:
        """The counts so far."""
        return {"matrix": self.matrix.tolist()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        matrix = np.asarray(state["matrix"], np.int64)
        self.matrix = matrix.reshape(len(matrix), len(matrix))


class Precision(_Counting):
    """The share of predictions that are right, of each class in turn.

    Args:
        average: "macro" is the mean over the classes, "micro" the share of all predictions, which
            is the accuracy.

    Attributes:
        matrix: the confusion matrix so far; `per_class()` gives the value of each class.

    Example:
        >>> metric = Precision()
        >>> metric.update(np.float32([[2, 1], [2, 1], [1, 2]]), np.array([0, 1, 1]))
        >>> metric.compute(), metric.per_class().tolist()
        (0.75, [0.5, 1.0])
    """

    _name = "precision"

    def per_class(self) -> Shares:
        """The precision of each class; NaN where it is never predicted."""
        return precision_per_class(self.matrix)


class Recall(_Counting):
    """The share of each class that is recognised; arguments and attributes as `Precision`.

    Example:
        >>> metric = Recall()
        >>> metric.update(np.float32([[2, 1], [2, 1], [1, 2]]), np.array([0, 1, 1]))
        >>> metric.compute(), metric.per_class().tolist()
        (0.75, [1.0, 0.5])
    """

    _name = "recall"

    def per_class(self) -> Shares:
        """The recall of each class; NaN where it does not occur."""
        return recall_per_class(self.matrix)


class F1(_Counting):
    """The harmonic mean of precision and recall; arguments and attributes as `Precision`.

    Example:
        >>> metric = F1()
        >>> metric.update(np.float32([[2, 1], [2, 1], [1, 2]]), np.array([0, 1, 1]))
        >>> round(metric.compute(), 3)
        0.667
    """

    _name = "f1"

    def per_class(self) -> Shares:
        """The F1 of each class; NaN where it neither occurs nor is predicted."""
        return f1_per_class(self.matrix)


class MeanIoU(_Counting):
    """The mean over classes of intersection over union: how well a segmentation map fits.

    Args:
        ignore_index: a label that is not counted, such as 255 for pixels that nobody labelled.

    Attributes:
        matrix: the confusion matrix so far; `per_class()` gives the value of each class.

    Example:
        >>> metric = MeanIoU()
        >>> scores = np.zeros((1, 2, 1, 4), np.float32)
        >>> scores[0, 1, 0, 1:] = 1
        >>> metric.update(scores, np.array([[[0, 0, 1, 1]]]))
        >>> metric.per_class().round(3).tolist(), round(metric.compute(), 3)
        ([0.5, 0.667], 0.583)
    """

    _name = "miou"

    def __init__(self, ignore_index: int | None = None) -> None:
        """Start at nothing."""
        if ignore_index is not None:
            ignore_index = integer(ignore_index, "MeanIoU", "ignore_index")
        self.ignore_index = ignore_index
        super().__init__()

    def per_class(self) -> Shares:
        """The intersection over union of each class; NaN where it is in neither map."""
        return iou_per_class(self.matrix)
