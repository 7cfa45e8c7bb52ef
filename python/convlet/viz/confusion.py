"""The confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.viz._page import FIELD, INK, MUTED, PAPER, alarm, bare, page, place, sequential

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NUMBERS_UP_TO = 40  # classes; beyond, cells are too small for numbers
_DARK = 0.55
_LISTED = 4  # mistakes named in the note


def confusion_matrix(matrix: npt.ArrayLike, names: Sequence[str] | None = None) -> Figure:
    """Draw how often each true class (row) was read as each class (column), and recall per class.

    Correct counts are blue, shaded by recall; mistakes are orange, shaded by their number, so that
    few mistakes remain visible beside many correct answers.

    Args:
        matrix: counts, shape (classes, classes).
        names: one name per class; default "0", "1", ….

    Raises:
        ValueError: the matrix is not square, is empty, holds negative counts, or has another size
            than `names`.

    >>> from convlet import viz
    >>> figure = viz.confusion_matrix([[9, 1], [0, 10]], ["cat", "dog"])
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or counts.size == 0:
        raise ValueError(
            f"confusion_matrix: matrix must be square and not empty, got {counts.shape}"
        )
    if not np.issubdtype(counts.dtype, np.integer):
        raise TypeError(f"confusion_matrix: matrix must hold integers, got dtype {counts.dtype}")
    if counts.min() < 0:
        raise ValueError(f"confusion_matrix: counts must be at least 0, got {counts.min()}")
    size = len(counts)
    labels = [str(i) for i in range(size)] if names is None else [str(name) for name in names]
    if len(labels) != size:
        raise ValueError(f"confusion_matrix: names has {len(labels)} entries for {size} classes")

    longest = max(len(label) for label in labels)
    cell = min(0.46, 14 / size)
    side = cell * size
    left = 0.62 + 0.075 * longest
    under = 0.35 + (0.07 * longest if longest > 4 else 0.2)
    title, note = _finding(counts, labels)
    figure, _ = page(max(left + side + 1.0, 5.4), under + side + 0.42, title, note)
    axes = place(figure, left, under + 0.1, side, side)
    _cells(axes, counts)
    bare(axes)
    turn = 90 if longest > 4 else 0
    size_of_text = min(9.5, cell * 26)
    axes.set_xticks(
        range(size), labels, fontsize=size_of_text, color=INK, rotation=turn, parse_math=False
    )
    axes.set_yticks(range(size), labels, fontsize=size_of_text, color=INK, parse_math=False)
    axes.tick_params(length=0, pad=4)
    axes.set_ylabel("truth", fontsize=9.5, color=MUTED, labelpad=6)
    axes.set_xlabel("prediction", fontsize=9.5, color=MUTED, labelpad=6)
    _recalls(axes, counts, size_of_text)
    return figure


def _cells(axes: Axes, counts: npt.NDArray[np.integer]) -> None:
    from matplotlib.colors import to_rgba

    size = len(counts)
    right = np.eye(size, dtype=bool)
    recall = np.diag(counts) / np.maximum(counts.sum(axis=1), 1)
    wrong = np.where(right, 0, counts)
    shade = wrong / max(int(wrong.max()), 4)
    hit = (0.25 + 0.6 * recall)[:, None] * right
    picture = np.where(right[..., None], sequential()(hit), alarm()(0.9 * shade))
    picture[counts == 0] = to_rgba(FIELD)
    axes.imshow(picture, interpolation="nearest", aspect="equal")
    for edge in range(1, size):  # white rules keep cells apart
        axes.axhline(edge - 0.5, color=PAPER, linewidth=1.2)
        axes.axvline(edge - 0.5, color=PAPER, linewidth=1.2)
    axes.set_xlim(-0.5, size - 0.5)
    axes.set_ylim(size - 0.5, -0.5)
    if size > _NUMBERS_UP_TO:
        return
    for row, column in zip(*np.nonzero(counts), strict=True):
        dark = hit[row, column] > _DARK if row == column else shade[row, column] > 0.7
        axes.text(
            column,
            row,
            f"{counts[row, column]}",
            fontsize=min(9.5, 190 / size),
            color=PAPER if dark else INK,
            ha="center",
            va="center",
        )


def _recalls(axes: Axes, counts: npt.NDArray[np.integer], size: float) -> None:
    """Write the recall of each class to the right of its row."""
    right = len(counts) - 0.5 + 0.25
    axes.text(right, -0.6, "recall", fontsize=size, color=MUTED, va="bottom")
    for row, total in enumerate(counts.sum(axis=1)):
        text = f"{100 * counts[row, row] / total:.1f} %" if total else "none"
        axes.text(right, row, text, fontsize=size, color=INK, va="center")


def _finding(counts: npt.NDArray[np.integer], labels: list[str]) -> tuple[str, str]:
    total, hits = int(counts.sum()), int(np.trace(counts))
    title = f"{hits:,} of {total:,} correct" + (f" ({100 * hits / total:.1f} %)" if total else "")
    wrong = counts - np.diag(np.diag(counts))
    if wrong.max() == 0:
        return title, "No mistakes."
    times = int(wrong.max())
    often = [f"{labels[truth]} as {labels[guess]}" for truth, guess in np.argwhere(wrong == times)]
    listed = ", ".join(often[:_LISTED])
    if len(often) > _LISTED:
        listed += f" and {len(often) - _LISTED} more"
    count = "once" if times == 1 else f"{times} times"
    if len(often) == 1:
        return title, f"Most frequent mistake: {listed}, {count}."
    return title, f"Most frequent mistakes, {count} each: {listed}."
