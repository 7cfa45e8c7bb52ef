"""Colours of classes, and masks laid over images in them."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Bytes = npt.NDArray[np.uint8]

# Told apart by people of all kinds of colour vision, as far as ten colours can be.
_FIRST = (
    *("#1f5fa8", "#d4561e", "#2a9d5c", "#c9a227", "#8e4ec6"),
    *("#17a2b8", "#c2306a", "#7a5230", "#5d6d2e", "#5b6ee1"),
)
GROUND = (236, 239, 242)  # class 0
UNKNOWN = (255, 255, 255)
_TINT = 0.45  # of a class's colour over the image


def class_colours(count: int) -> Bytes:
    """Colours (count, 3) of classes: a pale grey for class 0, then ten that differ, then others.

    Args:
        count: how many, from 1 to 256.

    Raises:
        ValueError: the count is out of range.

    Example:
        >>> class_colours(3).tolist()
        [[236, 239, 242], [31, 95, 168], [212, 86, 30]]
    """
    if not 1 <= count <= 256:
        raise ValueError(f"class_colours: count must be in [1, 256], got {count}")
    colours = [GROUND]
    for number in range(count - 1):
        if number < len(_FIRST):
            code = _FIRST[number]
            colours.append((int(code[1:3], 16), int(code[3:5], 16), int(code[5:7], 16)))
        else:
            hue = number * 0.618034 % 1.0  # the golden section: neighbours lie far apart
            light = (0.42, 0.58, 0.5)[number % 3]
            r, g, b = (round(255 * part) for part in colorsys.hls_to_rgb(hue, light, 0.6))
            colours.append((r, g, b))
    return np.array(colours, np.uint8)


def overlay(
    image: npt.NDArray[Any], mask: npt.NDArray[Any], *, background: int | None = 0
) -> Bytes:
    """An image with its mask over it: tinted areas with contours.  (C, H, W), (H, W) -> (H, W, 3).

    Args:
        image: bytes, or numbers from 0 to 1; one channel or three.
        mask: the class of each pixel; 255 is left as it is.
        background: a class that is not tinted; None tints all.

    Raises:
        TypeError: the mask is not of integers.
        ValueError: sizes do not fit, or a class is outside of [0, 255].

    Example:
        >>> import numpy as np
        >>> overlay(np.zeros((1, 2, 2), np.uint8), np.array([[0, 0], [0, 255]])).tolist()[0]
        [[0, 0, 0], [0, 0, 0]]
    """
    image, mask = np.asarray(image), class_mask(mask, "overlay", "mask")
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"overlay: image must be (C, H, W) with C of 1 or 3, got {image.shape}")
    if mask.shape != image.shape[1:]:
        raise ValueError(f"overlay: mask must be {image.shape[1:]} as its image, got {mask.shape}")
    pixels = image.transpose(1, 2, 0).astype(np.float32)
    if image.dtype != np.uint8:
        pixels = np.clip(pixels, 0, 1) * 255
    pixels = np.repeat(pixels, 3 // pixels.shape[2], axis=2)
    colours = class_colours(256).astype(np.float32)
    shown = mask != 255
    if background is not None:
        shown &= mask != background
    tint = np.where(shown, _TINT, 0.0)[..., None]
    tint[shown & contours(mask)] = 1.0
    blended = pixels + (colours[mask] - pixels) * tint
    return np.asarray(np.rint(blended), np.uint8)


def class_mask(mask: npt.ArrayLike, op: str, name: str) -> npt.NDArray[Any]:
    """The classes of pixels as an array, each of which has a colour."""
    array = np.asarray(mask)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{op}: {name} must be integers, got {array.dtype}")
    if array.size and not 0 <= int(array.min()) <= int(array.max()) <= 255:
        raise ValueError(f"{op}: {name} must be in [0, 255], got {array.min()} to {array.max()}")
    return array


def contours(mask: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Pixels beside, above or below one of another class."""
    edge = np.zeros(mask.shape, bool)
    across, down = mask[:, 1:] != mask[:, :-1], mask[1:] != mask[:-1]
    edge[:, 1:] |= across
    edge[:, :-1] |= across
    edge[1:] |= down
    edge[:-1] |= down
    return edge


def painted(mask: npt.NDArray[Any]) -> Bytes:
    """A mask in the colours of its classes.  (H, W) -> (H, W, 3)."""
    colours = class_colours(256)
    colours[255] = UNKNOWN
    return np.asarray(colours[mask])
