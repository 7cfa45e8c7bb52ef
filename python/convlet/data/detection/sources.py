"""Data sets for detection by name or path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from convlet.data import shapes
from convlet.data._arguments import UINT64_MAX, whole
from convlet.data.detection import folders
from convlet.data.detection.annotation import annotation
from convlet.data.detection.composed import digits_on_photographs
from convlet.data.detection.dataset import BoxedImages
from convlet.data.detection.fitting import read_pictures
from convlet.errors import FormatError

if TYPE_CHECKING:
    from convlet.data.shapes import Scenes

__all__ = ["NAMES", "DetectionData", "from_scenes", "load"]

DIGITS = "digits-on-photos"
NUCLEI = "nuclei"
NAMES = ("shapes", "shapes-easy", "shapes-hard", DIGITS, NUCLEI)

_TRAIN, _TEST = 2_000, 500  # drawn scenes
_COMPOSED = 4_000  # pictures of digits to train on
_SHARE = 5  # one in so many pictures of files without a test part is set aside


@dataclass(frozen=True)
class DetectionData:
    """A data set for detection.

    Attributes:
        name: what it was loaded by.
        train: the part to train on.
        test: the part to test on.
        class_names: by number.
        fitted: whether pictures of other sizes were brought to one.
    """

    name: str
    train: BoxedImages
    test: BoxedImages
    class_names: tuple[str, ...]
    fitted: bool = False


def load(
    source: str | os.PathLike[str] = "shapes",
    *,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
) -> DetectionData:
    """Load pictures with boxes, divided into a part to train on and a part to test on.

    Args:
        source: `"shapes"`, `"shapes-easy"` or `"shapes-hard"`: 2,000 and 500 drawn scenes of 128x128
            pixels with many figures, which overlap, some small, some scenes empty. Or
            `"digits-on-photos"`: 4,000 and 500 pictures composed of real digits of MNIST and real
            photographs, see `digits_on_photographs`. Or `"nuclei"`: a microscope's image in tiles,
            see `data.nuclei.boxes`. Or the path of a JSON file as COCO has them, or of a folder with
            files of COCO, Pascal VOC or YOLO in one of their usual layouts (`docs/detection.md`
            lists them).
        seed: decides which scenes are drawn, or which pictures of files without a test part are set
            aside to test on, one in five.
        size: height and width that pictures of files are brought to: shrunk with their proportions
            where they are larger, the rest grey. Unless given their own, if all have the same of at
            most 512 pixels, else a square of the longest side, at most 256.

    Raises:
        FormatError: a file is damaged, or a box does not fit its picture; the message names it.
        ValueError: there is no such name or path, too little in it, or a size where pictures are not
            of files.
        ImportError: a package that carries digits, photographs or nuclei, or reads pictures, is
            missing; the message says how to install it.
        OSError: a file cannot be opened.

    Example:
        >>> load("nothing")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ValueError: load: there is no file or folder nothing, and the names are shapes, ...
    """
    key = whole(seed, "load", "seed", maximum=UINT64_MAX)
    name = os.fspath(source)
    if name in NAMES and size is not None:
        raise ValueError(f"load: size is for pictures in files, {name} has its own; got {size}")
    if name == DIGITS:
        train, test = digits_on_photographs(_COMPOSED, _TEST, key)
        return DetectionData(name, train, test, tuple("0123456789"))
    if name == NUCLEI:
        from convlet.data import nuclei

        return nuclei.boxes()
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
    path = Path(name)
    if not path.exists():
        raise ValueError(
            f"load: there is no file or folder {name}, and the names are {', '.join(NAMES)}"
        )
    return _from_files(path, key, size)


def _from_files(path: Path, seed: int, size: int | tuple[int, int] | None) -> DetectionData:
    train, test = folders.find(path)
    parts, fitted = read_pictures([train] if test is None else [train, test], size)
    if len(parts) == 1:
        parts = _cut(parts[0], path, seed)
    if not any((~one.ignored).any() for one in parts[0].annotations):
        raise FormatError(f"{path}: no picture to train on has an object")
    return DetectionData(str(path), parts[0], parts[1], train.class_names, fitted)


def _cut(whole_set: BoxedImages, path: Path, seed: int) -> list[BoxedImages]:
    count = len(whole_set.images)
    if count < 2:
        raise ValueError(f"{path}: has {count} picture, too few to set some aside to test on")
    order = np.random.default_rng(seed).permutation(count)
    held = max(1, count // _SHARE)
    return [
        BoxedImages(whole_set.images[chosen], [whole_set.annotations[n] for n in chosen])
        for chosen in (np.sort(order[held:]), np.sort(order[:held]))
    ]


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
