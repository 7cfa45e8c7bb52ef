"""Folders of pictures and of masks, read into memory at one size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.data.decoding import describe, read_image
from convlet.data.image_files import SUFFIXES
from convlet.data.picture_folders import MOST_BYTES, TEST_NAMES
from convlet.data.segmentation.dataset import IGNORED, MaskedImages
from convlet.data.segmentation.png import read_mask
from convlet.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    Pair = tuple[Path, Path]
    Size = tuple[int, int]

__all__ = ["load_folder"]

LARGEST_OWN = 256  # pictures of one size up to this keep it
USUAL = (128, 128)
CLASSES = "classes.txt"


def load_folder(
    folder: Path, size: Size | None = None
) -> tuple[MaskedImages, MaskedImages | None, tuple[str, ...]]:
    """Read `images/NAME.jpg` and `masks/NAME.png`, of a folder or of its `train` and `test`.

    Args:
        folder: holds `images` and `masks`; or `train` and perhaps `test` (or `val`), which do; and
            perhaps `classes.txt` with the name of a class per line.
        size: height and width that the middles of pictures and masks are cut and resized to; their
            own unless given, if all have the same of at most 256 pixels, else 128 x 128.

    Returns:
        The part to train on, the part to test on or None, and the names of the classes: numbers up
        to the largest that occurs unless there is `classes.txt`.

    Raises:
        FormatError: a picture or a mask is damaged or missing, a mask has another size than its
            picture or a class that does not exist; the message names the file.
        ValueError: there are no pictures, or they do not fit into memory.
        ImportError: Pillow is not installed.
    """
    own = (folder / "images").is_dir()
    first = folder if own else folder / "train"
    if not (first / "images").is_dir():
        raise ValueError(f"load: {folder} has neither images and masks nor train with them")
    later = None
    if not own:
        later = next((folder / n for n in TEST_NAMES if (folder / n / "images").is_dir()), None)
    parts = [_pairs(place) for place in (first, later) if place is not None]
    pairs = [pair for part in parts for pair in part]
    kinds = [describe(image) for image, _ in pairs]
    if size is None:
        sizes = {shape for shape, _ in kinds}
        size = kinds[0][0] if len(sizes) == 1 and max(kinds[0][0]) <= LARGEST_OWN else USUAL
    channels = 3 if any(colour for _, colour in kinds) else 1
    if len(pairs) * (channels + 1) * size[0] * size[1] > MOST_BYTES:
        raise ValueError(f"load: {len(pairs):,} pictures of {size} do not fit into memory")
    names = _class_names(folder)
    images = np.empty((len(pairs), channels, *size), np.uint8)
    masks = np.empty((len(pairs), *size), np.uint8)
    most = 0
    for place, ((image, mask), (shape, _)) in enumerate(zip(pairs, kinds, strict=True)):
        images[place] = read_image(image, channels=channels, size=size)
        labels = read_mask(mask)
        _check(labels, mask, image, shape, len(names) if names else IGNORED)
        most = max(most, int(labels[labels != IGNORED].max(initial=0)))
        masks[place] = _fitted(labels, size)
    cut = len(parts[0])
    return (
        MaskedImages(images[:cut], masks[:cut]),
        None if later is None else MaskedImages(images[cut:], masks[cut:]),
        names or tuple(str(label) for label in range(max(most + 1, 2))),
    )


def _pairs(folder: Path) -> list[Pair]:
    """Each picture and its mask, in the order of their names."""
    found = (folder / "images").iterdir()
    images = sorted(path for path in found if path.suffix.lower() in SUFFIXES)
    if not images:
        raise ValueError(f"load: {folder / 'images'} has no pictures")
    pairs = [(image, folder / "masks" / f"{image.stem}.png") for image in images]
    for image, mask in pairs:
        if not mask.is_file():
            raise FormatError(f"{image}: there is no mask {mask}")
    return pairs


def _check(
    labels: npt.NDArray[np.uint8], mask: Path, image: Path, shape: Size, classes: int
) -> None:
    if labels.shape != shape:
        raise FormatError(
            f"{mask}: must be {shape[0]}x{shape[1]} pixels as {image.name}, got "
            f"{labels.shape[0]}x{labels.shape[1]}"
        )
    wrong = (labels >= classes) & (labels != IGNORED)
    if wrong.any():
        raise FormatError(
            f"{mask}: has the class {labels[wrong][0]}; there are {classes} classes, from 0 on, and "
            f"{IGNORED} for pixels that do not count"
        )


def _fitted(labels: npt.NDArray[np.uint8], size: Size) -> npt.NDArray[np.uint8]:
    """Cut and resized as its picture, by the nearest pixel."""
    if labels.shape == size:
        return labels
    from PIL import Image, ImageOps

    fitted = ImageOps.fit(Image.fromarray(labels), size[::-1], Image.Resampling.NEAREST)
    return np.asarray(fitted, np.uint8)


def _class_names(folder: Path) -> tuple[str, ...]:
    path = folder / CLASSES
    if not path.is_file():
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: not text in UTF-8 ({error})") from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not 2 <= len(names) <= IGNORED or len(set(names)) < len(names):
        raise FormatError(
            f"{path}: must have 2 to {IGNORED} different names, one per line, got {len(names)}"
        )
    return names
