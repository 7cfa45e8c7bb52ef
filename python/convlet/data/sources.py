"""Data sets by name or path."""

from __future__ import annotations

import os
from pathlib import Path

from convlet.data import animals, cifar, digits, idx, npy, npz, picture_folders, published, shapes
from convlet.data._arguments import UINT64_MAX, whole
from convlet.data.labelled import ImageData, LabelledImages
from convlet.data.split import stratified_split

__all__ = ["NAMES", "load"]

SHAPES = ("shapes", "shapes-easy", "shapes-hard")
NAMES = ("digits", "small-digits", "animals", *SHAPES, *published.NAMES)

_SHAPES_COUNT = 6_000


def load(
    source: str | os.PathLike[str],
    *,
    test: float | None = None,
    seed: int = 0,
    size: int | tuple[int, int] | None = None,
) -> ImageData:
    """Load a data set for classification, divided into a part to train on and a part to test on.

    Args:
        source: A name: `"digits"` (5,000 of MNIST, extra [demo]), `"small-digits"` (1,797 of 8x8
            pixels, from scikit-learn), `"animals"` (10,000 silhouettes, from animal-mnist),
            `"shapes"`, `"shapes-easy"` or `"shapes-hard"` (6,000 drawn pictures of 32x32 pixels);
            `"mnist"`, `"fashion-mnist"`, `"cifar10"` or `"cifar100"`, which are fetched once and
            kept, see `convlet.io.download`. Or a path: of a .npz file; of a folder with MNIST's
            IDX files, CIFAR's files, `images.npy` and `labels.npy`, or a folder of pictures per
            class; of one IDX file of images beside its labels; of CIFAR's .tar.gz; of a CSV file of
            paths and labels.
        test: How many samples to set aside for testing (a float is a share); 1,000 of digits and
            shapes and a fifth of others unless given. A file that brings its own test part
            keeps it.
        seed: Decides which samples are set aside, and which shapes are drawn.
        size: Height and width that pictures of a folder or a CSV file are cut and resized to; unless
            given their own, if all have the same of at most 128 pixels, else 64 x 64.

    Raises:
        FormatError: A file is damaged or holds another kind of data.
        ImportError: The package that carries the digits, or reads pictures, is not installed.
        ValueError: There is no such name or path, or test leaves a part empty.
        OSError: A file cannot be opened, or not be fetched.

    Example:
        >>> data = load("shapes-easy", test=5000)
        >>> data.train.images.shape, data.class_names[:3]
        ((1000, 3, 32, 32), ('circle', 'square', 'triangle'))
    """
    key = whole(seed, "load", "seed", maximum=UINT64_MAX)
    name = os.fspath(source)
    if name in published.NAMES:
        return published.load(name)
    if name in NAMES:
        samples, usual, names = _packaged_or_drawn(name, key)
        return _split(name, samples, usual if test is None else test, key, names)
    train, tested, class_names = _load_path(Path(name), size)
    if tested is None:
        return _split(name, train, test, key, class_names)
    return ImageData(name, train, tested, class_names or _class_names(train, tested))


def _packaged_or_drawn(
    name: str, seed: int
) -> tuple[LabelledImages, float | None, tuple[str, ...]]:
    """The samples, how many of them are usually set aside, and the names of the classes."""
    if name == "digits":
        return digits.load(), 1000, digits.CLASS_NAMES
    if name == "small-digits":
        return digits.load_small(), None, digits.CLASS_NAMES
    if name == "animals":
        return animals.load(), None, animals.CLASS_NAMES
    difficulty = name.partition("-")[2] or "medium"
    drawn = shapes.classification(_SHAPES_COUNT, seed=seed, difficulty=difficulty)
    return drawn, 1000, shapes.CLASS_NAMES


Loaded = tuple[LabelledImages, LabelledImages | None, tuple[str, ...] | None]


def _load_path(path: Path, size: int | tuple[int, int] | None) -> Loaded:
    if path.is_dir():
        return _load_folder(path, size)
    if not path.exists():
        raise ValueError(
            f"load: there is no file {path}, and the known names are {', '.join(NAMES)}"
        )
    if path.suffix == ".npz":
        return (*npz.load(path), None)
    if path.suffix == ".csv":
        return picture_folders.load_table(path, size)
    if path.name.endswith((".tar.gz", ".tgz")):
        return cifar.load_archive(path)
    if "idx3" in path.name:
        return idx.load_file(path), None, None
    raise ValueError(
        f"load: {path} must be a .npz file, an IDX file of images, CIFAR's .tar.gz, a .csv file of "
        "paths and labels, or a folder of such files or of pictures"
    )


def _load_folder(path: Path, size: int | tuple[int, int] | None) -> Loaded:
    if idx.find_images(path, "train"):
        return (*idx.load_folder(path), None)
    if cifar.find(path):
        return cifar.load_folder(path)
    if npy.find(path):
        return (*npy.load_folder(path), None)
    return picture_folders.load(path, size)


def _split(
    name: str,
    whole_set: LabelledImages,
    test: float | None,
    seed: int,
    class_names: tuple[str, ...] | None = None,
) -> ImageData:
    images, labels = whole_set
    for_train, for_test = stratified_split(labels, 0.2 if test is None else test, seed)
    return ImageData(
        name,
        LabelledImages(images[for_train], labels[for_train]),
        LabelledImages(images[for_test], labels[for_test]),
        class_names or _class_names(whole_set),
    )


def _class_names(*parts: LabelledImages) -> tuple[str, ...]:
    return tuple(str(label) for label in range(1 + max(int(part.labels.max()) for part in parts)))
