"""Pictures with a class for each pixel."""

from __future__ import annotations

from convlet.data.segmentation.dataset import IGNORED, MaskedImages, SegmentationDataset
from convlet.data.segmentation.png import read_mask, write_mask
from convlet.data.segmentation.sources import NAMES, SegmentationData, load

__all__ = [
    "IGNORED",
    "NAMES",
    "MaskedImages",
    "SegmentationData",
    "SegmentationDataset",
    "load",
    "read_mask",
    "write_mask",
]
