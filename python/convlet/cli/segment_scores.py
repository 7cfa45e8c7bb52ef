"""How good the masks of a network are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import convlet as cl
from convlet import nn
from convlet.cli.output import percent
from convlet.data import DataLoader
from convlet.data.segmentation import IGNORED
from convlet.nn import functional as F
from convlet.train import BoundaryF1, MeanIoU

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.data.segmentation import SegmentationDataset
    from convlet.nn import Module


@dataclass(frozen=True)
class SegmentScores:
    """What a network reached on images with masks.

    Attributes:
        accuracy: the share of pixels whose class is right.
        iou: of each class, intersection over union over all images; NaN where it never occurs.
        mean_iou: the mean over classes that occur.
        boundary: of each class, how well outlines fit, the mean over images with it.
        mean_boundary: the mean over classes that occur.
        wrong: of each image, the share of pixels that are wrong.
    """

    accuracy: float
    iou: npt.NDArray[np.float64]
    mean_iou: float
    boundary: npt.NDArray[np.float64]
    mean_boundary: float
    wrong: npt.NDArray[np.float64]

    @property
    def images(self) -> int:
        """How many images were judged."""
        return len(self.wrong)

    def facts(self, classes: list[str]) -> dict[str, Any]:
        """The numbers by name, for JSON."""
        return {
            "pixel_accuracy": self.accuracy,
            "mean_iou": self.mean_iou,
            "boundary_f1": self.mean_boundary,
            "images": self.images,
            "iou": dict(zip(classes, self.iou.tolist(), strict=True)),
            "boundary_f1_per_class": dict(zip(classes, self.boundary.tolist(), strict=True)),
        }

    def rows(self, classes: list[str]) -> list[tuple[str, str]]:
        """The numbers as rows of a table."""
        each = zip(classes, self.iou.tolist(), strict=True)
        return [
            ("mean IoU", _number(self.mean_iou)),
            ("pixel accuracy", percent(self.accuracy)),
            ("boundary F1", _number(self.mean_boundary)),
            *((f"IoU of {name}", _number(value)) for name, value in each),
            ("test images", f"{self.images:,}"),
        ]


class Mirrored(nn.Module):
    """A network that is asked about images and their mirror images as well.

    Its scores are logarithms of the mean probabilities, (N, K, H, W).
    """

    def __init__(self, model: Module) -> None:
        """Ask this network."""
        super().__init__()
        self.model = model

    def forward(self, images: cl.Tensor) -> cl.Tensor:
        """What the two looks have said, the second turned back."""
        shares = F.softmax(self.model(images), dim=1)
        mirrored = F.softmax(self.model(images.flip(-1)), dim=1).flip(-1)
        return ((shares + mirrored) * 0.5).clamp(min=1e-30).log()


def judge(model: Module, test: SegmentationDataset, classes: int, batch_size: int) -> SegmentScores:
    """Judge a network on test images by their true masks."""
    overlap, outlines = MeanIoU(IGNORED), BoundaryF1(ignore_index=IGNORED)
    wrong: list[float] = []
    with cl.evaluating(model), cl.no_grad():
        for images, masks in DataLoader(test, batch_size=batch_size):
            scores = model(cl.Tensor(images)).numpy()
            overlap.update(scores, masks)
            for said, truth in zip(scores.argmax(axis=1), masks, strict=True):
                outlines.count(truth, said, classes)
                counted = truth != IGNORED
                errors = int(((said != truth) & counted).sum())
                wrong.append(errors / max(int(counted.sum()), 1))
    matrix = overlap.matrix
    return SegmentScores(
        accuracy=float(np.trace(matrix) / max(matrix.sum(), 1)),
        iou=overlap.per_class(),
        mean_iou=overlap.compute(),
        boundary=outlines.per_class(),
        mean_boundary=outlines.compute(),
        wrong=np.array(wrong),
    )


def _number(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.3f}"
