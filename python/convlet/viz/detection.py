"""Boxes beside the truth, precision over recall, kinds of errors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.viz._classes import class_colours
from convlet.viz._page import BLUE, INK, MUTED, ORANGE, PAPER, RULE, bare, chart, page, place
from convlet.viz._pixels import pixels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    Boxes = tuple[npt.ArrayLike, npt.ArrayLike]

__all__ = ["boxes", "detections", "error_kinds", "precision_recall"]

_PITCH = 2.15
_SIDE = 2.05
_LEFT = 0.95


def detections(
    images: Sequence[npt.ArrayLike] | npt.NDArray[Any],
    truths: Sequence[Any],
    found: Sequence[Any],
    names: Sequence[str],
    *,
    kinds: Sequence[npt.ArrayLike] | None = None,
    missed: Sequence[npt.ArrayLike] | None = None,
    score_threshold: float = 0.4,
    title: str = "What was found, beside the truth",
    note: str = "",
) -> Figure:
    """Draw images twice: with the true boxes above, with those that were found below.

    Args:
        images: (N, C, H, W), bytes or numbers.
        truths: for each something with `boxes` (K, 4) and `labels` (K,).
        found: for each something with `boxes`, `labels` and `scores`.
        names: one name per class.
        kinds: for each image what each found box is: 0 is right and drawn in its class's colour, all
            other numbers are errors, drawn orange and dashed; all are right unless given.
        missed: for each image the numbers of true boxes that were missed, drawn orange and dashed.
        score_threshold: less sure boxes are left out.
        title: what the picture says.
        note: more of it.

    Raises:
        ValueError: there are no images, lengths differ, or a class has no name.

    >>> import numpy as np
    >>> from convlet import viz
    >>> from convlet.data.detection import annotation
    >>> from convlet.detection import Detections
    >>> truth = annotation([[1, 1, 6, 6]], [0])
    >>> found = Detections(np.float32([[1, 1, 6, 5]]), np.float32([0.9]), np.array([0]))
    >>> figure = viz.detections(np.zeros((1, 3, 8, 8)), [truth], [found], ["thing"])
    """
    count = len(images)
    if count == 0 or len(truths) != count or len(found) != count:
        raise ValueError(
            f"detections: truths and found must be one for each of at least 1 image, got {count} "
            f"images, {len(truths)} and {len(found)}"
        )
    for name, each in (("kinds", kinds), ("missed", missed)):
        if each is not None and len(each) != count:
            raise ValueError(f"detections: {name} must be {count}, one for each, got {len(each)}")
    _check_names(names, [*truths, *found], "detections")
    pictures = [pixels(np.asarray(image)[None], "detections")[0] for image in images]
    height = _SIDE * max(min(2.0, p.shape[0] / p.shape[1]) for p in pictures)
    width = max(_LEFT + count * _PITCH + 0.15, 6.0)
    figure, body = page(width, 2 * (height + 0.12) + 0.15, title, note)
    for row, word in enumerate(("truth", "found")):
        bottom = body - height - row * (height + 0.12)
        for column, picture in enumerate(pictures):
            axes = place(figure, _LEFT + column * _PITCH, bottom, _SIDE, height)
            _image(axes, picture)
            if row == 0:
                lost = set() if missed is None else set(np.asarray(missed[column]).tolist())
                true = truths[column]
                for number, (box, label) in enumerate(zip(true.boxes, true.labels, strict=True)):
                    _box(axes, box, names[label], int(label), wrong=number in lost)
            else:
                one = found[column]
                for number, (box, label, score) in enumerate(
                    zip(one.boxes, one.labels, one.scores, strict=True)
                ):
                    if score >= score_threshold:
                        wrong = kinds is not None and int(np.asarray(kinds[column])[number]) > 0
                        _box(axes, box, f"{names[label]} {score:.2f}", int(label), wrong=wrong)
            if column == 0:
                axes.annotate(
                    word, (0, 0.5), xycoords="axes fraction", xytext=(-8, 0),
                    textcoords="offset points", ha="right", va="center", fontsize=9.5, color=INK,
                )  # fmt: skip
    return figure


def boxes(
    image: npt.NDArray[Any],
    found: Any,
    names: Sequence[str],
    *,
    points: npt.ArrayLike | None = None,
    title: str = "",
    note: str = "",
) -> Figure:
    """Draw one image with boxes, labels and scores, and points if there are any.

    Args:
        image: (C, H, W), bytes or numbers.
        found: something with `boxes` (K, 4), `labels` (K,) and `scores` (K,).
        names: one name per class.
        points: (K, L, 2), x and y of L landmarks of each box.
        title: what the picture says.
        note: more of it.

    Raises:
        ValueError: the image has another rank, or a class has no name.

    >>> import numpy as np
    >>> from convlet import viz
    >>> from convlet.detection import Detections
    >>> found = Detections(np.float32([[1, 1, 6, 5]]), np.float32([0.9]), np.array([0]))
    >>> figure = viz.boxes(np.zeros((3, 8, 8)), found, ["thing"], title="One thing")
    """
    picture = pixels(np.asarray(image)[None], "boxes")[0]
    _check_names(names, [found], "boxes")
    width = 6.0
    height = (width - 0.6) * picture.shape[0] / picture.shape[1]
    figure, body = page(width, height + 0.3, title, note)
    axes = place(figure, 0.3, body - height, width - 0.6, height)
    _image(axes, picture)
    for box, label, score in zip(found.boxes, found.labels, found.scores, strict=True):
        _box(axes, box, f"{names[label]} {score:.2f}", int(label), wrong=False, large=True)
    if points is not None:
        places = np.asarray(points, np.float64).reshape(-1, 2)
        axes.scatter(
            places[:, 0] - 0.5, places[:, 1] - 0.5, s=26, color=PAPER, edgecolors=ORANGE,
            linewidths=1.6, zorder=4,
        )  # fmt: skip
    return figure


def precision_recall(
    curves: npt.ArrayLike,
    names: Sequence[str],
    *,
    values: npt.ArrayLike | None = None,
    title: str = "Precision over recall",
    note: str = "",
) -> Figure:
    """Draw how precise each class is at each recall, and the mean of them.

    Args:
        curves: (101, K), the precision at recalls from 0 to 1 of each class; NaN for none.
        names: one name per class.
        values: (K,), a number for the key, such as average precision.
        title: what the picture says.
        note: more of it.

    Raises:
        ValueError: lengths differ.

    >>> import numpy as np
    >>> from convlet import viz
    >>> figure = viz.precision_recall(np.ones((101, 2)), ["cat", "dog"], values=[1.0, 1.0])
    """
    lines = np.asarray(curves, np.float64)
    if lines.ndim != 2 or lines.shape[1] != len(names):
        raise ValueError(
            f"precision_recall: curves must be (points, {len(names)}), got {lines.shape}"
        )
    numbers = None if values is None else np.asarray(values, np.float64)
    if numbers is not None and numbers.shape != (len(names),):
        raise ValueError(
            f"precision_recall: values must be ({len(names)},), one per name, got {numbers.shape}"
        )
    rows = math.ceil((len(names) + 1) / 3)
    key = 0.24 * rows + 0.15
    figure, body = page(6.4, 3.5 + key, title, note)
    axes = place(figure, 0.75, body - 3.0, 5.3, 2.95)
    chart(axes)
    recalls = np.linspace(0, 1, len(lines))
    colours = class_colours(len(names) + 1)[1:] / 255
    for number, name in enumerate(names):
        if np.isnan(lines[:, number]).all():
            continue
        words = str(name) if numbers is None else f"{name} {numbers[number]:.3f}"
        axes.plot(recalls, lines[:, number], color=tuple(colours[number]), lw=1.2, label=words)
    if not np.isnan(lines).all():
        axes.plot(recalls, np.nanmean(lines, axis=1), color=INK, lw=2.4, label="mean")
    axes.set_xlim(0, 1.005)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("recall: share of the objects that were found", fontsize=9, color=MUTED)
    axes.set_ylabel("precision", fontsize=9, color=MUTED)
    axes.legend(
        loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False, fontsize=8.5,
        labelcolor=INK,
    )  # fmt: skip
    return figure


def error_kinds(
    counts: Mapping[str, int], *, title: str = "What went right and what went wrong", note: str = ""
) -> Figure:
    """Draw how often each kind of detection occurred, "right" in blue, all others in orange.

    Args:
        counts: numbers by names, such as `detection.error_types(…).counts`.
        title: what the picture says.
        note: more of it.

    Raises:
        ValueError: there is nothing to draw.

    >>> from convlet import viz
    >>> figure = viz.error_kinds({"right": 90, "missed": 4})
    """
    if not counts:
        raise ValueError("error_kinds: counts must not be empty")
    rows = len(counts)
    figure, body = page(6.4, 0.32 * rows + 0.25, title, note)
    axes = place(figure, 1.35, body - 0.32 * rows - 0.05, 4.2, 0.32 * rows)
    most = max(*counts.values(), 1)
    for row, (name, number) in enumerate(counts.items()):
        axes.barh(row, number, height=0.62, color=BLUE if name == "right" else ORANGE)
        axes.annotate(
            f"{number:,}", (number, row), xytext=(5, 0), textcoords="offset points", va="center",
            fontsize=9, color=INK, annotation_clip=False,
        )  # fmt: skip
    axes.set_yticks(range(rows), list(counts))
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xlim(0, most * 1.02)
    axes.set_xticks([])
    axes.tick_params(axis="y", colors=INK, labelsize=9.5, length=0)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "left")
        spine.set_color(RULE)
    return figure


def _check_names(names: Sequence[str], parts: Sequence[Any], op: str) -> None:
    """Boxes with classes, and a name for each class that occurs."""
    other = next((part for part in parts if not hasattr(part, "labels")), None)
    if other is not None:
        raise TypeError(f"{op}: boxes must come with labels, got {type(other).__name__}")
    most = max((int(np.max(part.labels, initial=-1)) for part in parts), default=-1)
    if most >= len(names):
        raise ValueError(
            f"{op}: names must be at least {most + 1}, one per class, got {len(names)}"
        )


def _image(axes: Axes, picture: npt.NDArray[np.float32]) -> None:
    shown = np.repeat(picture, 3 // picture.shape[2], axis=2)
    axes.imshow(shown, interpolation="nearest")
    bare(axes, frame=True)


def _box(axes: Axes, box: Any, words: str, label: int, *, wrong: bool, large: bool = False) -> None:
    from matplotlib.patches import Rectangle

    x1, y1, x2, y2 = (float(number) - 0.5 for number in box)
    colours = class_colours(256) / 255
    colour = ORANGE if wrong else tuple(colours[1 + label % 255])
    width = 2.2 if large else 1.3
    frame = Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, linewidth=width)
    frame.set_linestyle("--" if wrong else "-")
    axes.add_patch(frame)
    axes.text(
        x1, y1, words, fontsize=8.5 if large else 5.5, color=PAPER, va="bottom", ha="left",
        clip_on=True, parse_math=False,
        bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.8},
    )  # fmt: skip
