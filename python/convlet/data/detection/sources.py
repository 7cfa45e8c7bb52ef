"""Data sets for detection by name or path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from convlet.data import shapes
from convlet.data._arguments import UINT64_MAX, whole
from convlet.data.detection.annotation import annotation
from convlet.data.detection.composed import digits_on_photographs
from convlet.data.detection.dataset import BoxedImages

if TYPE_CHECKING:
    from convlet.data.shapes import Scenes

__all__ = ["NAMES", "DetectionData", "from_scenes", "load"]

NAMES = ("shapes", "shapes-easy", "shapes-hard", "digits-on-photos")

_TRAIN, _TEST = 2_000, 500  # drawn scenes


@dataclass(frozen=True)
class DetectionData:
    """A data set for detection: a part to train on, a part to test on, and class names."""

    name: str
    train: BoxedImages
    test: BoxedImages
    class_names: tuple[str, ...]


def load(source: str | os.PathLike[str] = "shapes", *, seed: int = 0) -> DetectionData:
    """Load pictures with boxes, divided into a part to train and a part to test on.

    Args:
        source: `"shapes"`, `"shapes-easy"` or `"shapes-hard"`: 2,000 and 500 drawn scenes of 128x128
            pixels with many figures, which overlap, some small, some scenes empty. Or
            `"digits-on-photos"`: as many pictures composed of real digits of MNIST and real
            photographs, see `digits_on_photographs`.
        seed: decides which scenes are drawn.

    Raises:
        ValueError: there is no such name.
        ImportError: a package that carries digits or photographs is not installed.

    Example:
        >>> load("nothing")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: load: there is no nothing; the names are shapes, shapes-easy, shapes-hard, ...
    """
    key = whole(seed, "load", "seed", maximum=UINT64_MAX)
    name = os.fspath(source)
    if name == "digits-on-photos":
        train, test = digits_on_photographs(_TRAIN, _TEST, key)
        return DetectionData(name, train, test, tuple("0123456789"))
    if name in NAMES:
        level = name.partition("-")[2] or "medium"
        scenes = shapes.scenes(_TRAIN + _TEST, seed=key, difficulty=level)
        images, annotations = from_scenes(scenes)
        return DetectionData(
            name,
            BoxedImages(images[:_TRAIN], annotations[:_TRAIN]),
            BoxedImages(images[_TRAIN:], annotations[_TRAIN:]),
            shapes.CLASS_NAMES,
        )
    raise ValueError(f"load: there is no {name}; the names are {', '.join(NAMES)}")


def from_scenes(scenes: Scenes) -> BoxedImages:
    """Drawn scenes as pictures with boxes; the areas are those of the pixels that are seen.

    Example:
        >>> images, annotations = from_scenes(shapes.scenes(2, size=64))
        >>> len(annotations)
        2
    """
    annotations = []
    for scene, objects in zip(scenes.instances, scenes.objects, strict=True):
        pixels = np.bincount(scene.ravel(), minlength=len(objects.labels) + 1)[1:]
        annotations.append(annotation(objects.boxes, objects.labels, areas=pixels))
    return BoxedImages(np.ascontiguousarray(scenes.images), annotations)
