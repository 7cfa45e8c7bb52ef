"""Pictures of another size."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING

from convlet.data._arguments import flag, whole
from convlet.data.transforms._arguments import MOST_PIXELS, size_pair, span
from convlet.data.transforms.base import Transform

if TYPE_CHECKING:
    from convlet.data.transforms.base import Step

__all__ = ["InterpolationMode", "RandomResizedCrop", "Resize"]


class InterpolationMode(str, Enum):
    """How values between pixels are found; the plain names serve as well."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


_ORDER = tuple(InterpolationMode)


class Resize(Transform):
    """Another size.

    Args:
        size: Height and width; or one number, the new size of the shorter side, while the ratio
            of the sides stays.
        interpolation: "nearest", "bilinear" or "bicubic" (Keys' cubic, a = -1/2, as Pillow's).
        max_size: The most that the longer side may get, where size is one number.
        antialias: Whether to mean over all pixels where the picture gets smaller, as Pillow
            does.

    Raises:
        ValueError: A number is out of range, or arguments exclude each other.
        TypeError: An argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> Resize(8)(np.zeros((3, 16, 20), np.uint8)).shape
        (3, 8, 10)
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: InterpolationMode | str = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool = True,
    ) -> None:
        """Check the arguments."""
        self.size: int | tuple[int, int]
        if isinstance(size, Sequence) and len(size) == 2:
            self.size = size_pair(size, "Resize")
        else:
            self.size = size_pair(size, "Resize")[0]
        self.interpolation = interpolation_of(interpolation, "Resize")
        self.max_size = max_size
        if max_size is not None:
            if not isinstance(self.size, int):
                raise ValueError("Resize: max_size is for a size of one number")
            whole(max_size, "Resize", "max_size", self.size + 1, MOST_PIXELS)
        self.antialias = _antialias(antialias, self.interpolation, "Resize")

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        shorter = isinstance(self.size, int)
        size = (self.size, self.size) if isinstance(self.size, int) else self.size
        how = (_ORDER.index(self.interpolation), self.antialias, shorter, self.max_size or 0)
        return [("resize", (*size, *how))]


class RandomResizedCrop(Transform):
    """A window of a random size and form at a random place, resized.

    C. Szegedy et al., "Going deeper with convolutions", 2015.

    Args:
        size: Height and width of the result, or one number for both.
        scale: The window's share of the picture's area is drawn between these.
        ratio: The window's width over its height is drawn between these, uniformly in its
            logarithm.
        interpolation: "nearest", "bilinear" or "bicubic".
        antialias: As for `Resize`.

    Raises:
        ValueError: A number is out of range.
        TypeError: An argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> RandomResizedCrop(24)(np.zeros((3, 40, 60), np.uint8)).shape
        (3, 24, 24)
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: InterpolationMode | str = InterpolationMode.BILINEAR,
        antialias: bool = True,
    ) -> None:
        """Check the arguments."""
        self.size = size_pair(size, "RandomResizedCrop")
        self.scale = span(scale, "RandomResizedCrop", "scale", 0.0, 1.0)
        self.ratio = span(ratio, "RandomResizedCrop", "ratio", 1e-3, 1e3)
        self.interpolation = interpolation_of(interpolation, "RandomResizedCrop")
        self.antialias = _antialias(antialias, self.interpolation, "RandomResizedCrop")

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        how = (_ORDER.index(self.interpolation), self.antialias)
        return [("resized_crop", (*self.size, *how, *self.scale, *self.ratio))]


def interpolation_of(
    value: InterpolationMode | str, function: str, *, cubic: bool = True
) -> InterpolationMode:
    """The mode of a name, or of torchvision's own."""
    allowed = _ORDER if cubic else _ORDER[:2]
    name = getattr(value, "value", value)
    for mode in allowed:
        if name == mode.value:
            return mode
    names = [mode.value for mode in allowed]
    raise ValueError(f"{function}: interpolation must be one of {names}, got {value!r}")


def _antialias(antialias: object, interpolation: InterpolationMode, function: str) -> bool:
    smooth = flag(antialias, function, "antialias")
    if not smooth and interpolation is InterpolationMode.BICUBIC:
        raise ValueError(f"{function}: bicubic interpolation is with antialias only")
    return smooth
