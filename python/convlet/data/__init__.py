"""Pictures and labels: where they come from, and how they become batches."""

from __future__ import annotations

from convlet.data import digits, idx, npz, shapes
from convlet.data.dataset import ArrayDataset, Dataset
from convlet.data.labelled import ImageData, LabelledImages
from convlet.data.loader import DataLoader
from convlet.data.sources import load
from convlet.data.split import stratified_split
from convlet.data.statistics import channel_statistics

__all__ = [
    "ArrayDataset",
    "DataLoader",
    "Dataset",
    "ImageData",
    "LabelledImages",
    "channel_statistics",
    "digits",
    "idx",
    "load",
    "npz",
    "shapes",
    "stratified_split",
]
