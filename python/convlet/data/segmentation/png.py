"""Masks in picture files: the class of a pixel is its number, in a palette or in grey."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.data.decoding import open_picture
from convlet.errors import FormatError
from convlet.io.atomic import atomic_write

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

__all__ = ["read_mask", "write_mask"]


def read_mask(path: str | os.PathLike[str]) -> npt.NDArray[np.uint8]:
    """Read a mask (H, W) from a picture of a palette, as of Pascal VOC, or of grey.

    A pixel's class is its place in the palette or its grey; of pictures with one bit it is 0 or 1.

    Raises:
        FormatError: The file is damaged, in colour, or has greys above 255; the message names it.
        OSError: The file cannot be opened.
        ImportError: Pillow is not installed.
    """
    path = Path(path)
    with open_picture(path) as image:
        if image.mode not in ("P", "L", "1", "I", "I;16", "I;16B"):
            raise FormatError(
                f"{path}: a mask must have a palette or be grey, got a picture of mode {image.mode}"
            )
        try:
            values: npt.NDArray[Any] = np.asarray(image)
        except (OSError, ValueError, SyntaxError, EOFError, IndexError, MemoryError) as error:
            raise FormatError(f"{path}: damaged or cut short ({error})") from error
    if values.size and not 0 <= int(values.min()) <= int(values.max()) <= 255:
        raise FormatError(f"{path}: classes must be in [0, 255], got {int(values.max())}")
    return values.astype(np.uint8)


def write_mask(
    path: str | os.PathLike[str], mask: npt.ArrayLike, colours: npt.ArrayLike | None = None
) -> None:
    """Write a mask as PNG, which `read_mask` gives back.

    Args:
        path: Of the file; an existing one is replaced at once.
        mask: Integers (H, W) in [0, 255].
        colours: uint8 (K, 3) of the classes from 0 on, for a palette; grey unless given.

    Raises:
        TypeError: The mask is not of integers.
        ValueError: A class is outside [0, 255], or the shapes are others.
        ImportError: Pillow is not installed.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "mask.png"
        >>> write_mask(file, [[0, 1], [2, 255]], [[0, 0, 0], [200, 0, 0], [0, 90, 0]])
        >>> read_mask(file).tolist()
        [[0, 1], [2, 255]]
    """
    array = np.asarray(mask)
    if array.dtype.kind not in "iu":
        raise TypeError(f"write_mask: mask must be integers, got {array.dtype}")
    if array.ndim != 2 or not array.size:
        raise ValueError(f"write_mask: mask must be (H, W) with pixels, got shape {array.shape}")
    if not 0 <= int(array.min()) <= int(array.max()) <= 255:
        raise ValueError(
            f"write_mask: mask must be in [0, 255], got {array.min()} to {array.max()}"
        )
    try:
        from PIL import Image
    except ImportError:
        raise ImportError('writing pictures needs Pillow: pip install "convlet[image]"') from None
    image = Image.fromarray(array.astype(np.uint8))
    if colours is not None:
        table = np.asarray(colours)
        if table.ndim != 2 or table.shape[1] != 3 or not 0 < len(table) <= 256:
            raise ValueError(f"write_mask: colours must be (K, 3), K <= 256, got {table.shape}")
        whole = np.zeros((256, 3), np.uint8)
        whole[255] = 255
        whole[: len(table)] = table
        palette = Image.new("P", image.size)
        palette.putpalette(whole.tobytes())
        palette.frombytes(array.astype(np.uint8).tobytes())
        image = palette
    with atomic_write(Path(path)) as file:
        image.save(file, format="PNG")
