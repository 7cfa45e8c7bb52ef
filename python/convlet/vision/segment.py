"""The class of each pixel of an image of any size."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.grad_mode import no_grad
from convlet.ops._arguments import integer, pair, real
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["segment"]

FLIPS = {"horizontal": -1, "vertical": -2}  # the axis that each reverses


def segment(
    model: Callable[[Any], Any],
    image: npt.NDArray[Any],
    window: int | Sequence[int] = 256,
    *,
    overlap: float = 0.25,
    flips: Sequence[str] = (),
    batch_size: int = 4,
    prepare: Callable[[npt.NDArray[Any]], npt.NDArray[Any]] | None = None,
    probabilities: bool = False,
) -> Any:
    """Find the class of each pixel of an image of any size, a window at a time.

    Windows overlap, and what they say of a pixel is averaged: with weights that fall toward the
    border of a window, where it sees least of what is around. Beside the result only what belongs
    to one row of windows is kept, so the memory grows with the width of the image and not with its
    area; the image itself may be memory-mapped.

    Args:
        model: scores (N, K, h, w) of images (N, C, h, w); a module should be in evaluation mode.
            One score per pixel (K = 1) means the classes 0 and 1.
        image: (C, H, W).
        window: height and width of a window, or one number for both. A smaller image is continued
            by its outermost pixels.
        overlap: share of a window's side that it has in common with the next one, in [0, 1).
        flips: "horizontal", "vertical" or both: the image is mirrored as well, in each combination,
            and the mean taken.
        batch_size: windows at once.
        prepare: what makes of windows (N, C, h, w) what the model wants, such as a transform; they
            are converted to float32 unless given.
        probabilities: whether they are wanted too, at K times the memory of the image.

    Returns:
        uint8 (H, W); or a pair of it and float32 (K, H, W), of which the K are 2 for one score.

    Raises:
        TypeError: an argument is not of its type.
        ValueError: the image is not (C, H, W) with pixels, a number is out of range, or the model
            does not give scores of 1 to 256 classes for each pixel.

    Example:
        >>> import numpy as np
        >>> from convlet import models
        >>> model = models.unet(1, 3, 2, seed=0).eval()
        >>> segment(model, np.zeros((1, 100, 70), np.float32), window=32).shape
        (100, 70)
    """
    if not hasattr(image, "ndim"):
        raise TypeError(f"segment: image must be an array (C, H, W), got {type(image).__name__}")
    if image.ndim != 3 or 0 in image.shape:
        raise ValueError(f"segment: image must be (C, H, W) with pixels, got {image.shape}")
    rows, columns = pair(window, "segment", "window")
    if min(rows, columns) < 1:
        raise ValueError(f"segment: window must be at least 1, got {window}")
    share = real(overlap, "segment", "overlap")
    if not 0 <= share < 1:
        raise ValueError(f"segment: overlap must be in [0, 1), got {overlap}")
    if integer(batch_size, "segment", "batch_size") < 1:
        raise ValueError(f"segment: batch_size must be at least 1, got {batch_size}")
    axes = _mirrors(flips)
    _, height, width = image.shape
    tops, lefts = _places(height, rows, share), _places(width, columns, share)
    weight = _weight(rows)[:, None] * _weight(columns)
    mask = np.empty((height, width), np.uint8)
    chances: Array | None = None
    strip: Array | None = None  # sums of the rows from the present window's top on, (K, rows, W)
    across = max(width, columns)
    covered = np.zeros((rows, across), np.float32)
    for number, top in enumerate(tops):
        for first in range(0, len(lefts), batch_size):
            part = lefts[first : first + batch_size]
            views = np.stack([_view(image, top, left, rows, columns) for left in part])
            shares = _shares(model, views if prepare is None else prepare(views), axes)
            if strip is None:
                strip = np.zeros((shares.shape[1], rows, across), np.float32)
            for left, given in zip(part, shares, strict=True):
                strip[:, :, left : left + columns] += given * weight
                covered[:, left : left + columns] += weight
        assert strip is not None
        done = (tops[number + 1] if number + 1 < len(tops) else height) - top
        done = min(done, rows)
        ready = strip[:, :done, :width]
        mask[top : top + done] = ready.argmax(axis=0)
        if probabilities:
            if chances is None:
                chances = np.empty((len(strip), height, width), np.float32)
            chances[:, top : top + done] = ready / covered[:done, :width]
        strip[:, : rows - done], strip[:, rows - done :] = strip[:, done:].copy(), 0
        covered[: rows - done], covered[rows - done :] = covered[done:].copy(), 0
    return (mask, chances) if probabilities else mask


def _mirrors(flips: Sequence[str]) -> list[tuple[int, ...]]:
    """The axes that are reversed in each look at a window."""
    names = (flips,) if isinstance(flips, str) else tuple(flips)
    unknown = [name for name in names if name not in FLIPS]
    if unknown:
        raise ValueError(f"segment: flips must be of {', '.join(FLIPS)}, got {unknown[0]!r}")
    choices = [((), (FLIPS[name],)) for name in dict.fromkeys(names)]
    return [sum(chosen, ()) for chosen in product(*choices)]


def _places(length: int, window: int, overlap: float) -> list[int]:
    """Where windows begin, the last at the end."""
    step = max(1, round(window * (1 - overlap)))
    last = max(length - window, 0)
    return [*range(0, last, step), last]


def _weight(length: int) -> Array:
    """How much each place of a window counts: most in its middle, a little at its ends."""
    middle = (length - 1) / 2
    return np.asarray(1.0 - np.abs(np.arange(length) - middle) / (middle + 1), np.float32)


def _view(
    image: npt.NDArray[Any], top: int, left: int, rows: int, columns: int
) -> npt.NDArray[Any]:
    view = np.asarray(image[:, top : top + rows, left : left + columns])
    below, right = rows - view.shape[1], columns - view.shape[2]
    return np.pad(view, ((0, 0), (0, below), (0, right)), mode="edge") if below or right else view


def _shares(
    model: Callable[[Any], Any], windows: npt.NDArray[Any], mirrors: list[tuple[int, ...]]
) -> Array:
    """Probabilities (N, K, h, w), the mean over the mirrored windows."""
    total: Array | None = None
    for axes in mirrors:
        seen = np.flip(windows, axes) if axes else windows
        with no_grad():
            outputs = model(Tensor(np.ascontiguousarray(seen, dtype=np.float32)))
        scores = outputs.numpy() if isinstance(outputs, Tensor) else outputs
        shape: tuple[int, ...] = getattr(scores, "shape", ())
        if len(shape) != 4 or shape[0] != len(windows) or shape[2:] != windows.shape[2:]:
            raise ValueError(
                f"segment: model must give scores (N, K, h, w) of images {windows.shape}, "
                f"got {shape or type(outputs).__name__}"
            )
        if not 1 <= shape[1] <= 256:
            raise ValueError(f"segment: model must give 1 to 256 scores a pixel, got {shape[1]}")
        given = _probabilities(scores)
        given = np.flip(given, axes) if axes else given
        total = given if total is None else total + given
    assert total is not None
    mean: Array = total / np.float32(len(mirrors))
    return mean


def _probabilities(scores: Array) -> Array:
    if scores.shape[1] == 1:
        one = 1 / (1 + np.exp(-scores))
        return np.concatenate([1 - one, one], axis=1)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares
