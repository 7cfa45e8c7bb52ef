"""Classification: one class for each image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import convlet as cl
from convlet import nn
from convlet.cli import datasets, outputs, pictures
from convlet.cli.image_input import read_image
from convlet.cli.output import percent
from convlet.cli.scores import Scores, score, softmax
from convlet.cli.tasks.base import Prediction, Task
from convlet.data import transforms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from convlet.cli.datasets import Parts
    from convlet.cli.run_folder import RunConfig
    from convlet.cli.training import Outcome
    from convlet.data import ArrayDataset, LabelledImages
    from convlet.models import Preprocessing
    from convlet.nn import Module

SHIFT = 2  # pixels that a training image may move in each direction
_LEAST_SIDE = 16  # pixels; smaller images are not changed
_TOP = 3


class Classify(Task):
    """One class for each image."""

    name = "classify"
    wanted = "scores of {classes} classes"
    defaults: ClassVar[Mapping[str, Any]] = {
        "optimizer": "adam",
        "model": "lenet5",
        "augment": "shift",
        "schedule": "staged",
        "epochs": 100,
        "batch_size": 64,
    }
    augments: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "none": {},
        "shift": {"shift": SHIFT},
        "flip": {"shift": SHIFT, "flip": True},
        "affine": {
            "transform": transforms.RandomAffine(
                10, translate=(0.08, 0.08), scale=(0.9, 1.1), interpolation="bilinear"
            )
        },
    }
    metrics = ("accuracy",)

    def load(
        self, source: str | None, prepared: Preprocessing | None = None, side: int = 0
    ) -> Parts:
        """Images and a class for each."""
        return datasets.load(source, prepared, side)

    def load_test(self, source: str, config: RunConfig) -> LabelledImages:
        """The test part, of the size that the network was trained on."""
        whole = datasets.load_image_data(source, datasets.side_of(config))
        datasets.check_fit(whole, config)
        return whole.test

    def dataset(
        self, part: LabelledImages, mean: list[float], std: list[float], **changes: Any
    ) -> ArrayDataset:
        """A part, normalised, and shifted, mirrored or turned at random."""
        if min(part.images.shape[2:]) < _LEAST_SIDE:
            changes = {}
        return datasets.dataset(part, mean, std, **changes)

    def loss(self, parts: Parts, model: Module) -> nn.CrossEntropyLoss:
        """Cross-entropy."""
        return nn.CrossEntropyLoss()

    def fits(self, outputs: Any, classes: int, shape: tuple[int, ...]) -> bool:
        """One score per class."""
        return isinstance(outputs, cl.Tensor) and outputs.shape == (1, classes)

    def judge(self, model: Module, test: ArrayDataset, classes: list[str]) -> Scores:
        """Accuracy, and what is taken for what."""
        return score(outputs.compute(model, test), test.labels)

    def figures(
        self,
        model: Module,
        outcome: Outcome,
        test: ArrayDataset,
        results: Scores,
        classes: list[str],
    ) -> dict[str, Callable[[], Figure]]:
        """Curves, the confusion matrix, kernels, activations and mistakes."""
        return pictures.of_training(model, outcome, test, results, classes)

    def predict(self, model: Module, config: RunConfig, path: Path) -> Prediction:
        """The three most probable classes."""
        image = read_image(path, config)
        with cl.evaluating(model), cl.no_grad():
            scores = model(cl.Tensor(datasets.normalised(image[None], config))).numpy()
        probabilities = softmax(scores)[0]
        best = np.argsort(-probabilities, kind="stable")[:_TOP]
        answers = [
            {"class": config.classes[i], "probability": float(probabilities[i])} for i in best
        ]
        words = (f"{entry['class']} ({percent(float(entry['probability']))})" for entry in answers)
        return Prediction({"predictions": answers}, ", ".join(words))
