"""The pictures of a run folder."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convlet.cli import outputs, run_folder
from convlet.cli.output import say
from convlet.train import History
from convlet.train.metrics import confusion_matrix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from convlet.cli.scores import Scores
    from convlet.cli.training import Outcome
    from convlet.data import ArrayDataset
    from convlet.nn import Module

# The pictures of `convlet show` by name, and what they need beside the run: nothing, images, or data.
OF_THE_RUN = ("curves", "kernels")
OF_IMAGES = ("feature-maps", "grad-cam", "occlusion", "saliency", "receptive-field")
OF_DATA = ("confusion", "patches")
_PATCHES_FROM = 1000  # test images


@dataclass(frozen=True)
class Subject:
    """What pictures are drawn of: a run, its network, normalised images (N, C, H, W), test data."""

    folder: Path
    model: Module
    classes: list[str]
    images: npt.NDArray[np.float32]
    test: ArrayDataset | None
    layer: str | None


def figures(name: str, subject: Subject) -> Iterator[tuple[str, Figure]]:
    """One kind of picture: file names and figures."""
    from convlet import viz

    model, images, classes = subject.model, subject.images, subject.classes
    file = f"{name}.png"
    if name == "curves" and (subject.folder / "history.csv").is_file():
        history = History.from_csv(subject.folder / "history.csv")
        yield file, viz.curves(history, kept=run_folder.kept_epoch(subject.folder))
    elif name == "kernels":
        weight = _first_kernels(model)
        if weight is not None:
            yield file, viz.kernels(weight)
    elif name == "feature-maps":
        for number, image in enumerate(images, 1):
            yield f"{name}-{number:02d}.png", viz.feature_maps(model, image, classes)
    elif name == "grad-cam":
        yield file, viz.grad_cam(model, images, names=classes, layer=subject.layer)
    elif name == "receptive-field":
        yield file, viz.receptive_field(model, images[0])
    elif name in {"occlusion", "saliency"}:
        yield file, getattr(viz, name)(model, images, names=classes)
    elif name == "confusion" and subject.test is not None:
        guesses = outputs.compute(model, subject.test).argmax(axis=1)
        matrix = confusion_matrix(subject.test.labels, guesses, len(classes))
        yield file, viz.confusion_matrix(matrix, classes)
    elif name == "patches" and subject.test is not None:
        some = subject.test.batch(np.arange(min(len(subject.test), _PATCHES_FROM)))[0]
        layer = subject.layer or viz.attribution.cam_layer(model, some[:1], None)[2]
        yield file, viz.top_patches(model, some, layer)


def draw(folder: Path, figures: Mapping[str, Callable[[], Figure]]) -> list[str]:
    """Write the pictures, give their names; without matplotlib say in one line how to get them."""
    if importlib.util.find_spec("matplotlib") is None:
        say('Pictures need matplotlib: pip install "convlet[plot]".')
        return []
    for name in sorted(figures):
        figures[name]().savefig(folder / name)
    return sorted(figures)


def of_training(
    model: Module, outcome: Outcome, test: ArrayDataset, scores: Scores, classes: list[str]
) -> dict[str, Callable[[], Figure]]:
    """What is drawn of a network that classifies, by the names of the files."""
    from convlet import viz

    shown = _typical(scores.probabilities, test.labels)
    image = test.batch(np.array([shown]))[0][0]
    kernels = _first_kernels(model)
    drawn: dict[str, Callable[[], Figure]] = {
        "curves.png": lambda: viz.curves(outcome.history, kept=outcome.best_epoch or None),
        "confusion.png": lambda: viz.confusion_matrix(scores.confusion, classes),
        "activations.png": lambda: viz.feature_maps(model, image, classes),
        "mistakes.png": lambda: viz.mistakes(
            test.images, test.labels, scores.probabilities, classes
        ),
    }
    if kernels is not None:
        drawn["kernels.png"] = lambda: viz.kernels(kernels)
    return drawn


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
