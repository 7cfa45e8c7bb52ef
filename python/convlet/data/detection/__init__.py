"""Pictures with boxes: where they come from, how they change, and how they become batches."""

from __future__ import annotations

from convlet.data.detection.annotation import Annotation, annotation
from convlet.data.detection.changes import LEAST_SHARE, HorizontalFlip, Mosaic, RandomWindow
from convlet.data.detection.composed import digits_on_photographs
from convlet.data.detection.dataset import BoxedImages, DetectionDataset, target_rows
from convlet.data.detection.fitting import fit
from convlet.data.detection.formats import BoxFiles, read_coco, read_voc, read_yolo
from convlet.data.detection.sources import NAMES, DetectionData, from_scenes, load

__all__ = [
    "LEAST_SHARE",
    "NAMES",
    "Annotation",
    "BoxFiles",
    "BoxedImages",
    "DetectionData",
    "DetectionDataset",
    "HorizontalFlip",
    "Mosaic",
    "RandomWindow",
    "annotation",
    "digits_on_photographs",
    "fit",
    "from_scenes",
    "load",
    "read_coco",
    "read_voc",
    "read_yolo",
    "target_rows",
]
