"""Through which windows operations look at their input: noted while somebody asks.

Functions of images call `windowed` on their result. Outside of `noting` that is a look at one
attribute; inside, the node of the result is kept with its window, and `receptive_field` follows the
tape from a result back to the input.
"""

from __future__ import annotations

import math
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from convlet.autograd import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from convlet.tensor import Tensor

__all__ = ["Field", "noting", "receptive_field", "whole", "windowed"]

Sizes: TypeAlias = tuple[float, float]


class Field(NamedTuple):
    """What a pixel can see: rows and columns of the input, and the distance to its neighbour's."""

    size: Sizes
    stride: Sizes


class _Notes(threading.local):
    windows: dict[int, Field] | None = None


_notes = _Notes()

WHOLE = Field((math.inf, math.inf), (math.inf, math.inf))


@contextmanager
def noting() -> Iterator[dict[int, Field]]:
    """Note the windows of this thread's operations by the numbers of their nodes."""
    before, _notes.windows = _notes.windows, {}
    try:
        yield _notes.windows
    finally:
        _notes.windows = before


def is_noting() -> bool:
    """Whether this thread's windows are noted."""
    return _notes.windows is not None


def windowed(
    y: Tensor,
    kernel: Sequence[float],
    stride: Sequence[float] = (1, 1),
    dilation: Sequence[int] = (1, 1),
) -> Tensor:
    """Note how many pixels each pixel of `y` looks at; a stride below 1 makes images larger."""
    if _notes.windows is not None and y.node is not None:
        size = tuple(gap * (taps - 1) + 1 for gap, taps in zip(dilation, kernel, strict=True))
        _notes.windows[y.node.number] = Field((size[0], size[1]), (stride[0], stride[1]))
    return y


def whole(y: Tensor) -> Tensor:
    """Note that each number of `y` looks at all of its input."""
    if _notes.windows is not None and y.node is not None:
        _notes.windows[y.node.number] = WHOLE
    return y


def receptive_field(
    y: Tensor, x: Tensor, windows: dict[int, Field], known: dict[int, Field | None]
) -> Field | None:
    """What a pixel of `y` can see of `x`, the largest over all ways between them.

    None where no way is recorded. `known` keeps what was found, for the next question.
    """
    if y.node is None:
        return Field((1, 1), (1, 1)) if y is x else None
    waiting = [y.node]
    while waiting:
        node = waiting[-1]
        ahead = [e for e in node.edges if isinstance(e, Node) and e.number not in known]
        if ahead:
            waiting += ahead
            continue
        waiting.pop()
        if node.number not in known:
            known[node.number] = _of_node(node, x, windows, known)
    return known[y.node.number]


def _of_node(
    node: Node, x: Tensor, windows: dict[int, Field], known: dict[int, Field | None]
) -> Field | None:
    fields = []
    for place, edge in enumerate(node.edges):
        start = Field((1, 1), (1, 1)) if edge is x else None
        field = known[edge.number] if isinstance(edge, Node) else start
        if field is not None:
            window = windows.get(node.number) if place == 0 else None  # the others are added
            fields.append(field if window is None else _through(field, window))
    if not fields:
        return None
    return Field(
        (max(f.size[0] for f in fields), max(f.size[1] for f in fields)),
        (max(f.stride[0] for f in fields), max(f.stride[1] for f in fields)),
    )


def _through(field: Field, window: Field) -> Field:
    size = [
        seen + (looked - 1) * step
        for seen, looked, step in zip(field.size, window.size, field.stride, strict=True)
    ]
    stride = [a * b for a, b in zip(field.stride, window.stride, strict=True)]
    return Field((size[0], size[1]), (stride[0], stride[1]))
