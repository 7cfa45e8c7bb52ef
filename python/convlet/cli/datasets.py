"""Data for the commands: which source, its parts, and how its pixels are normalised."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import data
from convlet.cli.colour import fitted
from convlet.cli.errors import WRONG_USE, CommandError
from convlet.cli.output import say
from convlet.cli.run_folder import LARGEST_IMAGE
from convlet.data import LabelledImages

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet import models
    from convlet.cli.run_folder import RunConfig
    from convlet.data import ImageData

DEFAULT = "digits"
FALLBACK = "shapes"  # drawn by convlet itself
SPLIT_SEED = 0  # fixed: every run, whatever its --seed, is judged by the same test images
_VALIDATION = 0.1  # of the training part
_DARK = 0.1  # of white: a frame darker than this is a dark ground


@dataclass(frozen=True)
class Parts:
    """A data set cut in three, and what has to be known about its pixels."""

    name: str
    train: Any  # has `images` (N, C, H, W), beside them what the task learns
    validation: Any
    test: Any
    classes: list[str]
    mean: list[float]
    std: list[float]
    white: float
    centred: bool
    fitted: bool = False  # whether pictures of other sizes were brought to one


def load(source: str | None, prepared: models.Preprocessing | None = None, side: int = 0) -> Parts:
    """Load a data set by name or path; without a source the digits, or shapes if they are missing.

    With `prepared` it becomes what published weights want: colour, of `side` pixels.
    """
    if source is None:
        source = DEFAULT
        if not data.digits.available():
            say('Real digits need: pip install "convlet[demo]". Training on drawn shapes instead.')
            source = FALLBACK
    whole = load_image_data(source, side)
    for part in (whole.train, whole.test):
        _check_images(part.images, source)
    train, validation = _cut(whole)
    if prepared is None:
        mean, std = data.channel_statistics(train.images)
    else:
        mean, std = prepared.mean, prepared.std
    white = _white(train.images)
    return Parts(
        name=source,
        train=train,
        validation=validation,
        test=whole.test,
        classes=list(whole.class_names),
        mean=list(mean),
        std=list(std),
        white=white,
        centred=prepared is None
        and train.images.shape[1] == 1
        and _frame(train.images) < _DARK * white,
    )


def _check_images(images: npt.NDArray[Any], source: str) -> None:
    """Refuse images that no training could use."""
    size = int(np.prod(images.shape[1:]))
    if size > LARGEST_IMAGE:
        raise CommandError(
            f"--data: images of {source} have {size:,} values, the most are {LARGEST_IMAGE:,}",
            WRONG_USE,
        )
    if images.dtype != np.uint8 and not np.isfinite(images).all():
        raise CommandError(
            f"--data: images of {source} hold numbers that are not finite", WRONG_USE
        )


def load_image_data(source: str, side: int = 0) -> ImageData:
    """Load a data set by name or path, in colour and of one size if `side` is given."""
    try:
        whole = data.load(source, seed=SPLIT_SEED, size=side or None)
        if not side:
            return whole
        return replace(whole, train=fitted(whole.train, side), test=fitted(whole.test, side))
    except (ValueError, TypeError, ImportError, OSError) as error:
        raise CommandError(f"--data: {error}", WRONG_USE) from error


def dataset(
    part: LabelledImages, mean: list[float], std: list[float], **changes: Any
) -> data.ArrayDataset:
    """A part of the data, normalised, and changed at random as `ArrayDataset` is told."""
    return data.ArrayDataset(part.images, part.labels, mean=mean, std=std, **changes)


def normalised(images: npt.NDArray[np.uint8], config: RunConfig) -> npt.NDArray[np.float32]:
    """Bytes (N, C, H, W) as the network of a run wants them."""
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.float32] = images
    if config.white != 1:  # trained on numbers of another scale than bytes
        pixels = pixels.astype(np.float32) * np.float32(config.white / 255)
    part = LabelledImages(pixels, np.zeros(len(pixels), np.int64))
    return dataset(part, config.mean, config.std).batch(np.arange(len(pixels)))[0]


def _cut(whole: ImageData) -> tuple[LabelledImages, LabelledImages]:
    """Set a validation part aside from the training part; the test part stays untouched."""
    images, labels = whole.train
    try:
        train, validation = data.stratified_split(labels, _VALIDATION, SPLIT_SEED)
    except ValueError as error:
        raise CommandError(
            f"--data: {whole.name} has {len(labels)} images to train on, too few to set some aside "
            "for validation",
            WRONG_USE,
        ) from error
    kind = type(whole.train)
    return kind(images[train], labels[train]), kind(images[validation], labels[validation])


def _white(images: npt.NDArray[Any]) -> float:
    """The value of white: 1, as bytes count as 0 to 1 too, or the largest number if that is more."""
    return 1.0 if images.dtype == np.uint8 else max(1.0, float(images.max()))


def _frame(images: npt.NDArray[Any]) -> float:
    """The mean of the outermost pixels, where bytes count as 0 to 1."""
    scale = 255.0 if images.dtype == np.uint8 else 1.0
    edges = (images[..., 0, :], images[..., -1, :], images[..., 0], images[..., -1])
    return float(np.mean([edge.mean(dtype=np.float64) for edge in edges])) / scale


def side_of(config: RunConfig) -> int:
    """The side that pictures are brought to for the network of a run; 0 if it takes them as they are."""
    return config.height if config.training.get("pretrained") else 0


def check_fit(whole: ImageData, config: RunConfig) -> None:
    """Refuse test images that the network of a run cannot judge."""
    shape = whole.test.images.shape[1:]
    wanted = (config.channels, config.height, config.width)
    if shape != wanted:
        raise CommandError(
            f"--data: the network wants images of {_size(wanted)}, {whole.name} has {_size(shape)}",
            WRONG_USE,
        )
    highest = int(whole.test.labels.max(initial=0))
    if highest >= len(config.classes):
        raise CommandError(
            f"--data: the network knows {len(config.classes)} classes, {whole.name} has label {highest}",
            WRONG_USE,
        )


def _size(shape: tuple[int, ...]) -> str:
    return "x".join(str(extent) for extent in shape)


def hold_out(
    name: str, count: int, share: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The images to train on, and the one in `share` to validate by, in their order."""
    if count < 2:
        raise CommandError(
            f"--data: {name} has {count} images to train on, too few to set some aside for "
            "validation",
            WRONG_USE,
        )
    order = np.random.default_rng(SPLIT_SEED).permutation(count)
    held = max(1, count // share)
    return np.sort(order[held:]), np.sort(order[:held])


def check_classes(name: str, given: Sequence[str], known: Sequence[str]) -> None:
    """Data to judge a network by must have its classes."""
    if list(given) != list(known):
        raise CommandError(
            f"--data: the network knows the classes {', '.join(known)}; "
            f"{name} has {', '.join(given)}",
            WRONG_USE,
        )
