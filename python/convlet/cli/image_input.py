"""Image files, brought to what a trained network was trained on."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from convlet.cli.errors import CommandError
from convlet.data.decoding import read_image as decode
from convlet.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from PIL.Image import Image

    from convlet.cli.run_folder import RunConfig

_MOST_PIXELS = 100_000_000
_INK = 0.3  # of the brightest stroke: what counts as ink when a digit is cut out
_FILL = 20 / 28  # share of the side that the longer side of a digit takes, as in MNIST

RULE = (
    "Pictures are converted to the channels and the size of the training images. Networks trained on "
    "light strokes on a dark ground (such as digits) also take dark strokes on a light ground: when "
    "the median of a picture's outermost pixels is above half, it is inverted; and a picture of "
    "another size than the training images is cut to its strokes and centred by their mass. Arrays "
    "(.npy) are taken as they are and must have the size of the training images: (H, W) or (C, H, W), "
    "bytes, or numbers from 0 to 1."
)


def read_image(path: Path, config: RunConfig) -> npt.NDArray[np.uint8]:
    """Read a picture or an array as bytes (C, H, W); every fault is a sentence naming the file."""
    try:
        if not path.is_file():
            raise FormatError("there is no such file")
        if path.suffix.lower() == ".npy":
            return _array(path, config)
        return _picture(path, config)
    except (OSError, ValueError, SyntaxError, MemoryError, EOFError) as error:
        reason = "it is not a picture that Pillow knows" if _unknown(error) else str(error)
        raise CommandError(f"{path}: {reason or type(error).__name__}") from error


def read_whole(path: Path, config: RunConfig) -> npt.NDArray[np.uint8]:
    """Read a picture or an array (C, H, W) of any size; every fault is a sentence naming the file."""
    try:
        if path.suffix.lower() == ".npy" and path.is_file():
            return _bytes_of(np.load(path, allow_pickle=False, mmap_mode="r"), config.channels)
        return decode(path, channels=config.channels)
    except (OSError, ValueError, ImportError, MemoryError, EOFError) as error:
        text = str(error) or type(error).__name__
        raise CommandError(text if str(path) in text else f"{path}: {text}") from error


def _unknown(error: BaseException) -> bool:
    return type(error).__name__ == "UnidentifiedImageError"


def _array(path: Path, config: RunConfig) -> npt.NDArray[np.uint8]:
    array = np.load(path, allow_pickle=False, mmap_mode="r")
    wanted = (config.channels, config.height, config.width)
    if isinstance(array, np.ndarray) and array.shape not in (wanted, wanted[1:]):
        raise FormatError(f"the array must have shape {wanted}, got {array.shape}")
    return _bytes_of(array, config.channels)


def _bytes_of(array: object, channels: int) -> npt.NDArray[np.uint8]:
    """An array (C, H, W), or (H, W) for one channel, as bytes."""
    if not isinstance(array, np.ndarray):
        raise FormatError("it does not hold one array")
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[0] != channels or not array.size:
        raise FormatError(f"the array must have shape ({channels}, H, W), got {array.shape}")
    if array.dtype == np.uint8:
        return np.asarray(array, dtype=np.uint8)
    if not np.issubdtype(array.dtype, np.floating):
        raise FormatError(f"the array must hold bytes or floating-point numbers, got {array.dtype}")
    if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
        raise FormatError("floating-point pixels must be in [0, 1]")
    return np.asarray(np.rint(np.asarray(array) * 255), dtype=np.uint8)


def _picture(path: Path, config: RunConfig) -> npt.NDArray[np.uint8]:
    try:
        from PIL import Image, ImageOps
    except ImportError:
        raise CommandError('reading pictures needs Pillow: pip install "convlet[image]"') from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters is raised below, in our words
        try:
            opened = Image.open(path)
        except Image.DecompressionBombError as error:
            raise FormatError(str(error)) from error
        with opened as image:
            if image.width * image.height > _MOST_PIXELS:
                raise FormatError(
                    f"{image.width}x{image.height} pixels are more than {_MOST_PIXELS:,}"
                )
            upright = ImageOps.exif_transpose(image)
            flat = _on_ground(upright, config)
    if config.channels == 1:
        plane = np.asarray(flat.convert("L"), dtype=np.float32)
        if config.centred:
            plane = _light_on_dark(plane)
            if plane.shape != (config.height, config.width):
                return _centred(plane, config.height, config.width)[None]
        return np.asarray(_fitted(Image.fromarray(_bytes(plane)), config))[None]
    if config.channels == 3:
        return np.ascontiguousarray(
            np.asarray(_fitted(flat.convert("RGB"), config)).transpose(2, 0, 1)
        )
    raise FormatError(
        f"pictures have 1 or 3 channels, the network wants {config.channels}: give a .npy array"
    )


def _on_ground(image: Image, config: RunConfig) -> Image:
    """Lay a picture with transparency on white, the paper that drawings are made for."""
    from PIL import Image as pillow

    if "A" not in image.getbands() and "transparency" not in image.info:
        if image.mode.startswith("I") or image.mode == "F":
            values = np.asarray(image, dtype=np.float64)
            high = 65535.0 if values.max(initial=0) > 255 else 255.0
            return pillow.fromarray(_bytes((values * (255 / high)).astype(np.float32)))
        return image.convert("L" if config.channels == 1 else "RGB")
    layered = image.convert("RGBA")
    ground = pillow.new("RGBA", layered.size, "white")
    return pillow.alpha_composite(ground, layered).convert("RGB")


def _fitted(image: Image, config: RunConfig) -> Image:
    """Cut the middle to the wanted proportions and resize it."""
    from PIL import Image as pillow
    from PIL import ImageOps

    if image.size == (config.width, config.height):
        return image
    return ImageOps.fit(image, (config.width, config.height), pillow.Resampling.BILINEAR)


def _light_on_dark(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Invert a picture whose outermost pixels are light, as the network knows dark ground only."""
    frame = np.concatenate([plane[0], plane[-1], plane[1:-1, 0], plane[1:-1, -1]])
    return 255 - plane if np.median(frame) > 127.5 else plane


