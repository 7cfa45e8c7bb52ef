"""Data sets by name or path."""

from __future__ import annotations

import os
from pathlib import Path

from convlet.data import digits, idx, npz, shapes
from convlet.data._arguments import UINT64_MAX, whole
from convlet.data.labelled import ImageData, LabelledImages
from convlet.data.split import stratified_split

__all__ = ["NAMES", "load"]

NAMES = ("digits", "small-digits", "shapes", "shapes-easy", "shapes-hard")

_SHAPES_COUNT = 6_000


def load(source: str | os.PathLike[str], *, test: float | None = None, seed: int = 0) -> ImageData:
    """Load a data set for classification, divided into a part to train on and a part to test on.

    Args:
        source: `"digits"` (5,000 of MNIST, extra [demo]), `"small-digits"` (1,797 of 8x8 pixels,
            from scikit-learn), `"shapes"`, `"shapes-easy"` or `"shapes-hard"` (6,000 drawn
            pictures of 32x32 pixels); or the path of a .npz file, of a folder with MNIST's IDX
            files, or of one IDX file of images beside its labels.
        test: How many samples to set aside for testing (a float is a share); 1,000 of digits and
            shapes and a fifth of others unless given. A file that brings its own test part
            keeps it.
        seed: Decides which samples are set aside, and which shapes are drawn.

    Raises:
        FormatError: A file is damaged or holds another kind of data.
        ImportError: The package that carries the digits is not installed.
        ValueError: There is no such name or path, or test leaves a part empty.
        OSError: A file cannot be opened.

    Example:
        >>> data = load("shapes-easy", test=5000)
        >>> data.train.images.shape, data.class_names[:3]
        ((1000, 3, 32, 32), ('circle', 'square', 'triangle'))
    """
    key = whole(seed, "load", "seed", maximum=UINT64_MAX)
    name = os.fspath(source)
    if name == "digits":
        return _split(name, digits.load(), 1000 if test is None else test, key, digits.CLASS_NAMES)
    if name == "small-digits":
        return _split(name, digits.load_small(), test, key, digits.CLASS_NAMES)
    if name in NAMES:
        difficulty = name.partition("-")[2] or "medium"
        drawn = shapes.classification(_SHAPES_COUNT, seed=key, difficulty=difficulty)
        return _split(name, drawn, 1000 if test is None else test, key, shapes.CLASS_NAMES)
    train, tested = _load_path(Path(name))
    if tested is None:
        return _split(name, train, test, key)
    return ImageData(name, train, tested, _class_names(train, tested))


def _load_path(path: Path) -> tuple[LabelledImages, LabelledImages | None]:
    if path.is_dir():
        return idx.load_folder(path)
    if not path.exists():
        raise ValueError(f"load: there is no file {path}, and the known names are {NAMES}")
    if path.suffix == ".npz":
        return npz.load(path)
    if "idx3" in path.name:
        return idx.load_file(path), None
    raise ValueError(f"load: {path} must be a .npz file, an IDX file of images or a folder of both")


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
