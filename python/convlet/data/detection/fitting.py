"""Pictures of many sizes with boxes, brought to one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import _core
from convlet.data._arguments import sides, whole
from convlet.data.decoding import describe, read_image
from convlet.data.detection.annotation import Annotation, annotation
from convlet.data.detection.changes import GREY, resized
from convlet.data.detection.dataset import BoxedImages
from convlet.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from convlet.data.detection.formats import BoxFiles

    Bytes = npt.NDArray[np.uint8]

__all__ = ["fit", "read_pictures"]

LARGEST_OWN = 512  # pictures of one size up to this keep it
USUAL = 256  # the longest side of others
MOST_BYTES = 1 << 32
_STEP = 32  # pixels; sides are multiples of it, as those of a detector's coarsest grid


def fit(image: Bytes, size: tuple[int, int]) -> tuple[Bytes, float]:
    """Shrink a picture (C, H, W) to a size, or lay it on grey of that size, at the upper left.

    Its proportions stay, and it is not enlarged.

    Args:
        image: uint8 (C, H, W), with pixels.
        size: (height, width), at least 1.

    Returns:
        The picture, and the factor of its coordinates, at most 1.

    Raises:
        TypeError: the picture is not uint8.
        ValueError: it has no pixels, or a size is below 1.

    Example:
        >>> fitted, factor = fit(np.zeros((3, 40, 100), np.uint8), (32, 64))
        >>> fitted.shape, factor
        ((3, 32, 64), 0.64)
    """
    given: Any = image
    wanted: Any = size
    if not isinstance(given, np.ndarray) or given.dtype != np.uint8:
        kind = getattr(given, "dtype", type(given).__name__)
        raise TypeError(f"fit: image must be an array of uint8, got {kind}")
    if image.ndim != 3 or not image.size:
        raise ValueError(f"fit: image must be (C, H, W) with pixels, got shape {image.shape}")
    if not isinstance(wanted, (tuple, list)) or len(wanted) != 2:
        raise ValueError(f"fit: size must be (height, width), got {wanted!r}")
    rows, columns = (whole(side, "fit", "size", 1) for side in wanted)
    channels, height, width = image.shape
    factor = min(rows / height, columns / width, 1.0)
    shown = (max(1, round(height * factor)), max(1, round(width * factor)))
    canvas = np.full((channels, rows, columns), GREY, np.uint8)
    canvas[:, : shown[0], : shown[1]] = resized(image, shown)
    return canvas, factor


def read_pictures(
    parts: Sequence[BoxFiles], size: int | tuple[int, int] | None = None
) -> tuple[list[BoxedImages], bool]:
    """Read the pictures of all parts, at one size, with their boxes.

    Args:
        parts: files to train on, and perhaps to test on.
        size: height and width that pictures are brought to as `fit` does; unless given their own, if
            all have the same of at most 512 pixels, else a square of their longest side, at most 256.

    Returns:
        Each part, in bytes with one channel if all are grey, else with three; and whether the
        pictures were brought to a size.

    Raises:
        FormatError: a picture is damaged, or a box lies outside of it; the message names it.
        ValueError: the pictures do not fit into memory.
        OSError: a picture cannot be opened.
        ImportError: Pillow is not installed.
    """
    paths = [path for part in parts for path in part.paths]
    objects = [one for part in parts for one in part.annotations]
    with ThreadPoolExecutor(_core.get_num_threads()) as pool:
        kinds = list(pool.map(describe, paths))
        channels = 3 if any(colour for _, colour in kinds) else 1
        shapes = {shape for shape, _ in kinds}
        wanted = _size(size, shapes)
        if len(paths) * channels * wanted[0] * wanted[1] > MOST_BYTES:
            raise ValueError(
                f"{len(paths):,} pictures of {wanted[0]}x{wanted[1]} do not fit into memory"
            )
        images = np.empty((len(paths), channels, *wanted), np.uint8)

        def read(place: int) -> Annotation:
            image = read_image(paths[place], channels=channels)
            moved = _checked(objects[place], image.shape[1:], paths[place])
            images[place], factor = fit(image, wanted)
            return moved._replace(
                boxes=moved.boxes * np.float32(factor), areas=moved.areas * np.float32(factor**2)
            )

        found = list(pool.map(read, range(len(paths))))
    first = len(parts[0].paths)
    cuts = [slice(first), slice(first, None)][: len(parts)]
    fitted = size is not None or shapes != {wanted}
    return [BoxedImages(images[cut], found[cut]) for cut in cuts], fitted


def _checked(objects: Annotation, size: tuple[int, ...], path: Path) -> Annotation:
    boxes, labels, crowd, ignored, areas = objects
    try:
        return annotation(
            boxes, labels, crowd=crowd, ignored=ignored, areas=areas, size=size, image=str(path)
        )
    except ValueError as error:
        raise FormatError(str(error)) from error


def _size(size: int | tuple[int, int] | None, found: set[tuple[int, int]]) -> tuple[int, int]:
    if size is None:
        own = next(iter(found))
        if len(found) == 1 and max(own) <= LARGEST_OWN:
            return own
        size = min(USUAL, -(-max(max(shape) for shape in found) // _STEP) * _STEP)
    return sides(size, "load")
