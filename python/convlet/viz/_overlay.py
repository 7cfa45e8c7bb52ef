"""Images in a row, below each a map laid over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.viz._page import INK, MUTED, bare, caption, page, percent, place
from convlet.viz._pixels import draw, pixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from convlet.viz._probe import Array

_SIDE = 1.25
_PITCH = 1.4


def overlays(
    images: Array,
    maps: Array,
    captions: Sequence[tuple[str, str]],
    title: str,
    note: str,
    colours: Colormap,
) -> Figure:
    """Draw images (N, C, H, W), and below each its map (N, H, W) over the image in pale gray.

    Where a map is 0 the image shows; a map without negative values is drawn from white to the
    colours' end, another from one end to the other, each on the scale of its own largest value.
    """
    pictures = pixels(images, "overlays")
    ratio = min(2.0, max(0.5, images.shape[2] / images.shape[3]))
    height = _SIDE * ratio
    body = 2 * height + 0.12 + 0.55
    width = 0.6 + len(images) * _PITCH - (_PITCH - _SIDE)
    figure, top = page(max(width, 5.6), body, title, note)
    for column, (picture, values, words) in enumerate(zip(pictures, maps, captions, strict=True)):
        left = 0.3 + column * _PITCH
        axes = place(figure, left, top - height, _SIDE, height)
        draw(axes, picture)
        bare(axes, frame=True)
        axes = place(figure, left, top - 2 * height - 0.12, _SIDE, height)
        axes.imshow(_blend(picture, values, colours), interpolation="nearest")
        bare(axes, frame=True)
        first, second = words
        caption(axes, first, colour=INK, size=9.5, y=-0.06 / ratio)
        caption(axes, second, colour=MUTED, size=8.5, y=-0.21 / ratio)
    return figure


def answers(
    scores: npt.NDArray[np.float64], classes: npt.NDArray[np.int64], names: Sequence[str]
) -> list[tuple[str, str]]:
    """The class asked about and its probability, per image, from probabilities (N, classes)."""
    return [
        (_short(names[label]), percent(float(row[label])))
        for row, label in zip(scores, classes, strict=True)
    ]


def class_names(names: Sequence[str] | None, count: int, where: str) -> list[str]:
    """One name per class."""
    if names is None:
        return [str(i) for i in range(count)]
    if len(names) != count:
        raise ValueError(f"{where}: names has {len(names)} entries for {count} scores")
    return [str(name) for name in names]


def _blend(
    picture: npt.NDArray[np.float32], values: npt.NDArray[np.float32], colours: Colormap
) -> npt.NDArray[np.float64]:
    """The picture in pale gray, covered by the colours the more the greater the value."""
    gray = 0.62 + 0.38 * picture.mean(axis=2, keepdims=True, dtype=np.float64)
    finite = np.nan_to_num(values.astype(np.float64), posinf=0.0, neginf=0.0)
    share = finite / (float(np.abs(finite).max()) or 1.0)
    place_on_scale = 0.5 + 0.5 * share if finite.min() < 0 or _two_ended(colours) else share
    cover = np.minimum(1.0, 1.15 * np.abs(share))[..., None]
    paint = np.asarray(colours(place_on_scale), dtype=np.float64)[..., :3]
    return np.asarray((1 - cover) * gray + cover * paint)


def _two_ended(colours: Colormap) -> bool:
    return colours.name.endswith("diverging")


def _short(name: str) -> str:
    return name if len(name) <= 14 else name[:13] + "…"
