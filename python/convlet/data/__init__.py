"""Pictures and labels: where they come from, and how they become batches."""

from __future__ import annotations

from convlet.data import (
    animals,
    cifar,
    detection,
    digits,
    idx,
    npy,
    npz,
    nuclei,
    segmentation,
    shapes,
    transforms,
)
from convlet.data.collate import default_collate
from convlet.data.dataset import ArrayDataset, Dataset, ItemDataset
from convlet.data.image_files import ImageFiles, ImageFolder
from convlet.data.image_table import ImageTable
from convlet.data.labelled import ImageData, LabelledImages
from convlet.data.loader import DataLoader
from convlet.data.samplers import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from convlet.data.sources import load
from convlet.data.split import stratified_split
from convlet.data.statistics import channel_statistics
from convlet.data.subsets import ConcatDataset, Subset, TensorDataset, random_split
from convlet.data.timing import EpochTiming
from convlet.io.download import cache_folder

__all__ = [
    "ArrayDataset",
    "BatchSampler",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "EpochTiming",
    "ImageData",
    "ImageFiles",
    "ImageFolder",
    "ImageTable",
    "ItemDataset",
    "LabelledImages",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "animals",
    "cache_folder",
    "channel_statistics",
    "cifar",
    "default_collate",
    "detection",
    "digits",
    "idx",
    "load",
    "npy",
    "npz",
    "nuclei",
    "random_split",
    "segmentation",
    "shapes",
    "stratified_split",
    "transforms",
]
