"""The picture of `roofline.py`: rooflines, bandwidths, and what each pass reaches of its own roof."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.viz._page import BLUE, INK, MUTED, ORANGE, RULE, chart, page, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from roofline import Row
    from roofline_streams import Streams

COLOURS = {
    "1x1": "#b7791f",
    "depthwise": ORANGE,
    "Winograd": BLUE,
    "few channels": "#805ad5",
    "direct": "#2f855a",
    "max pooling": "#97266d",
    "batch norm + ReLU": "#4a9a9a",
}
MARKERS = {"forward": "o", "gradient of input": "s", "gradient of weight": "^", "gradients": "s"}
LINE = 0.2  # inches of a layer


def kind_of(row: Row) -> str:
    """What its colour stands for: the algorithm, or the operator where there is only one."""
    if row.group != "convolution":
        return row.group
    if "1x1" in row.name and row.work.algorithm == "direct":
        return "1x1"
    return next(name for name in COLOURS if name in row.work.algorithm)


def draw(rows: Sequence[Row], streams: Mapping[int, Streams], note: str) -> Figure:
    """Draw all of it."""
    names = list(dict.fromkeys((row.group, row.name) for row in rows))
    below = len(names) * LINE + 1.3
    figure, _ = page(
        11.5,
        below + 4.9,
        "What binds each pass of a layer, and how much of it is reached",
        f"{note} Operations are those that the algorithm makes; bytes, each array once per pass over it.",
    )
    _roofs(place(figure, 0.8, below + 0.85, 5.6, 3.75), rows, streams)
    _bandwidth(place(figure, 7.4, below + 0.85, 3.7, 3.75), streams)
    _shares(place(figure, 4.0, 0.4, 7.1, len(names) * LINE), rows, names)
    _legend(place(figure, 0.8, below - 0.5, 10.3, 0.45), rows)
    return figure


def _legend(axes: Axes, rows: Sequence[Row]) -> None:
    """What colours and shapes stand for."""
    axes.set_axis_off()
    kinds = {kind_of(row) for row in rows}
    for name, colour in COLOURS.items():
        if name in kinds:
            axes.plot([], [], marker="o", color=colour, linestyle="", label=name)
    shapes = {MARKERS[row.kind]: row.kind for row in rows}
    for marker, kind in shapes.items():
        label = "gradient of input, gradients" if marker == "s" else kind
        axes.plot([], [], marker=marker, color=MUTED, linestyle="", label=label)
    axes.legend(loc="center", ncols=5, fontsize=8.5, frameon=False, labelcolor=INK)


def _style(axes: Axes, title: str, across: str, up: str) -> None:
    chart(axes)
    axes.set_title(title, fontsize=10.5, color=INK, loc="left", pad=8)
    axes.set_xlabel(across, fontsize=9, color=MUTED)
    axes.set_ylabel(up, fontsize=9, color=MUTED)


def _plain(axes: Axes) -> None:
    """Numbers without powers on logarithmic scales."""
    from matplotlib.ticker import LogLocator

    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(lambda value, _: "")


def _roofs(axes: Axes, rows: Sequence[Row], streams: Mapping[int, Streams]) -> None:
    _style(axes, "rooflines", "operations per byte", "GFLOP/s")
    axes.set_xscale("log")
    axes.set_yscale("log")
    intensity = np.array([row.work.made / row.work.moved for row in rows])
    speed = np.array([row.work.made / row.time / 1e6 for row in rows])
    peak = float(np.median([row.peak for row in rows])) / 1e9
    across = np.geomspace(intensity.min() / 1.6, intensity.max() * 1.6, 200)
    sizes = list(streams)
    for size in dict.fromkeys((sizes[-1], sizes[len(sizes) // 2 - 1])):
        slope = streams[size].both / 1e9
        axes.plot(across, np.minimum(slope * across, peak), color=INK, linewidth=1.1)
        axes.annotate(f"{size / 1e6:.0f} MB: {slope:.0f} GB/s", (across[0], slope * across[0]),
                      xytext=(4, 5), textcoords="offset points", fontsize=8, color=INK,
                      rotation=_angle(axes, across, peak, speed), rotation_mode="anchor")  # fmt: skip
    axes.annotate(f"{peak:.0f} GFLOP/s", (across[-1], peak), xytext=(0, 4),
                  textcoords="offset points", fontsize=8, color=INK, ha="right")  # fmt: skip
    for at, up, row in zip(intensity, speed, rows, strict=True):
        axes.plot(at, up, marker=MARKERS[row.kind], color=COLOURS[kind_of(row)], markersize=5,
                  alpha=0.85, linestyle="")  # fmt: skip
    axes.set_xlim(across[0], across[-1])
    axes.set_ylim(_bottom(speed), peak * 1.6)
    _plain(axes)


def _bottom(speed: np.ndarray) -> float:
    return float(speed.min()) / 2


def _angle(axes: Axes, across: np.ndarray, peak: float, speed: np.ndarray) -> float:
    """Degrees of a line of slope 1 between logarithmic scales."""
    box = axes.get_window_extent()
    decade_across = box.width / np.log10(across[-1] / across[0])
    decade_up = box.height / np.log10(peak * 1.6 / _bottom(speed))
    return float(np.degrees(np.arctan2(decade_up, decade_across)))


def _bandwidth(axes: Axes, streams: Mapping[int, Streams]) -> None:
    _style(axes, "bandwidth", "working set, MB", "GB/s")
    sizes = [size / 1e6 for size in streams]
    for name, label, colour in (
        ("read", "read", BLUE),
        ("both", "read + write", INK),
        ("write", "write", ORANGE),
    ):
        values = [getattr(s, name) / 1e9 for s in streams.values()]
        axes.plot(sizes, values, color=colour, marker="o", markersize=3, linewidth=1.6, label=label)
    axes.set_xscale("log")
    axes.set_ylim(0, None)
    _plain(axes)
    axes.legend(fontsize=8, frameon=False, labelcolor=INK, loc="upper right")


def _shares(axes: Axes, rows: Sequence[Row], names: Sequence[tuple[str, str]]) -> None:
    chart(axes)
    axes.grid(visible=False)
    axes.set_title("share of the roof reached; filled where operations bind, hollow where bytes do",
                   fontsize=10.5, color=INK, loc="left", pad=8)  # fmt: skip
    labels = []
    for down, (group, name) in enumerate(names):
        axes.axhline(down, color=RULE, linewidth=0.8, zorder=0)
        labels.append(name if group == "convolution" else f"{group} {name}")
        for row in (row for row in rows if (row.group, row.name) == (group, name)):
            colour = COLOURS[kind_of(row)]
            face = colour if row.binds == "operations" else "white"
            axes.plot(row.share, down, marker=MARKERS[row.kind], color=colour, markersize=5.5,
                      markerfacecolor=face, linestyle="")  # fmt: skip
    axes.axvline(1, color=INK, linewidth=1)
    axes.set_yticks(range(len(names)), labels, fontsize=8, color=INK)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlim(0, max(1.1, 1.05 * max(row.share for row in rows)))
