"""Turning, moving, scaling and shearing."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING

from convlet.data._arguments import flag
from convlet.data.transforms._arguments import per_channel, real, reals, span
from convlet.data.transforms.base import Transform
from convlet.data.transforms.resizing import InterpolationMode, interpolation_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.data.transforms.base import Step

__all__ = ["RandomAffine", "RandomRotation"]


class RandomRotation(Transform):
    """Turn the picture by a random angle, counter-clockwise.

    Args:
        degrees: The angle is in [-degrees, degrees], or between two numbers.
        interpolation: "nearest" or "bilinear".
        expand: Must be False: the pictures of a batch keep their size.
        center: The point that stays, x and y in pixels; the middle unless given.
        fill: The value of pixels outside, 0 to 1: one, or one per channel.

    Raises:
        ValueError: A number is out of range.
        TypeError: An argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> RandomRotation((90, 90))(np.array([[[1, 2], [3, 4]]], np.float32)).tolist()
        [[[2.0, 4.0], [1.0, 3.0]]]
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        interpolation: InterpolationMode | str = InterpolationMode.NEAREST,
        expand: bool = False,
        center: Sequence[float] | None = None,
        fill: float | Sequence[float] = 0,
    ) -> None:
        """Check the arguments."""
        self.degrees = _degrees(degrees, "RandomRotation", "degrees")
        self.interpolation = interpolation_of(interpolation, "RandomRotation", cubic=False)
        self.expand = flag(expand, "RandomRotation", "expand")
        if self.expand:
            raise ValueError(
                "RandomRotation: expand must be False, as the pictures of a batch keep their size; "
                "put Pad before it"
            )
        self.center = None if center is None else reals(center, "RandomRotation", "center", 2)
        self.fill = fill

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        rest = (0, 0, 1, 1, 0, 0, 0, 0)
        fill = per_channel(self.fill, channels, "RandomRotation", "fill")
        return [
            ("affine", (*self.degrees, *rest, *_how(self.interpolation, -1, self.center), *fill))
        ]


class RandomAffine(Transform):
    """Turn clockwise, move, scale and shear the picture around its centre.

    Args:
        degrees: The angle is in [-degrees, degrees], or between two numbers.
        translate: The largest shift along x and y, as shares of width and height.
        scale: The smallest and the largest factor.
        shear: Degrees along x in [-shear, shear]; between two numbers; or along x and along y
            between two numbers each.
        interpolation: "nearest" or "bilinear".
        fill: The value of pixels outside, 0 to 1: one, or one per channel.
        center: The point that stays, x and y in pixels; the middle unless given.

    Raises:
        ValueError: A number is out of range.
        TypeError: An argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> RandomAffine(0, scale=(2, 2))(np.array([[[1, 2], [3, 4]]], np.float32)).shape
        (1, 2, 2)
    """

    def __init__(
        self,
        degrees: float | Sequence[float],
        translate: Sequence[float] | None = None,
        scale: Sequence[float] | None = None,
        shear: float | Sequence[float] | None = None,
        interpolation: InterpolationMode | str = InterpolationMode.NEAREST,
        fill: float | Sequence[float] = 0,
        center: Sequence[float] | None = None,
    ) -> None:
        """Check the arguments."""
        name = "RandomAffine"
        self.degrees = _degrees(degrees, name, "degrees")
        self.translate = None if translate is None else reals(translate, name, "translate", 2)
        if self.translate is not None and not all(0 <= share <= 1 for share in self.translate):
            raise ValueError(f"{name}: translate must be in [0, 1], got {self.translate}")
        self.scale = None if scale is None else span(scale, name, "scale", 1e-6, 1e6)
        self.shear = None if shear is None else _shear(shear)
        self.interpolation = interpolation_of(interpolation, name, cubic=False)
        self.fill = fill
        self.center = None if center is None else reals(center, name, "center", 2)

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        moves = (*(self.translate or (0, 0)), *(self.scale or (1, 1)), *(self.shear or (0,) * 4))
        fill = per_channel(self.fill, channels, "RandomAffine", "fill")
        return [
            ("affine", (*self.degrees, *moves, *_how(self.interpolation, 1, self.center), *fill))
        ]


def _how(
    interpolation: InterpolationMode, sign: int, center: Sequence[float] | None
) -> tuple[float, ...]:
    bilinear = interpolation is InterpolationMode.BILINEAR
    return bilinear, sign, center is not None, *(center or (0, 0))


def _degrees(value: float | Sequence[float], function: str, name: str) -> tuple[float, float]:
    if isinstance(value, numbers.Real):
        angle = real(value, function, name)
        if angle < 0:
            raise ValueError(f"{function}: {name} as one number must not be negative, got {angle}")
        return -angle, angle
    return span(value, function, name)


def _shear(value: float | Sequence[float]) -> tuple[float, ...]:
    if isinstance(value, numbers.Real) or len(value) == 2:  # type: ignore[arg-type]
        angles = (*_degrees(value, "RandomAffine", "shear"), 0.0, 0.0)
    else:
        angles = tuple(reals(value, "RandomAffine", "shear", 2, 4))  # type: ignore[assignment]
        span(angles[:2], "RandomAffine", "shear")
        span(angles[2:], "RandomAffine", "shear")
    if not all(abs(angle) < 90 for angle in angles):
        raise ValueError(f"RandomAffine: shear must be between -90 and 90 degrees, got {value}")
    return angles
