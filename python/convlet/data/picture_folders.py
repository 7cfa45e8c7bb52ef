"""Whole folders and tables of pictures, read into memory at one size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from convlet import _core
from convlet.data._arguments import sides
from convlet.data.decoding import describe, read_image
from convlet.data.image_files import ImageFiles, ImageFolder, class_folders
from convlet.data.image_table import ImageTable
from convlet.data.labelled import LabelledImages
from convlet.errors import FormatError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

__all__ = ["load", "load_table"]

LARGEST_OWN = 128  # pictures of one size up to this keep it
USUAL = (64, 64)
MOST_BYTES = 1 << 32
TEST_NAMES = ("test", "val", "valid", "validation")

Result = TypeVar("Result")
Size = int | tuple[int, int] | None
Loaded = tuple[LabelledImages, LabelledImages | None, tuple[str, ...]]


def load(folder: str | os.PathLike[str], size: Size = None) -> Loaded:
    """Read all pictures of a folder that has a folder for each class.

    Args:
        folder: Holds the folders of the classes, or `train` with them and perhaps `test` (or
            `val`) with the same.
        size: Height and width, or one number for both, that pictures are cut and resized to; unless
            given their own, if all have the same of at most 128 pixels, else 64 x 64.

    Returns:
        The part to train on, the part to test on or None, and the names of the classes. Images are
        uint8 with one channel if all are grey, else with three.

    Raises:
        FormatError: A picture is damaged, named with its index; or a test class is unknown.
        ValueError: There are no pictures, or they do not fit into memory.
        ImportError: Pillow is not installed.
    """
    folder = Path(folder)
    if not (folder / "train").is_dir():
        if not class_folders(folder):
            raise ValueError(
                f"{folder}: found no train-images-idx3-ubyte, no files of CIFAR, no images.npy and "
                "no folders with pictures"
            )
        train = ImageFolder(folder)
        images, _ = _read([train], size)
        return images, None, tuple(train.classes)
    train = ImageFolder(folder / "train")
    held_out = next((folder / name for name in TEST_NAMES if (folder / name).is_dir()), None)
    if held_out is None:
        return _read([train], size)[0], None, tuple(train.classes)
    test = ImageFolder(held_out)
    unknown = sorted(set(test.classes) - set(train.classes))
    if unknown:
        raise FormatError(f"{held_out}: has classes without a picture to train on: {unknown}")
    test.targets = np.array([train.class_to_idx[test.classes[n]] for n in test.targets])
    parts = _read([train, test], size)
    return parts[0], parts[1], tuple(train.classes)


def load_table(table: str | os.PathLike[str], size: Size = None) -> Loaded:
    """Read all pictures that a CSV file of paths and labels names; arguments as `load`."""
    files = ImageTable(table)
    return _read([files], size)[0], None, tuple(files.classes)


def _read(parts: list[ImageFiles], size: Size) -> tuple[LabelledImages, LabelledImages]:
    """The first and the last part, at one size."""
    paths = [path for part in parts for path in part.paths]
    with ThreadPoolExecutor(_core.get_num_threads()) as pool:
        kinds = list(pool.map(lambda place: _numbered(describe, paths, place), range(len(paths))))
        channels = 3 if any(colour for _, colour in kinds) else 1
        height, width = _size(size, {shape for shape, _ in kinds})
        if len(paths) * channels * height * width > MOST_BYTES:
            raise ValueError(
                f"load: {len(paths):,} pictures of {height}x{width} do not fit into memory; use "
                "data.ImageFolder, which reads them batch by batch"
            )

        read = partial(read_image, channels=channels, size=(height, width))
        images = np.empty((len(paths), channels, height, width), np.uint8)
        found = pool.map(lambda place: _numbered(read, paths, place), range(len(paths)))
        for place, image in enumerate(found):
            images[place] = image
    first = len(parts[0])
    return (
        LabelledImages(images[:first], parts[0].targets),
        LabelledImages(images[first:], parts[-1].targets),
    )


def _numbered(read: Callable[[Path], Result], paths: list[Path], place: int) -> Result:
    """What a function reads of one file; an error tells its index too."""
    try:
        return read(paths[place])
    except FormatError as error:
        raise FormatError(f"{error} (index {place})") from error


def _size(size: Size, found: set[tuple[int, int]]) -> tuple[int, int]:
    if size is None:
        own = next(iter(found))
        return own if len(found) == 1 and max(own) <= LARGEST_OWN else USUAL
    return sides(size, "load")
