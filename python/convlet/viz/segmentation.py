"""Masks: over their images, and predictions beside the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.viz._classes import class_colours, class_mask, overlay, painted
from convlet.viz._page import INK, MUTED, PAPER, bare, caption, page, place
from convlet.viz._pixels import pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

__all__ = ["class_bars", "mask_overlay", "segmentations"]

_SIDE = 1.5
_PITCH = 1.62
_LEFT = 1.05  # inches of room for the names of the rows
_ENTRY = 1.3  # inches of an entry of the key
_WRONG = np.array([212, 86, 30], np.float32)


def segmentations(
    images: npt.ArrayLike,
    truths: npt.ArrayLike,
    predictions: npt.ArrayLike,
    names: Sequence[str],
    *,
    title: str = "Predictions beside the truth",
    note: str = "",
) -> Figure:
    """Draw images, the true classes of their pixels, the predicted ones, and where they differ.

    Args:
        images: (N, C, H, W) or (N, H, W), bytes or numbers.
        truths: (N, H, W), integers; 255 where no class is known.
        predictions: (N, H, W).
        names: one name per class, for the key.
        title: what the picture says.
        note: more of it.

    Raises:
        TypeError: classes are not integers.
        ValueError: there are no images, shapes do not fit, or a class is outside of [0, 255].

    >>> import numpy as np
    >>> from convlet import viz
    >>> masks = np.zeros((2, 8, 8), np.uint8)
    >>> figure = viz.segmentations(np.zeros((2, 3, 8, 8)), masks, masks, ["ground", "thing"])
    """
    pictures = pixels(images, "segmentations")
    right = class_mask(truths, "segmentations", "truths")
    said = class_mask(predictions, "segmentations", "predictions")
    for name, masks in (("truths", right), ("predictions", said)):
        if masks.shape != pictures.shape[:3]:
            raise ValueError(
                f"segmentations: {name} must be {pictures.shape[:3]} as the images, "
                f"got {masks.shape}"
            )
    height = _SIDE * min(2.0, max(0.5, pictures.shape[1] / pictures.shape[2]))
    used = [c for c in np.union1d(right, said).tolist() if c != 255]
    width = max(_LEFT + len(pictures) * _PITCH + 0.2, 5.6)
    key = _key_height(used, width)
    figure, body = page(width, 4 * (height + 0.1) + key + 0.1, title, note)
    for row, word in enumerate(("image", "truth", "prediction", "wrong")):
        bottom = body - height - row * (height + 0.1)
        for column, picture in enumerate(pictures):
            axes = place(figure, _LEFT + column * _PITCH, bottom, _SIDE, height)
            axes.imshow(_view(word, picture, right[column], said[column]), interpolation="nearest")
            bare(axes, frame=True)
            if row == 3:
                counted = right[column] != 255
                wrong = float(((right[column] != said[column]) & counted).sum())
                share = wrong / max(int(counted.sum()), 1)
                caption(axes, f"{100 * share:.1f} %", colour=MUTED, size=8.5, y=-0.02)
            if column == 0:
                axes.annotate(
                    word, (0, 0.5), xycoords="axes fraction", xytext=(-8, 0),
                    textcoords="offset points", ha="right", va="center", fontsize=9.5, color=INK,
                )  # fmt: skip
    _key(figure, used, names, width, key)
    return figure


def mask_overlay(
    image: npt.NDArray[Any], mask: npt.NDArray[Any], names: Sequence[str], *, title: str = ""
) -> Figure:
    """Draw an image with its mask over it: tinted areas with contours, and a key.

    Args:
        image: (C, H, W), bytes or numbers from 0 to 1.
        mask: (H, W), the class of each pixel; class 0 is left as it is.
        names: one name per class.
        title: what the picture says.

    Raises:
        TypeError: classes are not integers.
        ValueError: sizes do not fit, or a class is outside of [0, 255].

    >>> import numpy as np
    >>> from convlet import viz
    >>> mask = np.eye(8, dtype=np.uint8)
    >>> figure = viz.mask_overlay(np.zeros((3, 8, 8)), mask, ["ground", "line"], title="A line")
    """
    drawn, mask = overlay(image, mask), np.asarray(mask)
    used = [c for c in np.unique(mask).tolist() if c not in (0, 255)]
    width = 6.0
    height = (width - 0.6) * mask.shape[0] / mask.shape[1]
    key = _key_height(used, width)
    figure, body = page(width, height + key + 0.15, title)
    axes = place(figure, 0.3, body - height, width - 0.6, height)
    axes.imshow(drawn, interpolation="nearest")
    bare(axes, frame=True)
    _key(figure, used, names, width, key)
    return figure


def class_bars(
    measures: dict[str, npt.ArrayLike],
    names: Sequence[str],
    *,
    title: str = "Classes",
    note: str = "",
) -> Figure:
    """Draw what was measured of each class, from 0 to 1, as dots on a line: a row per class.

    Args:
        measures: numbers (K,) by what they are, at most three; NaN where there is none.
        names: one name per class.
        title: what the picture says.
        note: more of it.

    Raises:
        ValueError: there is nothing to draw or too much, or lengths differ.

    >>> from convlet import viz
    >>> figure = viz.class_bars({"IoU": [0.99, 0.8]}, ["ground", "thing"])
    """
    if not 1 <= len(measures) <= 3:
        raise ValueError(f"class_bars: measures must be one to three, got {len(measures)}")
    rows = {word: np.asarray(values, np.float64) for word, values in measures.items()}
    for word, values in rows.items():
        if values.shape != (len(names),):
            raise ValueError(
                f"class_bars: {word} must be {len(names)} numbers, one per name, got {values.shape}"
            )
    figure, body = page(6.4, 0.27 * len(names) + 0.75, title, note)
    axes = place(figure, 1.35, body - 0.27 * len(names) - 0.1, 4.2, 0.27 * len(names) + 0.05)
    places = np.arange(len(names))
    axes.hlines(places, 0, 1, color="#dfe3e8", linewidth=0.8, zorder=1)
    first = next(iter(rows.values()))
    for (word, values), colour in zip(
        rows.items(), ("#1f5fa8", "#d4561e", "#66727f"), strict=False
    ):
        axes.scatter(values, places, s=34, color=colour, label=word, zorder=3, clip_on=False)
    for place_, value in zip(places, first, strict=True):
        text = "none" if np.isnan(value) else f"{value:.3f}"
        axes.annotate(
            text, (1, place_), xytext=(8, 0), textcoords="offset points", va="center",
            fontsize=9, color=INK, annotation_clip=False,
        )  # fmt: skip
    axes.set_yticks(places, [str(name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.tick_params(colors=MUTED, labelsize=9, length=0)
    axes.tick_params(axis="y", colors=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    if len(rows) > 1:
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.5, -0.3 / (0.27 * len(names) + 0.05)), ncols=3,
            frameon=False, fontsize=9, labelcolor=INK,
        )  # fmt: skip
    return figure


def _view(
    word: str, picture: npt.NDArray[np.float32], truth: npt.NDArray[Any], said: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    if word == "image":
        return np.repeat(picture, 3 // picture.shape[2], axis=2)
    if word != "wrong":
        return painted(truth if word == "truth" else said)
    pale = 255 * (0.7 + 0.3 * picture.mean(axis=2, keepdims=True)).repeat(3, axis=2)
    pale[(truth != said) & (truth != 255)] = _WRONG
    return np.asarray(np.rint(pale), np.uint8)


def _key_height(classes: list[int], width: float) -> float:
    columns = max(1, int((width - 0.6) / _ENTRY))
    return 0.25 + 0.22 * -(-len(classes) // columns)


def _key(
    figure: Figure, classes: list[int], names: Sequence[str], width: float, height: float
) -> None:
    """Squares in the colours of classes with their names, in rows at the lower edge."""
    columns = max(1, int((width - 0.6) / _ENTRY))
    colours = class_colours(256) / 255
    axes = place(figure, 0.3, 0.05, width - 0.6, height - 0.05)
    axes.set_xlim(0, width - 0.6)
    axes.set_ylim(0, height - 0.05)
    axes.axis("off")
    axes.set_facecolor(PAPER)
    for number, label in enumerate(classes):
        row, column = divmod(number, columns)
        x, y = column * _ENTRY, height - 0.3 - 0.22 * row
        axes.add_patch(_square(x, y, tuple(colours[label])))
        name = str(names[label]) if label < len(names) else str(label)
        axes.text(x + 0.2, y + 0.065, name[:16], fontsize=9, color=INK, va="center",
                  parse_math=False)  # fmt: skip


def _square(x: float, y: float, colour: tuple[float, ...]) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x, y), 0.13, 0.13, facecolor=colour, edgecolor="#66727f", linewidth=0.4)
