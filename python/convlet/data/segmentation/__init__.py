"""Pictures with a class for each pixel."""

from __future__ import annotations

from convlet.data.segmentation.coco import MaskFiles, read_coco_masks
from convlet.data.segmentation.dataset import IGNORED, MaskedImages, SegmentationDataset
from convlet.data.segmentation.png import read_mask, write_mask
from convlet.data.segmentation.rle import decode_rle, encode_rle, polygon_mask
from convlet.data.segmentation.sources import NAMES, SegmentationData, load

__all__ = [
    "IGNORED",
    "NAMES",
    "MaskFiles",
    "MaskedImages",
    "SegmentationData",
    "SegmentationDataset",
    "decode_rle",
    "encode_rle",
    "load",
    "polygon_mask",
    "read_coco_masks",
    "read_mask",
    "write_mask",
]
