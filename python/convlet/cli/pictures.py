"""The pictures of a run folder."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import numpy as np

from convlet.cli.output import say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from convlet.cli.scores import Scores
    from convlet.cli.training import Outcome
    from convlet.data import ArrayDataset
    from convlet.nn import Module


def draw(
    folder: Path,
    model: Module,
    outcome: Outcome,
    test: ArrayDataset,
    scores: Scores,
    classes: list[str],
) -> list[str]:
    """Write the pictures, give their names; without matplotlib say in one line how to get them."""
    if importlib.util.find_spec("matplotlib") is None:
        say('Pictures need matplotlib: pip install "convlet[plot]".')
        return []
    from convlet import viz

    shown = _typical(scores.probabilities, test.labels)
    image = test.batch(np.array([shown]))[0][0]
    kernels = _first_kernels(model)
    figures: dict[str, Callable[[], Figure]] = {
        "curves.png": lambda: viz.curves(outcome.history, kept=outcome.best_epoch),
        "confusion.png": lambda: viz.confusion_matrix(scores.confusion, classes),
        "activations.png": lambda: viz.feature_maps(model, image, classes),
        "mistakes.png": lambda: viz.mistakes(
            test.images, test.labels, scores.probabilities, classes
        ),
    }
    if kernels is not None:
        figures["kernels.png"] = lambda: viz.kernels(kernels)
    for name in sorted(figures):
        figures[name]().savefig(folder / name)
    return sorted(figures)


def _typical(probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]) -> int:
    """Choose a test image that the network reads rightly and with its median confidence."""
    right = np.flatnonzero(probabilities.argmax(axis=1) == labels)
    if not len(right):
        return 0
    sure = probabilities[right].max(axis=1)
    return int(right[np.argsort(sure, kind="stable")[len(right) // 2]])


def _first_kernels(model: Module) -> npt.NDArray[np.float32] | None:
    """Find the weight of the first convolution."""
    for _, parameter in model.named_parameters():
        if parameter.ndim == 4:
            return parameter.numpy()
    return None
