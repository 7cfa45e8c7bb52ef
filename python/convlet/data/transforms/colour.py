"""Values of pixels: jitter, grey, normalise, erase."""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

from convlet.data._arguments import flag, whole
from convlet.data.transforms._arguments import per_channel, probability, real, span
from convlet.data.transforms.base import Transform

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.data.transforms.base import Step

__all__ = ["ColorJitter", "Grayscale", "Normalize", "RandomErasing", "RandomGrayscale"]


class ColorJitter(Transform):
    """Change brightness, contrast, saturation and hue at random, in random order.

    Values are kept in [0, 1]. Grey pictures have no saturation and no hue to change.

    Args:
        brightness: The factor is in [max(0, 1 - brightness), 1 + brightness], or between two
            numbers.
        contrast: The same for the distance from the mean grey of the picture.
        saturation: The same for the distance of each pixel from its grey.
        hue: The angle is in [-hue, hue], or between two numbers; at most half a turn, 0.5.

    Raises:
        ValueError: A number is out of range.
        TypeError: An argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> ColorJitter(brightness=(0.5, 0.5))(np.ones((3, 1, 1), np.float32)).ravel().tolist()
        [0.5, 0.5, 0.5]
    """

    def __init__(
        self,
        brightness: float | Sequence[float] = 0,
        contrast: float | Sequence[float] = 0,
        saturation: float | Sequence[float] = 0,
        hue: float | Sequence[float] = 0,
    ) -> None:
        """Check the arguments."""
        self.brightness = _factor(brightness, "brightness")
        self.contrast = _factor(contrast, "contrast")
        self.saturation = _factor(saturation, "saturation")
        if isinstance(hue, numbers.Real):
            turn = real(hue, "ColorJitter", "hue")
            self.hue = span((-turn, turn), "ColorJitter", "hue", -0.5, 0.5)
        else:
            self.hue = span(hue, "ColorJitter", "hue", -0.5, 0.5)

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        _check_colours(channels, "ColorJitter")
        return [("jitter", (*self.brightness, *self.contrast, *self.saturation, *self.hue))]


class Grayscale(Transform):
    """The grey of each pixel, 0.299 of red, 0.587 of green and 0.114 of blue.

    Args:
        num_output_channels: 1 or 3, which are then equal.

    Example:
        >>> import numpy as np
        >>> Grayscale()(np.ones((3, 2, 2), np.float32)).shape
        (1, 2, 2)
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        """Check the number."""
        self.num_output_channels = whole(num_output_channels, "Grayscale", "num_output_channels")
        if num_output_channels not in (1, 3):
            raise ValueError(
                f"Grayscale: num_output_channels must be 1 or 3, got {num_output_channels}"
            )

    def out_channels(self, channels: int) -> int:  # noqa: D102
        return self.num_output_channels

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        _check_colours(channels, "Grayscale")
        return [("grey", (1.0, self.num_output_channels))]


class RandomGrayscale(Transform):
    """Grey with probability p, in as many channels as before."""

    def __init__(self, p: float = 0.1) -> None:
        """Check the probability."""
        self.p = probability(p, "RandomGrayscale")

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        _check_colours(channels, "RandomGrayscale")
        return [("grey", (self.p, channels))]


class Normalize(Transform):
    """(x - mean) / std per channel.

    Args:
        mean: Per channel, or one number for all.
        std: Per channel, or one number for all, positive.
        inplace: Without effect: inputs are never modified. PyTorch's calls have it.

    Raises:
        ValueError: A number is not finite, or std is not positive.
        TypeError: An argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> Normalize(0.5, 0.25)(np.ones((1, 1, 1), np.float32)).item()
        2.0
    """

    def __init__(
        self, mean: float | Sequence[float], std: float | Sequence[float], inplace: bool = False
    ) -> None:
        """Check the arguments."""
        flag(inplace, "Normalize", "inplace")
        self.mean = _numbers(mean, "mean")
        self.std = _numbers(std, "std")
        if not all(value > 0 for value in self.std):
            raise ValueError(f"Normalize: std must be positive, got {std}")

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        mean = per_channel(self.mean, channels, "Normalize", "mean")
        std = per_channel(self.std, channels, "Normalize", "std")
        terms = (-m / s for m, s in zip(mean, std, strict=True))
        return [("normalise", (*(1 / s for s in std), *terms))]


class RandomErasing(Transform):
    """Write over a random rectangle with probability p.

    Z. Zhong et al., "Random erasing data augmentation", AAAI 2020.

    Args:
        p: The probability.
        scale: The rectangle's share of the area is drawn between these.
        ratio: Its height over its width is drawn between these, uniformly in its logarithm.
        value: What is written: one number, one per channel, or "random" for normal noise.
        inplace: Without effect: inputs are never modified. PyTorch's calls have it.

    Raises:
        ValueError: A number is out of range.
        TypeError: An argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> erased = RandomErasing(p=1, value=7)(np.zeros((1, 9, 9), np.float32))
        >>> set(erased.ravel().tolist()) == {0.0, 7.0}
        True
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        value: float | Sequence[float] | str = 0,
        inplace: bool = False,
    ) -> None:
        """Check the arguments."""
        flag(inplace, "RandomErasing", "inplace")
        self.p = probability(p, "RandomErasing")
        self.scale = span(scale, "RandomErasing", "scale", 0.0, 1.0)
        self.ratio = span(ratio, "RandomErasing", "ratio", 1e-3, 1e3)
        if isinstance(value, str) and value != "random":
            raise ValueError(f'RandomErasing: value must be numbers or "random", got {value!r}')
        self.value = value

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        noise = isinstance(self.value, str)
        value = per_channel(0 if noise else self.value, channels, "RandomErasing", "value")
        return [("erase", (self.p, *self.scale, *self.ratio, noise, *value))]


def _factor(value: float | Sequence[float], name: str) -> tuple[float, float]:
    if isinstance(value, numbers.Real):
        width = real(value, "ColorJitter", name)
        if width < 0:
            raise ValueError(f"ColorJitter: {name} must not be negative, got {width}")
        return max(0.0, 1 - width), 1 + width
    return span(value, "ColorJitter", name, 0.0, 1e6)


def _numbers(value: Any, name: str) -> tuple[float, ...]:
    if isinstance(value, numbers.Real):
        return (real(value, "Normalize", name),)
    return tuple(real(each, "Normalize", name) for each in value)


def _check_colours(channels: int, function: str) -> None:
    if channels not in (1, 3):
        raise ValueError(f"{function}: pictures must have 1 or 3 channels, got {channels}")
