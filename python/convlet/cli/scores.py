"""How good predictions are: probabilities, confusion matrix, accuracy, recall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.cli.output import percent
from convlet.train.metrics import confusion_matrix, recall_per_class

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Scores:
    """What a network reached on labelled images."""

    accuracy: float
    loss: float
    recalls: list[float]
    confusion: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]

    def facts(self, classes: list[str]) -> dict[str, Any]:
        """The numbers by name, for JSON."""
        return {
            "accuracy": self.accuracy,
            "loss": self.loss,
            "images": int(self.confusion.sum()),
            "recall": dict(zip(classes, self.recalls, strict=True)),
            "confusion": self.confusion.tolist(),
        }

    def rows(self, classes: list[str]) -> list[tuple[str, str]]:
        """The numbers as rows of a table."""
        pairs = zip(classes, self.recalls, strict=True)
        recalls = [(f"recall of {name}", percent(recall)) for name, recall in pairs]
        images = f"{int(self.confusion.sum()):,}"
        return [("test accuracy", percent(self.accuracy)), *recalls, ("test images", images)]


def score(outputs: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> Scores:
    """Judge outputs (N, classes) of a network by the true labels (N,)."""
    probabilities = softmax(outputs)
    confusion = confusion_matrix(labels, outputs.argmax(axis=1), outputs.shape[1])
    truth = probabilities[np.arange(len(labels)), labels]
    return Scores(
        accuracy=float(np.trace(confusion) / len(labels)),
        loss=float(-np.log(np.maximum(truth, 1e-300)).mean()),
        recalls=[float(recall) for recall in recall_per_class(confusion)],
        confusion=confusion,
        probabilities=probabilities,
    )


def softmax(outputs: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Turn outputs (N, classes) into probabilities."""
    shifted = outputs.astype(np.float64) - outputs.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float64)
