"""The worst mistakes of a classifier."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet.viz._page import BLUE, ORANGE, bare, caption, page, percent, place
from convlet.viz._pixels import draw, labels_and_names, pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

_COLUMNS = 6


def mistakes(
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    probabilities: npt.ArrayLike,
    names: Sequence[str] | None = None,
    *,
    limit: int = 18,
) -> Figure:
    """Draw the mistakes that the classifier was surest of: truth, prediction, confidence.

    Without a mistake the correct answers with the least confidence are drawn.

    Args:
        images: (N, H, W) or (N, C, H, W), bytes or normalised numbers.
        labels: the true classes, shape (N,).
        probabilities: shape (N, classes).
        names: one name per class; default "0", "1", ….
        limit: the largest number of images drawn.

    Raises:
        ValueError: shapes that do not fit, labels out of range, limit below 1.

    >>> import numpy as np
    >>> from convlet import viz
    >>> figure = viz.mistakes(np.zeros((2, 8, 8)), [0, 1], [[0.9, 0.1], [0.8, 0.2]])
    """
    pictures = pixels(images, "mistakes")
    count = len(pictures)
    scores = np.asarray(probabilities, dtype=np.float64)
    if scores.ndim != 2 or len(scores) != count or scores.shape[1] == 0:
        raise ValueError(
            f"mistakes: probabilities must have shape ({count}, classes), got {scores.shape}"
        )
    if limit < 1:
        raise ValueError(f"mistakes: limit must be at least 1, got {limit}")
    default = [str(i) for i in range(scores.shape[1])]
    truth, classes = labels_and_names(
        labels, count, default if names is None else names, "mistakes"
    )
    if len(classes) < scores.shape[1]:
        raise ValueError(
            f"mistakes: names has {len(classes)} entries for {scores.shape[1]} classes"
        )
    guess = scores.argmax(axis=1)
    sure = scores.max(axis=1)
    wrong = np.flatnonzero(guess != truth)
    if len(wrong):
        chosen = wrong[np.argsort(-sure[wrong], kind="stable")][:limit]
        title = f"{len(wrong):,} of {count:,} read wrongly"
        note = "Shown surest first: truth → prediction, and how sure the network was."
        if len(chosen) < len(wrong):
            note = f"The {len(chosen)} it was surest of: truth → prediction, and how sure it was."
    else:
        chosen = np.argsort(sure, kind="stable")[:limit]
        title = f"No mistake in {count:,}"
        note = f"The {len(chosen)} correct answers with the least confidence."

    columns = min(_COLUMNS, len(chosen))
    rows = math.ceil(len(chosen) / columns)
    figure, body = page(max(0.6 + columns * 1.3 - 0.2, 4.6), rows * 1.62 + 0.1, title, note)
    for position, index in enumerate(chosen):
        row, column = divmod(position, columns)
        axes = place(figure, 0.3 + column * 1.3, body - 1.15 - row * 1.62, 1.1, 1.1)
        draw(axes, pictures[index])
        bare(axes, frame=True)
        right = guess[index] == truth[index]
        answer = classes[truth[index]]
        if not right:
            answer = f"{_short(answer)} → {_short(classes[guess[index]])}"
        size = 150 / max(len(answer), 15)
        caption(axes, answer, colour=BLUE if right else ORANGE, size=size, y=-0.04)
        caption(axes, percent(sure[index]), colour="#66727f", size=8.5, y=-0.22)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= 9 else name[:8] + "…"