def _centred(plane: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.uint8]:
    """Cut a stroke drawing out and place it as MNIST does: scaled to 20/28, centred by its mass."""
    from PIL import Image as pillow

    frame = np.concatenate([plane[0], plane[-1], plane[1:-1, 0], plane[1:-1, -1]])
    ink = np.clip(plane - np.median(frame), 0, None)
    ink *= 255 / max(float(ink.max()), 1.0)
    rows = np.flatnonzero((ink > _INK * 255).any(axis=1))
    columns = np.flatnonzero((ink > _INK * 255).any(axis=0))
    result = np.zeros((height, width), np.uint8)
    if not len(rows):
        return result
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = _FILL * min(height, width) / max(cut.shape)
    size = (max(1, round(cut.shape[1] * scale)), max(1, round(cut.shape[0] * scale)))
    small = np.asarray(
        pillow.fromarray(_bytes(cut)).resize(size, pillow.Resampling.BILINEAR), dtype=np.float64
    )
    small *= 255 / max(float(small.max()), 1.0)
    mass = max(float(small.sum()), 1e-9)
    middle_y = float((small.sum(axis=1) * np.arange(len(small))).sum()) / mass
    middle_x = float((small.sum(axis=0) * np.arange(small.shape[1])).sum()) / mass
    top = min(max(round((height - 1) / 2 - middle_y), 0), height - len(small))
    left = min(max(round((width - 1) / 2 - middle_x), 0), width - small.shape[1])
    result[top : top + len(small), left : left + small.shape[1]] = np.rint(small)
    return result


def _bytes(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(plane), 0, 255).astype(np.uint8)
