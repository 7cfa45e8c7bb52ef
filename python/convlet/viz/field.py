"""Which pixels of the input a unit of a network can see.

A NaN passes through every layer and no weight stops it: a unit sees a row of pixels if NaNs in that
row reach it. So the field is exact for every network, branches and attention included, and nothing
has to be known about its layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convlet.config import use_exact_conv
from convlet.viz.capture import calls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.nn import Module

__all__ = ["Box", "Unit", "receptive_boxes"]

_BATCH = 32


class Unit(NamedTuple):
    """A unit of a network: which call of a layer (`capture.calls`), its row and its column."""

    call: int
    row: int
    column: int


class Box(NamedTuple):
    """Pixels of the input: rows top to bottom, columns left to right, the last not included."""

    top: int
    left: int
    bottom: int
    right: int


class _Edge(NamedTuple):
    """One search: how far from one end of an axis NaNs may stand without reaching a unit."""

    call: int
    axis: int  # 0 for rows, 1 for columns
    position: int
    far: bool  # from the bottom or the right


def receptive_boxes(model: Module, image_shape: Sequence[int], units: Sequence[Unit]) -> list[Box]:
    """The smallest box of the input outside of which nothing changes a unit, for each unit.

    Args:
        model: any module that takes images.
        image_shape: (C, H, W).
        units: which ones; of a layer without rows and columns, such as Linear, both are 0.

    Example:
        >>> from convlet import nn, viz
        >>> model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2))
        >>> units = [viz.field.Unit(0, 0, 0), viz.field.Unit(1, 1, 2)]
        >>> viz.field.receptive_boxes(model, (1, 8, 8), units)
        [Box(top=0, left=0, bottom=3, right=3), Box(top=2, left=4, bottom=6, right=8)]
    """
    wanted = {
        _Edge(unit.call, axis, unit[1 + axis], far)
        for unit in units
        for axis in (0, 1)
        for far in (False, True)
    }
    extents = (int(image_shape[1]), int(image_shape[2]))
    blind = dict.fromkeys(wanted, 0)  # how many pixels from the end certainly do not matter
    most = {edge: extents[edge.axis] for edge in wanted}
    while True:
        unsure = [edge for edge in wanted if blind[edge] < most[edge]]
        if not unsure:
            break
        tried = {edge: (blind[edge] + most[edge] + 1) // 2 for edge in unsure}
        for edge, reached in _reached(model, image_shape, tried).items():
            if reached:
                most[edge] = tried[edge] - 1
            else:
                blind[edge] = tried[edge]
    boxes = []
    for unit in units:
        spans = []
        for axis in (0, 1):
            low = blind[_Edge(unit.call, axis, unit[1 + axis], False)]
            high = extents[axis] - blind[_Edge(unit.call, axis, unit[1 + axis], True)]
            spans.append((min(low, high), high))
        (top, bottom), (left, right) = spans
        boxes.append(Box(top, left, bottom, right))
    return boxes


def _reached(model: Module, shape: Sequence[int], tried: dict[_Edge, int]) -> dict[_Edge, bool]:
    """Whether NaNs in so many rows or columns from an end reach the units."""
    edges = list(tried)
    found = {}
    for start in range(0, len(edges), _BATCH):
        some = edges[start : start + _BATCH]
        images = np.zeros((len(some), *shape), np.float32)
        for image, edge in zip(images, some, strict=True):
            lines = image if edge.axis == 0 else image.transpose(0, 2, 1)
            some_lines = slice(-tried[edge], None) if edge.far else slice(tried[edge])
            lines[:, some_lines] = np.nan
        with use_exact_conv(True), np.errstate(invalid="ignore"):  # Winograd mixes whole tiles
            seen = calls(model, images)
        for index, edge in enumerate(some):
            found[edge] = bool(np.isnan(_line(seen[edge.call].output.numpy()[index], edge)).any())
    return found


def _line(output: Any, edge: _Edge) -> Any:
    """All units of the row or column; all of the layer where it has neither."""
    return output if output.ndim < 3 else output.take(edge.position, axis=1 + edge.axis)
