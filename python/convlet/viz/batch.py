"""A batch of images with their labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet.viz._page import INK, bare, caption, page, place
from convlet.viz._pixels import draw, labels_and_names, pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure


def batch(
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    names: Sequence[str] | None = None,
    *,
    limit: int = 32,
) -> Figure:
    """Draw a batch of images, each above the name of its class.

    Args:
        images: (N, H, W) or (N, C, H, W), bytes or normalised numbers.
        labels: classes, shape (N,).
        names: one name per class; default "0", "1", ….
        limit: the largest number of images drawn.

    Raises:
        ValueError: shapes that do not fit, labels out of range, limit below 1.

    >>> import numpy as np
    >>> from convlet import viz
    >>> figure = viz.batch(np.zeros((3, 8, 8), np.uint8), [0, 1, 1], ["cat", "dog"])
    """
    pictures = pixels(images, "batch")
    classes, words = labels_and_names(labels, len(pictures), names, "batch")
    if limit < 1:
        raise ValueError(f"batch: limit must be at least 1, got {limit}")
    shown = min(len(pictures), limit)
    present = len(np.unique(classes))
    title = f"{len(pictures):,} images of {present} {'class' if present == 1 else 'classes'}"
    note = f"The first {shown}." if shown < len(pictures) else ""
    columns = min(shown, max(4, math.ceil(math.sqrt(shown * 1.8))))
    rows = math.ceil(shown / columns)
    figure, body = page(max(0.6 + columns * 1.15 - 0.15, 4.0), rows * 1.3 + 0.1, title, note)
    for position in range(shown):
        row, column = divmod(position, columns)
        axes = place(figure, 0.3 + column * 1.15, body - 1.05 - row * 1.3, 1.0, 1.0)
        draw(axes, pictures[position])
        bare(axes, frame=True)
        caption(axes, words[classes[position]], colour=INK, size=9.5, y=-0.05)
    return figure
