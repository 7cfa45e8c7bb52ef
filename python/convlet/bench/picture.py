"""Bars that say how many times as fast convlet is as the fastest other side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.bench.race import OURS, mean_ratio
from convlet.viz._page import BLUE, INK, MUTED, ORANGE, RULE, page, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from convlet.bench.race import Row

__all__ = ["ratios"]

_COLOURS = (BLUE, "#6d9fd3", ORANGE)
_BAR, _GAP, _TITLE = 0.17, 0.12, 0.34  # inches: a bar, the space around a case, a group's title
_LEFT, _WIDTH = 3.6, 5.2


def ratios(rows: Sequence[Row]) -> Figure:
    """Draw a bar for each row that another side computed too, grouped by case.

    Raises:
        ValueError: no other side computed any of them.
    """
    shown = [row for row in rows if row.others]
    if not shown:
        raise ValueError("ratios: at least one row must have another side than convlet")
    sides = list(dict.fromkeys(side for row in shown for side in row.others))
    ahead = sum(row.ratio >= 1 for row in shown)
    sides = [side for side in sides if not any(side.startswith(f"{short} ") for short in sides)]
    names = " and ".join([", ".join(sides[:-1]), sides[-1]] if len(sides) > 1 else sides)
    groups = list(dict.fromkeys(row.group for row in shown))
    cases = list(dict.fromkeys((row.group, row.name) for row in shown))
    body = len(shown) * _BAR + len(cases) * _GAP + len(groups) * _TITLE + 0.75
    figure, _ = page(
        _LEFT + _WIDTH + 0.7,
        body,
        f"{OURS} is ahead in {ahead} of {len(shown)} races and "
        f"{mean_ratio(shown):.1f} times as fast in the mean",
        f"Time of the fastest of {names}, divided by {OURS}'s; the mean is the geometric one.",
    )
    axes = place(figure, _LEFT, 0.55, _WIDTH, body - 0.6)
    _scale(axes, [row.ratio for row in shown], body - 0.6)
    down = 0.0
    for group in groups:
        axes.text(-0.02, down + _TITLE * 0.7, group, fontsize=9.5, fontweight="bold", color=INK,
                  ha="right", va="center", transform=axes.get_yaxis_transform())  # fmt: skip
        down += _TITLE
        for case in [case for case in cases if case[0] == group]:
            down = _bars(axes, [row for row in shown if (row.group, row.name) == case], down)
    axes.set_xlabel("times as fast", fontsize=9, color=MUTED)
    return figure


def _scale(axes: Axes, values: list[float], height: float) -> None:
    """A logarithmic scale, on which twice and half as fast are equally far from the line at 1."""
    axes.set_ylim(height, 0)
    axes.set_xscale("log", base=2)
    axes.set_xlim(min(0.7, *values) / 2.2, max(1.5, *values) * 2.2)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.grid(visible=True, axis="x", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_yticks([])
    axes.tick_params(which="both", colors=MUTED, labelsize=9, length=0)
    axes.axvline(1, color=INK, linewidth=1)


def _bars(axes: Axes, rows: Sequence[Row], down: float) -> float:
    """The bars of one case, each with its pass and its ratio; how far down they end."""
    middle = down + (len(rows) * _BAR + _GAP) / 2
    axes.text(-0.02, middle, rows[0].name, fontsize=8.5, color=INK, ha="right", va="center",
              transform=axes.get_yaxis_transform(), parse_math=False)  # fmt: skip
    for index, row in enumerate(rows):
        at = down + _GAP / 2 + (index + 0.5) * _BAR
        colour = _COLOURS[index % len(_COLOURS)]
        axes.barh(at, row.ratio - 1, _BAR * 0.82, left=1, color=colour)
        ahead = row.ratio >= 1
        axes.annotate(
            f"{row.ratio:.2f}  {row.kind}",
            (row.ratio, at),
            xytext=(4 if ahead else -4, 0),
            textcoords="offset points",
            fontsize=7.5,
            color=MUTED,
            ha="left" if ahead else "right",
            va="center",
            annotation_clip=False,
        )
    return down + len(rows) * _BAR + _GAP
