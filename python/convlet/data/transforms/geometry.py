"""Cropping, padding and mirroring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from convlet.data._arguments import flag, whole
from convlet.data.transforms._arguments import MOST_PIXELS, per_channel, probability, size_pair
from convlet.data.transforms.base import Transform

if TYPE_CHECKING:
    from convlet.data.transforms.base import Step

__all__ = ["CenterCrop", "Pad", "RandomCrop", "RandomHorizontalFlip", "RandomVerticalFlip"]

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


class RandomCrop(Transform):
    """A window at a random place, perhaps of the padded picture.

    Args:
        size: Height and width of the window, or one number for both.
        padding: How many pixels to add: on all sides; left-right and top-bottom; or left, top,
            right and bottom.
        pad_if_needed: Whether to pad a picture that is smaller than the window.
        fill: The value of pixels outside, 0 to 1: one, or one per channel.
        padding_mode: "constant" (the fill), "edge", "reflect" or "symmetric", as `numpy.pad`.

    Raises:
        ValueError: A number is out of range.
        TypeError: An argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> RandomCrop(4, padding=1)(np.ones((3, 6, 6), np.float32)).shape
        (3, 4, 4)
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        """Check the arguments."""
        self.size = size_pair(size, "RandomCrop")
        self.padding = _sides(0 if padding is None else padding, "RandomCrop")
        self.pad_if_needed = flag(pad_if_needed, "RandomCrop", "pad_if_needed")
        self.fill = fill
        self.padding_mode = padding_mode
        _check_mode(padding_mode, "RandomCrop")

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        fill = per_channel(self.fill, channels, "RandomCrop", "fill")
        mode = PADDING_MODES.index(self.padding_mode)
        values = (1, *self.size, *_in_order(self.padding), self.pad_if_needed, mode, *fill)
        return [("crop", values)]


class CenterCrop(Transform):
    """The window in the middle; a smaller picture is padded with 0.

    Args:
        size: Height and width of the window, or one number for both.

    Example:
        >>> import numpy as np
        >>> CenterCrop(2)(np.arange(16, dtype=np.float32).reshape(1, 4, 4)).tolist()
        [[[5.0, 6.0], [9.0, 10.0]]]
    """

    def __init__(self, size: int | Sequence[int]) -> None:
        """Check the size."""
        self.size = size_pair(size, "CenterCrop")

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        return [("crop", (0, *self.size, 0, 0, 0, 0, True, 0, *(0.0,) * channels))]


class Pad(Transform):
    """More pixels around the picture.

    Args:
        padding: On all sides; left-right and top-bottom; or left, top, right and bottom.
        fill: The value of the new pixels, 0 to 1: one, or one per channel.
        padding_mode: "constant" (the fill), "edge", "reflect" or "symmetric", as `numpy.pad`.

    Example:
        >>> import numpy as np
        >>> Pad((1, 0), fill=7)(np.ones((1, 1, 2), np.float32)).tolist()
        [[[7.0, 1.0, 1.0, 7.0]]]
    """

    def __init__(
        self,
        padding: int | Sequence[int],
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        """Check the arguments."""
        self.padding = _sides(padding, "Pad")
        self.fill = fill
        self.padding_mode = padding_mode
        _check_mode(padding_mode, "Pad")

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        fill = per_channel(self.fill, channels, "Pad", "fill")
        mode = PADDING_MODES.index(self.padding_mode)
        return [("crop", (0, 0, 0, *_in_order(self.padding), False, mode, *fill))]


class RandomHorizontalFlip(Transform):
    """Left becomes right with probability p.

    Example:
        >>> import numpy as np
        >>> RandomHorizontalFlip(p=1)(np.array([[[1, 2, 3]]], np.float32)).tolist()
        [[[3.0, 2.0, 1.0]]]
    """

    def __init__(self, p: float = 0.5) -> None:
        """Check the probability."""
        self.p = probability(p, "RandomHorizontalFlip")

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        return [("flip", (self.p, False))]


class RandomVerticalFlip(Transform):
    """Top becomes bottom with probability p.

    Example:
        >>> import numpy as np
        >>> RandomVerticalFlip(p=1)(np.array([[[1], [2]]], np.float32)).tolist()
        [[[2.0], [1.0]]]
    """

    def __init__(self, p: float = 0.5) -> None:
        """Check the probability."""
        self.p = probability(p, "RandomVerticalFlip")

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        return [("flip", (self.p, True))]


def _sides(padding: int | Sequence[int], function: str) -> tuple[int, int, int, int]:
    """Left, top, right and bottom."""
    given = tuple(padding) if isinstance(padding, Sequence) else (padding,)
    if len(given) not in (1, 2, 4):
        raise ValueError(f"{function}: padding must be 1, 2 or 4 ints, got {padding!r:.60}")
    left, top, right, bottom = (
        whole(side, function, "padding", 0, MOST_PIXELS) for side in (given * 4)[:4]
    )
    return left, top, right, bottom


def _in_order(sides: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    left, top, right, bottom = sides
    return top, left, bottom, right


def _check_mode(mode: object, function: str) -> None:
    if mode not in PADDING_MODES:
        raise ValueError(f"{function}: padding_mode must be one of {PADDING_MODES}, got {mode!r}")
