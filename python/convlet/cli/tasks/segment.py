"""Segmentation: one class for each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import convlet as cl
from convlet import data, nn
from convlet.cli import datasets
from convlet.cli.errors import WRONG_USE, CommandError
from convlet.cli.image_input import read_whole
from convlet.cli.output import percent
from convlet.cli.segment_scores import Mirrored, SegmentScores, judge
from convlet.cli.tasks.base import Prediction, Task
from convlet.data import segmentation, transforms
from convlet.train import MeanIoU
from convlet.vision import segment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from convlet.cli.datasets import Parts
    from convlet.cli.run_folder import RunConfig
    from convlet.cli.training import Outcome
    from convlet.data.segmentation import MaskedImages, SegmentationDataset
    from convlet.models import Preprocessing
    from convlet.nn import Module

_SHOWN = 6  # test images in the picture of predictions
_LEAST = 0.0005  # share of an image; less of a class is not told of


class Segment(Task):
    """One class for each pixel."""

    name = "segment"
    wanted = "scores of {classes} classes at each pixel"
    defaults: ClassVar[Mapping[str, Any]] = {
        "optimizer": "adamw",
        "lr": 0.004,
        "model": "resunet",
        "augment": "affine",
        "schedule": "cosine",
        "epochs": 24,
        "batch_size": 8,
    }
    warm_up = 1
    network: ClassVar[Mapping[str, Mapping[str, Any]]] = {"unet": {"base_channels": 16}}
    augments: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "none": {},
        "flip": {"transform": transforms.RandomHorizontalFlip()},
        "affine": {
            "transform": transforms.Compose(
                [
                    transforms.RandomHorizontalFlip(),
                    transforms.RandomAffine(
                        10, translate=(0.1, 0.1), scale=(0.75, 1.3), interpolation="bilinear"
                    ),
                ]
            )
        },
    }
    metrics = (MeanIoU(segmentation.IGNORED),)
    batch = 16
    ema = 0.998

    def load(
        self, source: str | None, prepared: Preprocessing | None = None, side: int = 0
    ) -> Parts:
        """Images and masks."""
        whole = _load(source or "shapes")
        images, masks = whole.train
        train, validation = datasets.hold_out(whole.name, len(images), 20)
        mean, std = data.channel_statistics(images[train])
        return datasets.Parts(
            name=whole.name,
            train=type(whole.train)(images[train], masks[train]),
            validation=type(whole.train)(images[validation], masks[validation]),
            test=whole.test,
            classes=list(whole.class_names),
            mean=list(mean),
            std=list(std),
            white=1.0,
            centred=False,
        )

    def load_test(self, source: str, config: RunConfig) -> MaskedImages:
        """The test part, of the network's classes."""
        whole = _load(source)
        datasets.check_classes(whole.name, whole.class_names, config.classes)
        if whole.test.images.shape[1] != config.channels:
            raise CommandError(
                f"--data: the network wants images of {config.channels} channels, {whole.name} has "
                f"{whole.test.images.shape[1]}",
                WRONG_USE,
            )
        return whole.test

    def dataset(
        self, part: MaskedImages, mean: list[float], std: list[float], **changes: Any
    ) -> SegmentationDataset:
        """A part, normalised; images and masks mirrored, turned and scaled together."""
        return segmentation.SegmentationDataset(*part, mean=mean, std=std, **changes)

    def loss(self, parts: Parts, model: Module) -> Callable[[Any, Any], cl.Tensor]:
        """Cross-entropy of all pixels whose class is known."""
        return nn.CrossEntropyLoss(ignore_index=segmentation.IGNORED)

    def fits(self, outputs: Any, classes: int, shape: tuple[int, ...]) -> bool:
        """One score per class and pixel."""
        return isinstance(outputs, cl.Tensor) and outputs.shape == (1, classes, *shape[1:])

    def mirrored(self, model: Module) -> Module:
        """The network, asked about mirror images as well."""
        return Mirrored(model)

    def judge(self, model: Module, test: SegmentationDataset, classes: list[str]) -> SegmentScores:
        """What overlaps with the truth, and how well outlines fit."""
        return judge(model, test, len(classes), self.batch)

    def figures(
        self,
        model: Module,
        outcome: Outcome,
        test: SegmentationDataset,
        results: SegmentScores,
        classes: list[str],
    ) -> dict[str, Callable[[], Figure]]:
        """Curves, predictions beside the truth, and the classes."""
        from convlet import viz

        return {
            "curves.png": lambda: viz.curves(outcome.history, kept=outcome.best_epoch or None),
            "predictions.png": lambda: _predictions(model, test, results, classes),
            "classes.png": lambda: viz.class_bars(
                {"IoU": results.iou, "boundary F1": results.boundary},
                classes,
                title=f"Mean IoU {results.mean_iou:.3f} on {results.images:,} test images",
                note="Intersection over union of each class (in numbers), and how well its outlines "
                "fit.",
            ),
        }

    def predict(self, model: Module, config: RunConfig, path: Path) -> Prediction:
        """The classes that occur, with the share of the image; a mask, and the image under it."""
        image = read_whole(path, config)
        mask = segment(
            model,
            image,
            (config.height, config.width),
            prepare=lambda windows: datasets.normalised(windows, config),
        )
        counts = np.bincount(mask.ravel(), minlength=len(config.classes))
        shares = counts / mask.size
        found = [
            {"class": config.classes[i], "pixels": int(counts[i]), "share": float(shares[i])}
            for i in np.argsort(-counts, kind="stable")
            if counts[i]
        ]
        words = [f"{e['class']} ({percent(e['share'])})" for e in found if e["share"] >= _LEAST]
        return Prediction(
            {"height": mask.shape[0], "width": mask.shape[1], "classes": found},
            ", ".join(words),
            {
                "-mask.png": lambda file: _write_mask(file, mask, len(config.classes)),
                "-overlay.png": lambda file: _write_overlay(file, image, mask),
            },
        )


def _load(source: str) -> segmentation.SegmentationData:
    try:
        return segmentation.load(source)
    except (ValueError, TypeError, ImportError, OSError) as error:
        raise CommandError(f"--data: {error}", WRONG_USE) from error


def _predictions(
    model: Module, test: SegmentationDataset, results: SegmentScores, classes: list[str]
) -> Figure:
    """Test images from the best read to the worst, at even steps."""
    from convlet import viz

    order = np.argsort(results.wrong, kind="stable")
    shown = order[np.unique(np.linspace(0, len(order) - 1, _SHOWN).round().astype(int))]
    with cl.evaluating(model), cl.no_grad():
        scores = model(cl.Tensor(test.batch(shown)[0])).numpy()
    return viz.segmentations(
        test.images[shown],
        test.masks[shown],
        scores.argmax(axis=1),
        classes,
        title=f"{percent(results.accuracy)} of the pixels of {results.images:,} test images are right",
        note="From the image with the fewest wrong pixels (left) to the one with the most (right).",
    )


def _write_mask(path: Path, mask: Any, classes: int) -> None:
    from convlet.viz import class_colours

    segmentation.write_mask(path, mask, class_colours(classes))


def _write_overlay(path: Path, image: Any, mask: Any) -> None:
    from convlet.viz import overlay

    try:
        from PIL import Image
    except ImportError:
        raise ImportError('writing pictures needs Pillow: pip install "convlet[image]"') from None
    Image.fromarray(overlay(image, mask)).save(path)
