"""The boxes of a picture, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Annotation", "annotation"]


class Annotation(NamedTuple):
    """The K objects of a picture.

    Attributes:
        boxes: float32 (K, 4), x1, y1, x2, y2 in pixels.
        labels: int64 (K,), numbers of classes.
        crowd: bool (K,), which boxes stand for many objects that were not told apart.
        ignored: bool (K,), which objects count neither as found nor as missed; crowds are among
            them.
        areas: float32 (K,), of the objects in pixels, by which measures tell small from large.
    """

    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    crowd: npt.NDArray[np.bool_]
    ignored: npt.NDArray[np.bool_]
    areas: npt.NDArray[np.float32]

    def chosen(self, which: Any) -> Annotation:
        """Some of the objects, by numbers or truth values."""
        return Annotation(*(part[which] for part in self))


def annotation(
    boxes: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    crowd: npt.ArrayLike | None = None,
    ignored: npt.ArrayLike | None = None,
    areas: npt.ArrayLike | None = None,
    classes: int | None = None,
    size: Sequence[int] | None = None,
    image: str = "the image",
) -> Annotation:
    """An `Annotation` of checked numbers; a picture without objects has none.

    Args:
        boxes: (K, 4), x1, y1, x2, y2, finite, x1 < x2 and y1 < y2.
        labels: (K,), whole numbers from 0.
        crowd: (K,) truth values; none unless given.
        ignored: (K,) truth values, to which crowds are added; none unless given.
        areas: (K,), positive; those of the boxes unless given.
        classes: how many classes there are; labels must be below.
        size: (height, width) of the picture; boxes may not lie beyond it by more than a pixel, and
            what does is cut.
        image: what an error calls the picture.

    Raises:
        ValueError: a number is out of range or a shape does not fit; the message names the picture.
        TypeError: labels are not whole numbers.

    Example:
        >>> annotation([[1, 2, 5, 9]], [0]).areas.tolist()
        [28.0]
        >>> annotation([[5, 2, 1, 9]], [0], image="cat.png")
        Traceback (most recent call last):
        ValueError: cat.png: box 0 must have x1 < x2 and y1 < y2, got [5.0, 2.0, 1.0, 9.0]
    """
    rows = np.array(boxes, np.float32, ndmin=1)
    rows = rows.reshape(0, 4) if rows.size == 0 else rows
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise ValueError(f"{image}: boxes must have shape (K, 4), got {rows.shape}")
    numbers = np.asarray(labels)
    numbers = numbers.astype(np.int64) if numbers.size == 0 else numbers
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"{image}: labels must be whole numbers, got {numbers.dtype}")
    if numbers.shape != (len(rows),):
        raise ValueError(f"{image}: there are {len(rows)} boxes, but labels {numbers.shape}")
    if size is not None:
        rows = _inside(rows, size, image)
    for row, box in enumerate(rows.tolist()):
        if not np.isfinite(box).all():
            raise ValueError(f"{image}: box {row} must be finite, got {box}")
        if not (box[0] < box[2] and box[1] < box[3]):
            raise ValueError(f"{image}: box {row} must have x1 < x2 and y1 < y2, got {box}")
    wrong = numbers < 0 if classes is None else (numbers < 0) | (numbers >= classes)
    if wrong.any():
        row = int(wrong.argmax())
        most = "" if classes is None else f" and below {classes}"
        raise ValueError(
            f"{image}: box {row} must have a class of at least 0{most}, got {numbers[row]}"
        )
    many = _flags(crowd, len(rows), "crowd", image)
    spans = (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1])
    own = spans if areas is None else np.asarray(areas, np.float32)
    if own.shape != (len(rows),) or not (np.isfinite(own) & (own >= 0)).all():
        raise ValueError(f"{image}: areas must be {len(rows)} finite numbers of at least 0")
    return Annotation(
        rows,
        numbers.astype(np.int64),
        many,
        many | _flags(ignored, len(rows), "ignored", image),
        own,
    )


def _inside(rows: Any, size: Sequence[int], image: str) -> Any:
    height, width = size
    for row, box in enumerate(rows.tolist()):
        out = box[0] < -1 or box[1] < -1 or box[2] > width + 1 or box[3] > height + 1
        if out and np.isfinite(box).all():
            raise ValueError(
                f"{image}: box {row} must lie in the image of {width}x{height} pixels, got {box}"
            )
    return np.clip(rows, 0, np.array([width, height, width, height], np.float32))


def _flags(given: npt.ArrayLike | None, count: int, name: str, image: str) -> Any:
    flags = np.zeros(count, bool) if given is None else np.asarray(given).astype(bool)
    if flags.shape != (count,):
        raise ValueError(f"{image}: {name} must have shape ({count},), got {flags.shape}")
    return flags
