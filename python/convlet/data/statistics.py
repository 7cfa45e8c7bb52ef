"""Mean and standard deviation of each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["channel_statistics"]

_LEVELS = np.arange(256) / 255.0


def channel_statistics(images: npt.NDArray[Any]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, as `ArrayDataset` takes them.

    Args:
        images: (N, C, H, W) or (N, H, W). uint8 counts as 0 to 1, float32 as it is.

    Returns:
        Two tuples of C numbers. A channel of one single value gets the deviation 1, so that
        dividing by it is harmless.

    Raises:
        ValueError: There are no pixels, or the array has another number of dimensions.
        TypeError: It is no array, or the pixels are neither uint8 nor floating point.

    Example:
        >>> import numpy as np
        >>> images = np.array([[[0, 255], [255, 0]]], dtype=np.uint8)
        >>> channel_statistics(images)
        ((0.5,), (0.5,))
    """
    if not hasattr(images, "ndim"):
        raise TypeError(f"channel_statistics: images must be an array, got {type(images).__name__}")
    if images.ndim == 3:
        images = images[:, None]
    if images.ndim != 4 or images.size == 0:
        raise ValueError(
            "channel_statistics: images must be (N, C, H, W) or (N, H, W) with at least one pixel, "
            f"got shape {images.shape}"
        )
    if images.dtype != np.uint8 and images.dtype.kind != "f":
        raise TypeError(f"channel_statistics: images must be uint8 or float, got {images.dtype}")
    means, deviations = [], []
    for channel in range(images.shape[1]):
        pixels = images[:, channel]
        if images.dtype == np.uint8:
            # A histogram is exact, and eight times smaller than the pixels as float64.
            share = np.bincount(pixels.ravel(), minlength=256) / pixels.size
            mean = float(share @ _LEVELS)
            deviation = float(np.sqrt(share @ (_LEVELS - mean) ** 2))
        else:
            mean = float(pixels.mean(dtype=np.float64))
            deviation = float(pixels.std(dtype=np.float64))
        means.append(mean)
        deviations.append(deviation or 1.0)
    return tuple(means), tuple(deviations)
