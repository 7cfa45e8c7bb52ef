"""Image arrays of the usual kinds, brought to what matplotlib draws."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes

_RGB = 3


def pixels(images: npt.ArrayLike, where: str) -> npt.NDArray[np.float32]:
    """Images (N, H, W) or (N, C, H, W) -> (N, H, W, 1) or (N, H, W, 3) with values in [0, 1].

    Bytes are divided by 255; other numbers are stretched from the smallest to the largest of the
    whole array, as normalised images have no fixed range. Images of neither one nor three channels
    are shown as the mean over channels. Values that are not finite are drawn black.
    """
    array: npt.NDArray[Any] = np.asarray(images)
    if array.ndim not in {3, 4}:
        raise ValueError(
            f"{where}: images must have shape (N, H, W) or (N, C, H, W), got {array.shape}"
        )
    if array.size == 0:
        raise ValueError(f"{where}: images must not be empty, got shape {array.shape}")
    if array.ndim == 3:
        array = array[:, None]
    if array.dtype == np.uint8:
        scaled = array.astype(np.float32) / np.float32(255)
    elif array.dtype == np.bool_ or np.issubdtype(array.dtype, np.number):
        scaled = stretch(array.astype(np.float32))
    else:
        raise TypeError(f"{where}: images must be numbers, got dtype {array.dtype}")
    if scaled.shape[1] not in {1, _RGB}:
        scaled = scaled.mean(axis=1, keepdims=True)
    return np.ascontiguousarray(scaled.transpose(0, 2, 3, 1))


def stretch(array: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Map the smallest finite value to 0 and the largest to 1."""
    finite = np.isfinite(array)
    if not finite.any():
        return np.zeros_like(array)
    low, high = float(array[finite].min()), float(array[finite].max())
    span = high - low if high > low else 1.0
    return np.where(finite, (array - low) / span, np.float32(0)).astype(np.float32)


def draw(axes: Axes, image: npt.NDArray[np.float32]) -> None:
    """Draw one image (H, W, 1 or 3) of values in [0, 1]: gray or colour, pixels as squares."""
    if image.shape[2] == _RGB:
        axes.imshow(image, interpolation="nearest")
    else:
        axes.imshow(image[:, :, 0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def labels_and_names(
    labels: npt.ArrayLike, count: int, names: Sequence[str] | None, where: str
) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Check labels against the number of images and give every class a name."""
    array = np.asarray(labels)
    if array.shape != (count,):
        raise ValueError(f"{where}: labels must have shape ({count},), got {array.shape}")
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{where}: labels must be integers, got dtype {array.dtype}")
    classes = array.astype(np.int64)
    if count and classes.min() < 0:
        raise ValueError(f"{where}: labels must be at least 0, got {classes.min()}")
    highest = int(classes.max()) if count else -1
    if names is None:
        return classes, [str(i) for i in range(highest + 1)]
    if highest >= len(names):
        raise ValueError(f"{where}: names has {len(names)} entries but a label is {highest}")
    return classes, [str(name) for name in names]
