"""The look that all pictures share: palette, title block, bare axes."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

INK = "#1f2933"
MUTED = "#66727f"
RULE = "#dfe3e8"
FIELD = "#f5f6f8"
PAPER = "#ffffff"
BLUE = "#1f5fa8"
ORANGE = "#d4561e"

_TITLE_SIZE = 13.0
_NOTE_SIZE = 9.5
_MARGIN = 0.3  # inches


def page(width: float, body: float, title: str, note: str = "") -> tuple[Figure, float]:
    """Open a figure with a title block; give it and the height in inches that is left for the body.

    The figure is as high as the wrapped title, the note and `body` inches need together.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            'pictures need matplotlib: pip install "convlet[plot]"',
        ) from None
    room = width - 2 * _MARGIN
    titles = _wrap(title, room, _TITLE_SIZE * 0.6)
    notes = _wrap(note, room, _NOTE_SIZE * 0.54)
    title_height = len(titles) * _TITLE_SIZE * 1.3 / 72
    note_height = len(notes) * _NOTE_SIZE * 1.4 / 72
    header = 0.22 + title_height + note_height + 0.12
    height = header + body
    figure = Figure(figsize=(width, height), facecolor=PAPER, dpi=144)
    for text, down, size, colour, weight in (
        ("\n".join(titles), 0.22, _TITLE_SIZE, INK, "bold"),
        ("\n".join(notes), 0.22 + title_height + 0.05, _NOTE_SIZE, MUTED, "normal"),
    ):
        if text:
            figure.text(
                _MARGIN / width,
                1 - down / height,
                text,
                fontsize=size,
                color=colour,
                fontweight=weight,
                va="top",
                ha="left",
                linespacing=1.25,
                parse_math=False,
            )
    return figure, body


def place(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Add axes whose box is given in inches from the lower left corner of the figure."""
    across, up = figure.get_size_inches()
    return figure.add_axes((left / across, bottom / up, width / across, height / up))


def chart(axes: Axes) -> None:
    """Dress axes that carry a scale: two spines, faint horizontal rules, muted numbers."""
    axes.set_facecolor(PAPER)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.grid(visible=True, axis="y", color=RULE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", colors=MUTED, labelsize=9, length=0)


def bare(axes: Axes, *, frame: bool = False) -> None:
    """Dress axes that carry an image: no ticks, and a hairline frame if asked."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(frame)
        spine.set_color(RULE)
        spine.set_linewidth(0.8)


def caption(
    axes: Axes, text: str, *, colour: str = INK, size: float = 9.0, y: float = -0.06
) -> None:
    """Write one or more lines under axes, centred."""
    axes.annotate(
        text,
        (0.5, y),
        xycoords="axes fraction",
        xytext=(0, -0.85 * size),  # from baseline to baseline, whatever letters a word has
        textcoords="offset points",
        fontsize=size,
        color=colour,
        ha="center",
        va="baseline",
        linespacing=1.3,
        parse_math=False,
    )


def percent(share: float) -> str:
    """Write a probability without claiming a certainty that only rounding gives."""
    return "> 99.9 %" if share > 0.9995 else f"{100 * share:.1f} %"


def diverging() -> LinearSegmentedColormap:
    """Blue below zero, white at zero, orange above."""
    return _colours(
        "convlet-diverging", ["#123a6b", BLUE, "#a9c6e6", PAPER, "#f3c1a5", ORANGE, "#7d2b08"]
    )


def sequential() -> LinearSegmentedColormap:
    """White to deep blue."""
    return _colours("convlet-sequential", [PAPER, "#c6d9ee", "#6d9fd3", BLUE, "#0d2b52"])


def alarm() -> LinearSegmentedColormap:
    """White to deep orange."""
    return _colours("convlet-alarm", [PAPER, "#fbe0d1", "#f0a27c", ORANGE, "#a33b0c"])


def _colours(name: str, stops: list[str]) -> LinearSegmentedColormap:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(name, stops)


def _wrap(text: str, room: float, character: float) -> list[str]:
    """Break text into lines of `room` inches, given the mean width of a character in points."""
    return textwrap.wrap(text, max(12, int(room * 72 / character)))
