"""What published weights expect of a photograph: its size, its crop, its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from convlet.nn._arguments import positive

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Preprocessing"]

_FILTERS = ("bilinear", "bicubic")


@dataclass(frozen=True)
class Preprocessing:
    """Shorter side to `resize`, the middle `crop` pixels, (value / 255 - mean) / std.

    Resizing averages over what a pixel covers, with the filters of Pillow, so that a large photograph
    gives what it gave when the weights were trained.

    Args:
        resize: pixels of the shorter side.
        crop: height and width of what the network sees.
        mean: of the channels, between 0 and 1.
        std: of the channels.
        filter: "bilinear" or "bicubic".

    Raises:
        TypeError: a number of pixels is not an int.
        ValueError: a number is out of range, or there is no such filter.

    Example:
        >>> prepare = Preprocessing(256, 224, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        >>> prepare(np.zeros((300, 400, 3), np.uint8)).shape
        (3, 224, 224)
    """

    resize: int
    crop: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    filter: Literal["bilinear", "bicubic"] = "bilinear"

    def __post_init__(self) -> None:
        """Check the numbers."""
        name = "Preprocessing"
        for field in ("resize", "crop"):
            positive(getattr(self, field), name, field)
        for field in ("mean", "std"):
            values = np.asarray(getattr(self, field))
            good = values.shape == (3,) and values.dtype.kind in "fiu"
            if not (good and np.isfinite(values).all() and (field == "mean" or values.min() > 0)):
                more = "" if field == "mean" else " above 0"
                raise ValueError(
                    f"{name}: {field} must be three finite numbers{more}, "
                    f"got {getattr(self, field)!r:.60}"
                )
        if self.filter not in _FILTERS:
            raise ValueError(
                f"{name}: filter must be one of {', '.join(_FILTERS)}, got {self.filter!r:.60}"
            )

    def __call__(self, image: Any) -> npt.NDArray[np.float32]:
        """One photograph as the network takes it, (3, crop, crop).

        Args:
            image: an array (H, W), (H, W, 3) or (H, W, 4) of uint8, or what gives one, such as a
                picture of Pillow; a fourth channel is left out.

        Raises:
            TypeError: the values are not uint8.
            ValueError: the shape is another.
        """
        pixels = np.asarray(image)
        if pixels.dtype != np.uint8:
            raise TypeError(f"Preprocessing: image must be uint8 values, got {pixels.dtype}")
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        if pixels.ndim != 3 or pixels.shape[2] not in (3, 4) or 0 in pixels.shape:
            raise ValueError(f"Preprocessing: image must be (H, W, 3), got {pixels.shape}")
        height, width = pixels.shape[:2]
        short = min(height, width)
        sides = [max(self.crop, round(n * self.resize / short)) for n in (height, width)]
        starts = [(n - self.crop) // 2 for n in sides]
        rows, columns = (
            _weights(before, after, self.filter)[start : start + self.crop]
            for before, after, start in zip((height, width), sides, starts, strict=True)
        )
        values = pixels[:, :, :3].astype(np.float32).transpose(2, 0, 1)
        small = np.clip(rows @ values @ columns.T, 0.0, 255.0) / np.float32(255)
        mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (self.mean, self.std))
        return np.asarray((small - mean) / std, np.float32)


def _weights(before: int, after: int, kind: str) -> npt.NDArray[np.float32]:
    """How much of each pixel before is in each pixel after: (after, before)."""
    scale = before / after
    wide = max(scale, 1.0)  # a pixel that covers several averages over them
    centres = (np.arange(after) + 0.5) * scale
    distance = np.abs(np.arange(before) + 0.5 - centres[:, None]) / wide
    if kind == "bicubic":
        near = (1.5 * distance - 2.5) * distance**2 + 1.0  # Keys 1981, with a = -1/2
        far = ((-0.5 * distance + 2.5) * distance - 4.0) * distance + 2.0
        weights: npt.NDArray[Any] = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    else:
        weights = np.maximum(0.0, 1.0 - distance)
    shares: npt.NDArray[np.float32] = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    return shares
