"""Loss and accuracy over the epochs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet.viz._page import BLUE, INK, MUTED, ORANGE, chart, page, place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LONG = 10  # epochs
_LOG_FROM = 8.0  # a loss that falls by more than this factor is drawn on a logarithmic scale
_SERIES = (("", "training", BLUE), ("val_", "validation", ORANGE))


def curves(history: Iterable[Mapping[str, float]], *, kept: int | None = None) -> Figure:
    """Draw loss and accuracy of training and validation over the epochs; mark the best one.

    Args:
        history: one mapping per epoch, as `History` holds them: "loss" and, where known, "accuracy",
            "val_loss", "val_accuracy", "epoch".
        kept: the number of the epoch whose weights are kept, to be marked; unless given it is the
            one with the lowest validation loss (without validation: loss), none if none is finite.

    Raises:
        ValueError: the history is empty or has no loss, or no epoch has the number `kept`.

    >>> from convlet import viz
    >>> figure = viz.curves([{"loss": 1.2, "accuracy": 0.6}, {"loss": 0.4, "accuracy": 0.9}])
    """
    rows = [dict(row) for row in history]
    if not rows or "loss" not in rows[0]:
        raise ValueError("curves: history must have at least one epoch with a loss")
    epochs = [int(row.get("epoch", i + 1)) for i, row in enumerate(rows)]
    judge = "val_loss" if _has(rows, "val_loss") else "loss"
    ranks = [_rank(row.get(judge)) for row in rows]
    best = ranks.index(min(ranks)) if min(ranks) < math.inf else None
    if kept is not None:
        if kept not in epochs:
            raise ValueError(f"curves: kept must be one of {len(rows)} epochs, got {kept}")
        best = epochs.index(kept)
    accuracy = any(_has(rows, name) for name in ("accuracy", "val_accuracy"))
    width = 9.8 if accuracy else 5.8
    marked = "the epoch of the lowest loss" if kept is None else "the epoch whose weights are kept"
    figure, _ = page(width, 3.9, *_finding(rows, epochs, best, judge, marked))

    panels = [("loss", "loss")] + ([("accuracy", "accuracy, %")] if accuracy else [])
    for column, (key, label) in enumerate(panels):
        axes = place(figure, 0.75 + 4.75 * column, 0.6, 3.25, 2.95)
        _panel(axes, rows, epochs, key, best)
        axes.set_title(label, fontsize=10.5, color=INK, loc="left", pad=8)
        axes.set_xlabel("epoch", fontsize=9, color=MUTED)
    return figure


def _panel(
    axes: Axes, rows: Sequence[Mapping[str, float]], epochs: list[int], key: str, best: int | None
) -> None:
    """Draw the two lines of one quantity, each labelled at its end."""
    from matplotlib.ticker import MaxNLocator

    chart(axes)
    percent = key == "accuracy"
    lines = []
    for prefix, name, colour in _SERIES:
        if _has(rows, prefix + key):
            values = [
                float(row.get(prefix + key, math.nan)) * (100 if percent else 1) for row in rows
            ]
            axes.plot(
                epochs,
                values,
                color=colour,
                linewidth=1.8,
                marker="o" if len(rows) == 1 else None,
                solid_capstyle="round",
            )
            lines.append((values, name, colour))
    seen = [v for values, _, _ in lines for v in values if math.isfinite(v)]
    if percent:
        axes.set_ylim(_floor(seen, len(rows)), 100)
    elif seen and min(seen) > 0 and max(seen) / min(seen) > _LOG_FROM:
        axes.set_yscale("log")
        _plain_numbers(axes)
    elif seen:
        axes.set_ylim(0, max(seen) * 1.05 or 1)
    side = 0.5 if len(epochs) == 1 else 0.0
    axes.set_xlim(min(epochs) - side, max(epochs) + side)
    if len(epochs) == 1:
        axes.set_xticks(epochs)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    if best is not None:
        axes.axvline(epochs[best], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)), zorder=1)
    _name_lines(axes, lines, percent=percent)


def _name_lines(axes: Axes, lines: list[tuple[list[float], str, str]], *, percent: bool) -> None:
    """Write each line's name and last value at its right end, moved apart when they would touch."""
    ends: list[tuple[float, str, str]] = []
    for values, name, colour in lines:
        last = next((v for v in reversed(values) if math.isfinite(v)), None)
        if last is not None:
            up = float(axes.transAxes.inverted().transform(axes.transData.transform((0, last)))[1])
            text = f"{name}\n{last:.1f} %" if percent else f"{name}\n{last:.3g}"
            ends.append((up, text, colour))
    ends.sort()
    heights = _spread([up for up, _, _ in ends])
    for up, (_, text, colour) in zip(heights, ends, strict=True):
        axes.text(
            1.03,
            up,
            text,
            transform=axes.transAxes,
            color=colour,
            fontsize=9,
            va="center",
            linespacing=1.15,
        )


def _spread(heights: list[float], gap: float = 0.15, edge: float = 0.06) -> list[float]:
    """Move one or two ascending heights in [0, 1] apart by at least `gap`, inside the axes."""
    kept = [min(max(height, edge), 1 - edge) for height in heights]
    if len(kept) == 2 and kept[1] - kept[0] < gap:
        middle = min(max(sum(kept) / 2, edge + gap / 2), 1 - edge - gap / 2)
        kept = [middle - gap / 2, middle + gap / 2]
    return kept


def _finding(
    rows: Sequence[Mapping[str, float]],
    epochs: list[int],
    best: int | None,
    judge: str,
    marked: str,
) -> tuple[str, str]:
    kind = "Validation loss" if judge == "val_loss" else "Training loss"
    if best is None:
        return f"{kind} never finite", "No epoch is better than another."
    title = f"{kind} {rows[best].get(judge, math.nan):.3g} at epoch {epochs[best]} of {len(rows)}"
    reached = rows[best].get("val_accuracy", rows[best].get("accuracy"))
    if reached is None:
        return title, f"Dashed: {marked}."
    what = "validation" if "val_accuracy" in rows[best] else "training"
    return title, f"Dashed: {marked}, {what} accuracy {100 * reached:.1f} %."


def _plain_numbers(axes: Axes) -> None:
    """Write 0.05, 0.1, 0.5 … on a logarithmic scale in place of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _floor(percents: list[float], epochs: int) -> float:
    """Give the lower end of the accuracy scale: a round number at or below what was seen.

    A long training is not drawn from its first steps on: they would press the rest flat.
    """
    if not percents:
        return 0.0
    low = float(np.percentile(percents, 10)) if epochs >= _LONG else min(percents)
    return max(0.0, 5 * math.floor((low - 1) / 5))


def _has(rows: Sequence[Mapping[str, float]], key: str) -> bool:
    return any(key in row for row in rows)


def _rank(value: float | None) -> float:
    return math.inf if value is None or math.isnan(value) else float(value)
