"""Random changes of a picture that move its boxes.

A change is called with a picture (C, H, W), its `Annotation`, a random generator and the dataset, and
gives a picture of the same size and its objects. What is left of an object that is cut keeps its box;
below `LEAST_SHARE` of its area it is no longer asked for, only ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from convlet import _core
from convlet.data.detection.annotation import Annotation

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

__all__ = ["LEAST_SHARE", "Change", "HorizontalFlip", "Mosaic", "RandomWindow"]

LEAST_SHARE = 0.4
GREY = 114


class Change(Protocol):
    """What `DetectionDataset` takes as a change."""

    def __call__(
        self, image: Bytes, objects: Annotation, rng: np.random.Generator, dataset: Any
    ) -> tuple[Bytes, Annotation]:
        """The changed picture and its objects."""
        ...


class HorizontalFlip:
    """Mirror left to right.

    Args:
        p: how probable it is.

    Example:
        >>> from convlet.data.detection import annotation
        >>> image = np.zeros((3, 4, 8), np.uint8)
        >>> rng = np.random.default_rng(0)
        >>> HorizontalFlip(1.0)(image, annotation([[0, 0, 2, 2]], [0]), rng, None)[1].boxes.tolist()
        [[6.0, 0.0, 8.0, 2.0]]
    """

    def __init__(self, p: float = 0.5) -> None:
        """Remember p."""
        self.p = _share(p, "HorizontalFlip", "p")

    def __call__(
        self, image: Bytes, objects: Annotation, rng: np.random.Generator, dataset: Any
    ) -> tuple[Bytes, Annotation]:
        """The picture, mirrored or not."""
        if rng.random() >= self.p:
            return image, objects
        boxes = objects.boxes.copy()
        boxes[:, [0, 2]] = image.shape[2] - boxes[:, [2, 0]]
        return np.ascontiguousarray(image[:, :, ::-1]), objects._replace(boxes=boxes)


class RandomWindow:
    """Cut out or look from farther away: crop, shift and scale in one.

    A window with the picture's proportions, of a random share of its sides, is laid at random so that
    it covers as much as it can (within the picture if it is smaller, around it if it is larger), and
    brought to the picture's size. Outside of the picture there is grey.

    Args:
        scale: least and greatest side of the window, as a share of the picture's.
        p: how probable it is.

    Example:
        >>> from convlet.data.detection import annotation
        >>> image = np.zeros((3, 8, 8), np.uint8)
        >>> twice = RandomWindow((2.0, 2.0))
        >>> _, found = twice(image, annotation([[0, 0, 8, 8]], [0]), np.random.default_rng(0), None)
        >>> (found.boxes[0, 2:] - found.boxes[0, :2]).tolist()
        [4.0, 4.0]
    """

    def __init__(self, scale: tuple[float, float] = (0.6, 1.4), p: float = 1.0) -> None:
        """Remember the range."""
        low, high = scale
        if not 0 < low <= high < 100:
            raise ValueError(f"RandomWindow: scale must be 0 < least <= greatest, got {scale}")
        self.scale, self.p = (float(low), float(high)), _share(p, "RandomWindow", "p")

    def __call__(
        self, image: Bytes, objects: Annotation, rng: np.random.Generator, dataset: Any
    ) -> tuple[Bytes, Annotation]:
        """What the window shows."""
        if rng.random() >= self.p:
            return image, objects
        _, height, width = image.shape
        scale = float(np.exp(rng.uniform(*np.log(self.scale))))
        rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
        top = int(rng.integers(min(0, height - rows), max(0, height - rows) + 1))
        left = int(rng.integers(min(0, width - columns), max(0, width - columns) + 1))
        canvas = np.full((len(image), rows, columns), GREY, np.uint8)
        y0, x0 = max(top, 0), max(left, 0)
        y1, x1 = min(top + rows, height), min(left + columns, width)
        canvas[:, y0 - top : y1 - top, x0 - left : x1 - left] = image[:, y0:y1, x0:x1]
        factor = (width / columns, height / rows)
        return resized(canvas, (height, width)), _moved(
            objects, factor, (-left * factor[0], -top * factor[1]), (0, 0, width, height)
        )


class Mosaic:
    """Four pictures about a random point, each at half its size or more (Bochkovskiy et al. 2020).

    Args:
        p: how probable it is.

    Example:
        >>> from convlet.data import detection, shapes
        >>> dataset = detection.DetectionDataset(
        ...     *detection.from_scenes(shapes.scenes(8, size=64)), changes=[Mosaic(1.0)]
        ... )
        >>> dataset.batch([0])[0].shape
        (1, 3, 64, 64)
    """

    def __init__(self, p: float = 0.5) -> None:
        """Remember p."""
        self.p = _share(p, "Mosaic", "p")

    def __call__(
        self, image: Bytes, objects: Annotation, rng: np.random.Generator, dataset: Any
    ) -> tuple[Bytes, Annotation]:
        """The four, or the picture."""
        if rng.random() >= self.p:
            return image, objects
        channels, height, width = image.shape
        x, y = (round(side * rng.uniform(0.35, 0.65)) for side in (width, height))
        canvas = np.empty((channels, height, width), np.uint8)
        parts = []
        for place, corner in enumerate(
            ((0, 0, x, y), (x, 0, width, y), (0, y, x, height), (x, y, width, height))
        ):
            if place:
                number = int(rng.integers(len(dataset)))
                image, objects = dataset.images[number], dataset.annotations[number]
            x1, y1, x2, y2 = corner
            # As large as needed to fill the corner, with the picture's proportions.
            factor = max((x2 - x1) / width, (y2 - y1) / height)
            small = (max(y2 - y1, round(height * factor)), max(x2 - x1, round(width * factor)))
            top = int(rng.integers(small[0] - (y2 - y1) + 1))
            left = int(rng.integers(small[1] - (x2 - x1) + 1))
            shown = resized(image, small)
            canvas[:, y1:y2, x1:x2] = shown[:, top : top + y2 - y1, left : left + x2 - x1]
            parts.append(
                _moved(
                    objects,
                    (small[1] / width, small[0] / height),
                    (x1 - left, y1 - top),
                    corner,
                )
            )
        return canvas, Annotation(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _moved(
    objects: Annotation,
    factor: tuple[float, float],
    shift: tuple[float, float],
    bounds: tuple[float, float, float, float],
) -> Annotation:
    """Objects after scaling and shifting, cut at bounds; those out of them go."""
    fx, fy = factor
    boxes = objects.boxes * np.array([fx, fy, fx, fy], np.float32) + np.array(
        [*shift, *shift], np.float32
    )
    x1, y1, x2, y2 = bounds
    cut = np.clip(
        boxes, np.array([x1, y1, x1, y1], np.float32), np.array([x2, y2, x2, y2], np.float32)
    )
    whole, left = _area(boxes), _area(cut)
    share = left / np.maximum(whole, np.float32(1e-9))
    moved = Annotation(
        cut.astype(np.float32),
        objects.labels,
        objects.crowd,
        objects.ignored | (share < LEAST_SHARE),
        (objects.areas * np.float32(fx * fy) * share).astype(np.float32),
    )
    return moved.chosen((cut[:, 2:] - cut[:, :2]).min(axis=1) >= 1)


def _area(boxes: npt.NDArray[np.float32]) -> Any:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def resized(image: Bytes, size: tuple[int, int]) -> Bytes:
    """By the mean of what a pixel covers where it becomes smaller, else between pixels."""
    if image.shape[1:] == size:
        return image
    pixels = image[None].astype(np.float32)
    while pixels.shape[2] >= 2 * size[0] and pixels.shape[3] >= 2 * size[1]:
        even = pixels[:, :, : pixels.shape[2] // 2 * 2, : pixels.shape[3] // 2 * 2]
        pixels = (even[:, :, ::2] + even[:, :, 1::2])[..., ::2] * np.float32(0.25) + (
            even[:, :, ::2] + even[:, :, 1::2]
        )[..., 1::2] * np.float32(0.25)
    sized = _core.resize2d_forward(pixels, size, "bilinear", False, None)
    rounded: Bytes = np.rint(sized[0]).astype(np.uint8)
    return rounded


def _share(p: float, op: str, name: str) -> float:
    if not 0 <= p <= 1:
        raise ValueError(f"{op}: {name} must be in [0, 1], got {p}")
    return float(p)
