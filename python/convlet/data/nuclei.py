"""Real nuclei under a microscope: one image with its instances, cut into tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convlet.data._arguments import whole
from convlet.data.decoding import open_picture
from convlet.data.detection.annotation import annotation
from convlet.data.detection.dataset import BoxedImages
from convlet.data.detection.sources import DetectionData
from convlet.data.segmentation.dataset import MaskedImages
from convlet.data.segmentation.sources import SegmentationData
from convlet.errors import FormatError
from convlet.io.installed import find

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["Nuclei", "available", "boxes", "load", "masks"]

_PACKAGE = "stardist"
_FOLDER = "data/images"
_SIDE = 512  # pixels of the image
_TILE = 128
_STEP = 32  # pixels between tiles to train on; those to test on do not overlap
_LEAST_SEEN = 0.4  # share of a nucleus; of less in a tile nothing is asked


class Nuclei(NamedTuple):
    """A microscope's image and what is in it.

    Attributes:
        image: uint8 (H, W), how bright each pixel is.
        instances: int64 (H, W), the number of the nucleus that a pixel belongs to, 0 for none.
    """

    image: npt.NDArray[np.uint8]
    instances: npt.NDArray[np.int64]


def available() -> bool:
    """Whether the package that carries the image is installed."""
    return find(_PACKAGE, f"{_FOLDER}/img2d.tif") is not None


def load() -> Nuclei:
    """The image of 512x512 pixels with 125 nuclei that the package stardist carries.

    The package is not imported: `pip install --no-deps stardist` is enough. Schmidt, Weigert,
    Broaddus and Myers, "Cell detection with star-convex polygons", 2018, arXiv:1806.03535.

    Raises:
        ImportError: stardist or Pillow is not installed; the message says how to install it.
        FormatError: a file is not what it has to be.

    Example:
        >>> if available():
        ...     found = load()
        ...     assert found.image.shape == (512, 512)
        ...     assert found.instances.max() > 100
    """
    image, instances = (_plane(name) for name in ("img2d.tif", "mask2d.tif"))
    return Nuclei(image.astype(np.uint8), instances)


def masks(tile: int = _TILE, step: int = _STEP) -> SegmentationData:
    """Tiles of the left half to train on, of the right half to test on, with a class per pixel.

    Tiles to train on overlap, those to test on do not; no pixel is in both.

    Args:
        tile: pixels of a side, from 32 to 256.
        step: pixels between tiles to train on.

    Raises:
        ImportError: stardist or Pillow is not installed.
        ValueError: a number is out of range.

    Example:
        >>> if available():
        ...     tiles = masks()
        ...     print(len(tiles.train.images), len(tiles.test.images), tiles.class_names)
        ... else:
        ...     print(65, 8, ("background", "nucleus"))
        65 8 ('background', 'nucleus')
    """
    parts = [
        MaskedImages(images[:, None], (instances > 0).astype(np.uint8))
        for images, instances in _tiles(tile, step)
    ]
    return SegmentationData("nuclei", parts[0], parts[1], ("background", "nucleus"))


def boxes(tile: int = _TILE, step: int = _STEP) -> DetectionData:
    """The tiles of `masks` with a box around each nucleus.

    Boxes end where their tile does; nuclei of which a tile shows less than 40 % are ignored.
    Arguments and errors are those of `masks`; images have one channel.

    Example:
        >>> if available():
        ...     tiles = boxes()
        ...     assert 0 < len(tiles.test.annotations[0].boxes) < 40
    """
    areas = np.bincount(load().instances.ravel())
    parts = [
        BoxedImages(images[:, None], [_boxed(seen, areas) for seen in instances])
        for images, instances in _tiles(tile, step)
    ]
    return DetectionData("nuclei", parts[0], parts[1], ("nucleus",))


def _tiles(tile: int, step: int) -> list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]:
    """Images and instances of the left and of the right half, (N, tile, tile) each."""
    side = whole(tile, "nuclei", "tile", 32, _SIDE // 2)
    apart = whole(step, "nuclei", "step", 1, _SIDE // 2)
    halves = np.split(np.stack(load()), 2, axis=2)
    found = []
    for half, stride in zip(halves, (apart, side), strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(half, (side, side), axis=(1, 2))
        images, instances = windows[:, ::stride, ::stride].reshape(2, -1, side, side)
        found.append((images.astype(np.uint8), instances))
    return found


def _boxed(seen: npt.NDArray[np.int64], areas: npt.NDArray[np.int64]) -> Any:
    numbers = np.unique(seen[seen > 0])
    pixels = [np.nonzero(seen == number) for number in numbers]
    corners = [(x.min(), y.min(), x.max() + 1, y.max() + 1) for y, x in pixels]
    shown = np.array([len(y) for y, _ in pixels], np.float32)
    return annotation(
        np.array(corners, np.float32).reshape(-1, 4),
        np.zeros(len(numbers), np.int64),
        ignored=shown < _LEAST_SEEN * areas[numbers],
        areas=shown,
    )


def _plane(name: str) -> npt.NDArray[np.int64]:
    path: Path | None = find(_PACKAGE, f"{_FOLDER}/{name}")
    if path is None:
        raise ImportError("the nuclei come with stardist: pip install --no-deps stardist")
    with open_picture(path) as image:
        try:
            plane = np.asarray(image).astype(np.int64)
        except (OSError, ValueError, SyntaxError, EOFError) as error:
            raise FormatError(f"{path}: damaged or cut short ({error})") from error
    if plane.shape != (_SIDE, _SIDE) or not 0 <= plane.min() <= plane.max() <= 255:
        raise FormatError(
            f"{path}: must be {_SIDE}x{_SIDE} pixels of 0 to 255, got {plane.shape} of "
            f"{plane.min()} to {plane.max()}"
        )
    return plane
