"""What excites the channels of a layer the most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.ops._arguments import integer
from convlet.viz._page import FIELD, INK, MUTED, bare, caption, page, place
from convlet.viz._pixels import draw, pixels
from convlet.viz._probe import image_batch
from convlet.viz.capture import calls
from convlet.viz.field import Unit, receptive_boxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from convlet.nn import Module
    from convlet.viz._probe import Array
    from convlet.viz.field import Box

_BATCH = 128
_CHANNELS = 8
_TILE = 0.8
_PITCH = 0.9


def top_patches(
    model: Module,
    images: Any,
    layer: str,
    channels: Sequence[int] | None = None,
    *,
    count: int = 8,
) -> Figure:
    """Draw, for channels of a layer, the parts of images that excite them the most.

    Each image gives at most one part: what the unit with its highest activation can see. Zeiler and
    Fergus, "Visualizing and Understanding Convolutional Networks", 2014, figure 2.

    Args:
        model: any module that takes images.
        images: (N, C, H, W), normalised as the model wants them; hundreds show more than a few.
        layer: the dotted name of a layer that gives maps and has no layers inside; of a layer that
            is used several times the last use counts.
        channels: which ones; the 8 with the highest activations unless given.
        count: parts per channel.

    Raises:
        ValueError: shapes do not fit, there is no such layer or channel, or count is below 1.

    >>> import numpy as np
    >>> from convlet import models, viz
    >>> images = np.random.default_rng(0).normal(size=(20, 1, 28, 28))
    >>> figure = viz.top_patches(models.lenet5(seed=0), images, "conv2")
    """
    batch = image_batch(images, "top_patches")
    wanted = integer(count, "top_patches", "count")
    if wanted < 1:
        raise ValueError(f"top_patches: count must be at least 1, got {count}")
    call, highest, where = _activations(model, batch, layer)
    rows = _channels(channels, highest)
    order = np.argsort(-highest[:, rows], axis=0, kind="stable")[:wanted]  # (count, channels)
    spots = [where[order[:, i], channel] for i, channel in enumerate(rows)]
    units = [[Unit(call, int(row), int(column)) for row, column in spot] for spot in spots]
    flat = sorted({unit for line in units for unit in line})
    seen = dict(zip(flat, receptive_boxes(model, batch.shape[1:], flat), strict=True))
    boxes = [[seen[unit] for unit in line] for line in units]
    side = max(max(b.bottom - b.top, b.right - b.left) for line in boxes for b in line)

    note = (
        f"A row is a channel: the parts of {len(batch):,} images that it answers to most, "
        f"cut to the {side} x {side} pixels it can see; below each its answer."
    )
    title = f"What excites layer {layer} the most"
    across = 0.3 + 0.6 + len(order) * _PITCH + 0.2
    figure, body = page(max(across, 5.6), len(rows) * (_PITCH + 0.17) + 0.1, title, note)
    pictures = pixels(batch, "top_patches")
    for line, channel in enumerate(rows):
        bottom = body - _TILE - line * (_PITCH + 0.17)
        for column, image in enumerate(order[:, line]):
            axes = place(figure, 0.9 + column * _PITCH, bottom, _TILE, _TILE)
            draw(axes, _cut(pictures[image], boxes[line][column], side))
            bare(axes, frame=True)
            axes.set_facecolor(FIELD)
            caption(axes, f"{highest[image, channel]:.2f}", colour=MUTED, size=7.5, y=-0.03)
            if column == 0:
                axes.set_ylabel(
                    f"{channel}", fontsize=9.5, color=INK, rotation=0, ha="right", va="center"
                )
    return figure


def _activations(
    model: Module, batch: Array, layer: str
) -> tuple[int, npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Which call it is, the highest activation (N, K) of each channel, and its row and column."""
    call, highest, where = -1, [], []
    for start in range(0, len(batch), _BATCH):
        seen = calls(model, batch[start : start + _BATCH])
        names = [one.name for one in seen]
        if layer not in names:
            known = ", ".join(dict.fromkeys(names))
            raise ValueError(f"top_patches: layer must be one of {known}, got {layer!r}")
        call = len(names) - 1 - names[::-1].index(layer)
        maps = np.asarray(seen[call].output.numpy())
        if maps.ndim != 4:
            raise ValueError(
                f"top_patches: layer must give maps (N, K, h, w), but {layer!r} gives {maps.shape}"
            )
        flat = np.nan_to_num(maps.reshape(*maps.shape[:2], -1), nan=-np.inf)
        best = flat.argmax(axis=2)
        highest.append(np.take_along_axis(flat, best[..., None], axis=2)[..., 0])
        where.append(np.stack(np.divmod(best, maps.shape[3]), axis=2))
    return call, np.concatenate(highest), np.concatenate(where)


def _channels(channels: Sequence[int] | None, highest: npt.NDArray[np.float32]) -> list[int]:
    if channels is None:
        strongest = np.argsort(-highest.max(axis=0), kind="stable")[:_CHANNELS]
        return sorted(int(channel) for channel in strongest)
    rows = [integer(channel, "top_patches", "channels") for channel in channels]
    if not rows or min(rows) < 0 or max(rows) >= highest.shape[1]:
        raise ValueError(
            f"top_patches: channels must be in [0, {highest.shape[1]}), got {list(channels)}"
        )
    return rows


def _cut(picture: npt.NDArray[np.float32], box: Box, side: int) -> npt.NDArray[np.float32]:
    """The part of the picture; what a unit at the border sees beyond it is drawn light gray."""
    height, width = picture.shape[:2]
    part = picture[box.top : box.bottom, box.left : box.right]
    top = side - len(part) if box.top == 0 and box.bottom < height else 0
    left = side - part.shape[1] if box.left == 0 and box.right < width else 0
    result = np.full((side, side, picture.shape[2]), 0.9, np.float32)
    result[top : top + len(part), left : left + part.shape[1]] = part
    return result
