"""Detection: boxes with classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

import convlet as cl
from convlet import data, detection
from convlet.cli import datasets
from convlet.cli.errors import WRONG_USE, CommandError
from convlet.cli.image_input import read_whole
from convlet.cli.output import percent
from convlet.cli.tasks.base import Prediction, Task
from convlet.data.detection import (
    NAMES,
    BoxedImages,
    DetectionDataset,
    HorizontalFlip,
    RandomWindow,
    fit,
)
from convlet.data.detection import load as load_boxes
from convlet.data.detection.sources import DIGITS, NUCLEI
from convlet.io.installed import find
from convlet.models import FCOS, SSDLite, published
from convlet.models.fcos import FCOS_PLACE, WHOLE
from convlet.models.ssdlite import SSD_PLACE

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from convlet.cli.datasets import Parts
    from convlet.cli.run_folder import RunConfig
    from convlet.cli.training import Outcome
    from convlet.data.detection import DetectionData
    from convlet.detection import CocoScores, Detections, ErrorTypes
    from convlet.models import Preprocessing
    from convlet.nn import Module

_SHOWN = 5  # test images in the picture of boxes
_SURE = 0.4  # the least score of boxes that are drawn and told
_STEP = 32  # pixels; sides of an image are filled up to multiples
_SEEN = "efficientnet_lite0"  # the backbone whose published weights come in a package


@dataclass(frozen=True)
class Kind:
    """How a kind of detector is trained and read.

    Attributes:
        loss: what its wrong answers cost.
        decode: boxes from its outputs.
        place: columns of its outputs before those of the classes.
    """

    loss: Callable[[], Callable[[Any, Any], cl.Tensor]]
    decode: Callable[..., list[Detections]]
    place: int


KINDS: dict[type[Module], Kind] = {
    FCOS: Kind(detection.FCOSLoss, detection.decode_fcos, FCOS_PLACE),
    SSDLite: Kind(detection.SSDLoss, detection.decode_ssd, SSD_PLACE),
}


@dataclass(frozen=True)
class DetectScores:
    """What a detector reached on images with boxes.

    Attributes:
        coco: COCO's measures, of all boxes.
        errors: kinds of errors of the boxes that are shown.
        found: these boxes, one class for each place.
    """

    coco: CocoScores
    errors: ErrorTypes
    found: list[Detections]

    def facts(self, classes: list[str]) -> dict[str, Any]:
        """The numbers by name, for JSON."""
        each = self.coco.per_class
        return {
            **self.coco.numbers,
            "images": self.coco.images,
            "errors": self.errors.counts,
            "per_class": {
                name: {word: float(values[number]) for word, values in each.items()}
                for number, name in enumerate(classes)
            },
        }

    def rows(self, classes: list[str]) -> list[tuple[str, str]]:
        """The numbers as rows of a table."""
        shown = ("AP", "AP50", "AP75", "AR100")
        each = zip(classes, self.coco.per_class["AP50"].tolist(), strict=True)
        return [
            *((name, _number(self.coco.numbers[name])) for name in shown),
            *((f"AP50 of {name}", _number(value)) for name, value in each),
            *((name, f"{count:,}") for name, count in self.errors.counts.items()),
            ("test images", f"{self.coco.images:,}"),
        ]


class Detect(Task):
    """Boxes with classes."""

    name = "detect"
    wanted = "a place and {classes} scores in each of its rows"
    defaults: ClassVar[Mapping[str, Any]] = {
        "optimizer": "adamw",
        "lr": 0.003,
        "model": "fcos",
        "augment": "flip",
        "schedule": "onecycle",
        "epochs": 20,
        "batch_size": 16,
    }
    augments: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "none": {},
        "flip": {"changes": (HorizontalFlip(), RandomWindow((0.7, 1.3), 0.5))},
        "affine": {"changes": (RandomWindow((0.7, 1.3), 0.5),)},
    }
    batch = 32
    sized = True
    backbones = tuple(WHOLE)
    ema = 0.998
    clip = 10.0

    def usual(self, given: Namespace) -> Mapping[str, Any]:
        """Few tiles of nuclei need more epochs; digits on photographs a network that knows others.

        Digits are not mirrored.
        """
        if given.data == NUCLEI:
            return {**self.defaults, "epochs": 100}
        if given.data != DIGITS:
            return self.defaults
        own = {**self.defaults, "augment": "affine", "epochs": 8}
        if given.model is None and given.backbone is None and given.pretrained is None:
            package = published(_SEEN).package
            if package is not None and find(*package) is not None:
                own |= {"pretrained": _SEEN, "lr": 0.002}
        return own

    def load(
        self, source: str | None, prepared: Preprocessing | None = None, side: int = 0
    ) -> Parts:
        """Images and boxes."""
        whole = _load(source or "shapes", side or None)
        images, annotations = whole.train
        train, validation = datasets.hold_out(whole.name, len(images), 20)
        if prepared is None:
            mean, std = data.channel_statistics(images[train])
        else:
            mean, std = prepared.mean, prepared.std
        parts = [
            BoxedImages(images[chosen], [annotations[number] for number in chosen])
            for chosen in (train, validation)
        ]
        return datasets.Parts(
            name=whole.name,
            train=parts[0],
            validation=parts[1],
            test=whole.test,
            classes=list(whole.class_names),
            mean=list(mean),
            std=list(std),
            white=1.0,
            centred=False,
            fitted=whole.fitted,
        )

    def load_test(self, source: str, config: RunConfig) -> BoxedImages:
        """The test part, of the network's classes, at the size that pictures were brought to."""
        fitted = config.training.get("fitted") and source not in NAMES
        whole = _load(source, (config.height, config.width) if fitted else None)
        datasets.check_classes(whole.name, whole.class_names, config.classes)
        channels = whole.test.images.shape[1]
        if channels != config.channels:
            raise CommandError(
                f"--data: the network wants images of {config.channels} channels, {whole.name} has "
                f"{channels}",
                WRONG_USE,
            )
        return whole.test

    def dataset(
        self, part: BoxedImages, mean: list[float], std: list[float], **changes: Any
    ) -> DetectionDataset:
        """A part, normalised; boxes move with their images."""
        return DetectionDataset(*part, mean=mean, std=std, **changes)

    def loss(self, parts: Parts, model: Module) -> Callable[[Any, Any], cl.Tensor]:
        """What belongs to the kind of detector."""
        return KINDS[type(model)].loss()

    def fits(self, outputs: Any, classes: int, shape: tuple[int, ...]) -> bool:
        """A row per place."""
        return (
            isinstance(outputs, cl.Tensor)
            and outputs.ndim == 3
            and outputs.shape[2] - classes in {kind.place for kind in KINDS.values()}
        )

    def judge(self, model: Module, test: DetectionDataset, classes: list[str]) -> DetectScores:
        """COCO's measures, and kinds of errors."""
        found: list[Detections] = []
        with cl.evaluating(model), cl.no_grad():
            for images, _ in data.DataLoader(test, batch_size=self.batch):
                outputs = model(cl.Tensor(images)).numpy()
                found += KINDS[type(model)].decode(outputs, images.shape[2:])
        shown = [detection.keep_one_class(one) for one in found]
        return DetectScores(
            detection.coco_scores(test.annotations, found, len(classes)),
            detection.error_types(test.annotations, shown, score_threshold=_SURE),
            shown,
        )

    def figures(
        self,
        model: Module,
        outcome: Outcome,
        test: DetectionDataset,
        results: DetectScores,
        classes: list[str],
    ) -> dict[str, Callable[[], Figure]]:
        """Curves, boxes beside the truth, precision over recall, classes and errors."""
        from convlet import viz

        each = results.coco.per_class
        return {
            "curves.png": lambda: viz.curves(outcome.history, kept=outcome.best_epoch or None),
            "boxes.png": lambda: _boxes(test, results, classes),
            "precision_recall.png": lambda: viz.precision_recall(
                results.coco.precision[0],
                classes,
                values=each["AP50"],
                title=f"AP50 {results.coco.ap50:.3f} on {results.coco.images:,} test images",
                note="Precision at each recall where an IoU of 0.5 is enough, and AP50 by class.",
            ),
            "errors.png": lambda: viz.error_kinds(
                results.errors.counts,
                note=f"Boxes of a score of at least {_SURE}, and objects that none of them finds.",
            ),
            "classes.png": lambda: viz.class_bars(
                {"AP": each["AP"], "AP50": each["AP50"]},
                classes,
                title=f"Mean AP {results.coco.ap:.3f} on {results.coco.images:,} test images",
                note="Average precision over IoU from 0.5 to 0.95 (in numbers), and at 0.5.",
            ),
        }

    def predict(self, model: Module, config: RunConfig, path: Path) -> Prediction:
        """The boxes, and a picture of them."""
        image = read_whole(path, config)
        height, width = image.shape[1:]
        size = (-(-height // _STEP) * _STEP, -(-width // _STEP) * _STEP)
        if config.training.get("fitted"):
            size = (config.height, config.width)
        seen, factor = fit(image, size)
        with cl.evaluating(model), cl.no_grad():
            outputs = model(cl.Tensor(datasets.normalised(seen[None], config))).numpy()
        ends = (height * factor, width * factor)
        decode = KINDS[type(model)].decode
        found = decode(outputs, ends, score_threshold=_SURE, across_classes=True)[0]
        found = found._replace(boxes=found.boxes / np.float32(factor))
        names = [config.classes[label] for label in found.labels]
        boxes = [
            {"class": name, "score": float(score), "box": [float(edge) for edge in box]}
            for name, score, box in zip(names, found.scores, found.boxes, strict=True)
        ]
        words = [f"{one['class']} ({percent(float(one['score']))})" for one in boxes]
        return Prediction(
            {"height": height, "width": width, "boxes": boxes},
            ", ".join(words) or "nothing",
            {"-boxes.png": lambda file: _picture(file, image, found, config.classes)},
        )


def _load(source: str, size: int | tuple[int, int] | None = None) -> DetectionData:
    try:
        return load_boxes(source, size=size)
    except (ValueError, TypeError, ImportError, OSError) as error:
        raise CommandError(f"--data: {error}", WRONG_USE) from error


def _boxes(test: DetectionDataset, results: DetectScores, classes: list[str]) -> Figure:
    """Test images from the one with the fewest errors to the one with the most, at even steps."""
    from convlet import viz

    errors = results.errors
    wrong = np.array(
        [
            np.count_nonzero(kinds > 0) + len(missed)
            for kinds, missed in zip(errors.kinds, errors.missed, strict=True)
        ]
    )
    full = np.flatnonzero([len(one.labels) > 1 for one in test.annotations])
    if not len(full):
        full = np.arange(len(wrong))
    order = full[np.argsort(wrong[full], kind="stable")]
    shown = order[np.unique(np.linspace(0, len(order) - 1, _SHOWN).round().astype(int))].tolist()
    return viz.detections(
        test.images[shown],
        [test.annotations[n] for n in shown],
        [results.found[n] for n in shown],
        classes,
        kinds=[errors.kinds[n] for n in shown],
        missed=[errors.missed[n] for n in shown],
        score_threshold=_SURE,
        title=f"AP50 {results.coco.ap50:.3f}, AP {results.coco.ap:.3f} on "
        f"{results.coco.images:,} test images",
        note="From an image without an error (left) to the one with most; orange and dashed is what "
        "is wrong or missed.",
    )


def _picture(path: Path, image: Any, found: Detections, classes: list[str]) -> None:
    from convlet import viz

    title = f"{len(found.labels)} found" if len(found.labels) != 1 else "One found"
    viz.boxes(image, found, classes, title=title).savefig(path)


def _number(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.3f}"
