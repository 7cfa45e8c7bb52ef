"""One picture file to one array, by Pillow; every fault is a FormatError that names the file."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.errors import FormatError

if TYPE_CHECKING:
    import os

    import numpy.typing as npt
    from PIL.Image import Image

__all__ = ["describe", "open_picture", "read_image"]

MOST_PIXELS = 89_000_000  # Pillow warns of more
ORIENTATION = 0x0112  # in EXIF data


def read_image(
    path: str | os.PathLike[str],
    *,
    channels: int = 3,
    size: tuple[int, int] | None = None,
    least_side: int | None = None,
) -> npt.NDArray[np.uint8]:
    """Read a picture as bytes (C, H, W), turned upright by its EXIF data.

    Transparent pixels are laid on white; 16-bit greys keep their upper 8 bits.

    Args:
        path: A file that Pillow can read, of at most 89 million pixels.
        channels: 3 for colour, 1 for grey.
        size: Height and width to bring it to: the middle is cut to their proportions and resized.
        least_side: A JPEG whose shorter side has twice as many pixels or more is decoded at a half,
            quarter or eighth of its size, which takes less time; its sides keep at least so many.
            With size, twice its longer side, by which resizing still has pixels to average.

    Raises:
        FormatError: The file is damaged, cut short, too large or no picture.
        OSError: The file cannot be opened.
        ImportError: Pillow is not installed.
    """
    path = Path(path)
    with open_picture(path) as image:
        try:
            if size is not None:
                least_side = 2 * max(size)
            if least_side is not None:
                image.draft(None, (least_side, least_side))
            picture = _converted(image, "L" if channels == 1 else "RGB")
            if size is not None and picture.size != size[::-1]:
                from PIL import Image, ImageOps

                picture = ImageOps.fit(picture, size[::-1], Image.Resampling.BILINEAR)
            pixels = np.asarray(picture, dtype=np.uint8)
        except _faults() as error:
            raise FormatError(f"{path}: damaged or cut short ({error})") from error
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def describe(path: Path) -> tuple[tuple[int, int], bool]:
    """Height and width, and whether it is in colour, of the header alone; errors as `read_image`."""
    with open_picture(path) as image:
        width, height = image.size
        try:
            # To look for it behind a PNG's pixels, Pillow would unpack them.
            has_exif = image.format != "PNG" or "exif" in image.info
            on_its_side = has_exif and image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
        except _faults() as error:
            raise FormatError(f"{path}: damaged or cut short ({error})") from error
        if on_its_side:
            width, height = height, width
        return (height, width), image.mode not in ("1", "L", "LA", "I", "F", "I;16", "I;16B")


def open_picture(path: Path) -> Image:
    """An opened picture that is not too large; errors as `read_image`."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise ImportError('reading pictures needs Pillow: pip install "convlet[image]"') from None
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        image = Image.open(path)
    except UnidentifiedImageError as error:
        raise FormatError(f"{path}: not a picture that Pillow knows") from error
    except _faults() as error:
        raise FormatError(f"{path}: damaged or cut short ({error})") from error
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise FormatError(
            f"{path}: {image.width}x{image.height} pixels are more than {MOST_PIXELS:,}"
        )
    return image


def _faults() -> tuple[type[Exception], ...]:
    """What Pillow's readers raise when they stumble."""
    from PIL import Image

    broken = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, TypeError)
    bomb = (Image.DecompressionBombError, Image.DecompressionBombWarning)
    # Warnings of odd metadata, where the caller has made errors of warnings.
    return (*broken, *bomb, MemoryError, OverflowError, struct.error, UserWarning)


def _converted(image: Image, mode: str) -> Any:
    from PIL import Image as pillow
    from PIL import ImageOps

    # In place, as the picture would be copied for nothing.
    ImageOps.exif_transpose(image, in_place=True)
    upright: Any = image
    if upright.mode.startswith("I;16"):
        values = np.asarray(upright).astype(np.uint16)
        return pillow.fromarray((values >> 8).astype(np.uint8)).convert(mode)
    if upright.mode in ("I", "F"):
        values = np.asarray(upright, dtype=np.float64)
        scale = 255 / 65535 if values.max(initial=0) > 255 else 1.0
        return pillow.fromarray(np.clip(values * scale, 0, 255).astype(np.uint8)).convert(mode)
    if "A" in upright.getbands() or "transparency" in upright.info:
        layered = upright.convert("RGBA")
        ground = pillow.new("RGBA", layered.size, "white")
        upright = pillow.alpha_composite(ground, layered)
    return upright if upright.mode == mode else upright.convert(mode)
