"""Data sets for segmentation by name or path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from convlet.data import shapes
from convlet.data._arguments import UINT64_MAX, whole
from convlet.data.segmentation.dataset import MaskedImages
from convlet.data.segmentation.folders import load_folder

__all__ = ["NAMES", "SegmentationData", "load"]

NAMES = ("shapes", "shapes-easy", "shapes-hard", "nuclei")

_TRAIN, _TEST = 2_000, 500  # drawn scenes


@dataclass(frozen=True)
class SegmentationData:
    """A data set for segmentation: a part to train on, a part to test on, and class names.

    Class 0 is the background where there is one.
    """

    name: str
    train: MaskedImages
    test: MaskedImages
    class_names: tuple[str, ...]


def load(source: str | os.PathLike[str] = "shapes", *, seed: int = 0) -> SegmentationData:
    """Load pictures with a class for each pixel, divided into a part to train and a part to test on.

    Args:
        source: `"shapes"`, `"shapes-easy"` or `"shapes-hard"`: 2,000 and 500 drawn scenes of 128x128
            pixels with many figures, which overlap, some small, some scenes empty. `"nuclei"`: a
            microscope's image in tiles, see `data.nuclei`. Or the path of a folder with `images`
            and `masks`, or with `train` and `test` that have these; see docs/segmentation.md.
        seed: Decides which scenes are drawn, and which fifth of a folder without a part to test on
            is set aside.

    Raises:
        ValueError: There is no such name or folder, or it has no pictures.
        FormatError: A picture or a mask is not as it has to be; the message names it.
        ImportError: The package that carries the nuclei, or reads pictures, is not installed.

    Example:
        >>> load("nothing")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: load: there is no folder nothing; the names are shapes, shapes-easy, shapes-hard, ...
    """
    key = whole(seed, "load", "seed", maximum=UINT64_MAX)
    name = os.fspath(source)
    if name == "nuclei":
        from convlet.data import nuclei

        return nuclei.masks()
    if name in NAMES:
        return _drawn(name, key)
    if not Path(name).is_dir():
        raise ValueError(f"load: there is no folder {name}; the names are {', '.join(NAMES)}")
    train, test, names = load_folder(Path(name))
    if test is None:
        train, test = _cut(name, train, key)
    return SegmentationData(name, train, test, names)


def _cut(name: str, part: MaskedImages, seed: int) -> tuple[MaskedImages, MaskedImages]:
    count = len(part.images)
    if count < 2:
        raise ValueError(f"load: {name} has {count} picture, too few to set some aside for testing")
    order = np.random.default_rng(seed).permutation(count)
    held = max(1, count // 5)
    chosen = (np.sort(order[held:]), np.sort(order[:held]))
    train, test = (MaskedImages(part.images[which], part.masks[which]) for which in chosen)
    return train, test


def _drawn(name: str, seed: int) -> SegmentationData:
    level = name.partition("-")[2] or "medium"
    scenes = shapes.scenes(_TRAIN + _TEST, seed=seed, difficulty=level)
    masks = scenes.semantic
    images = np.ascontiguousarray(scenes.images)
    return SegmentationData(
        name,
        MaskedImages(images[:_TRAIN], masks[:_TRAIN]),
        MaskedImages(images[_TRAIN:], masks[_TRAIN:]),
        ("background", *shapes.CLASS_NAMES),
    )
