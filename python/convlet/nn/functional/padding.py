"""Borders around a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.autograd import record
from convlet.ops._arguments import describe, integer
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Array, IntArray

__all__ = ["MODES", "pad"]

MODES = ("constant", "reflect", "replicate", "circular")


def pad(
    input: Tensor | npt.ArrayLike,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Tensor:
    """Add a border.  The last dimension's pair comes first, as in PyTorch.

    Args:
        input: any shape.
        pad: (left, right, top, bottom, …), two numbers per dimension; of "constant" they may be
            negative, which cuts so much off.
        mode: "constant", "reflect" (mirrored about the first and the last number, which are not
            repeated), "replicate" (they are) or "circular" (from the other side).
        value: what "constant" fills with, 0 unless given.

    Raises:
        TypeError: `pad` is not a sequence of ints.
        ValueError: `pad` is odd in length, too long, negative where it may not be or cuts off more
            than there is, there are too few numbers to mirror or to repeat, or `mode` is unknown.

    Example:
        >>> from convlet import Tensor
        >>> pad(Tensor([1.0, 2.0]), (1, 0))
        Tensor([0., 1., 2.])
        >>> pad(Tensor([1.0, 2.0, 3.0]), (2, 1), "reflect")
        Tensor([3., 2., 1., 2., 3., 2.])
    """
    x = as_tensor(input)
    if mode not in MODES:
        raise ValueError(f"pad: mode must be one of {', '.join(MODES)}, got {mode!r}")
    if not isinstance(pad, (tuple, list)):
        raise TypeError(f"pad: pad must be a tuple of ints, got {describe(pad)}")
    amounts = [integer(amount, "pad", "pad") for amount in pad]
    least = min(amounts, default=0)
    if len(amounts) % 2 or len(amounts) > 2 * x.ndim or (least < 0 and mode != "constant"):
        raise ValueError(
            f"pad: pad must be up to {x.ndim} pairs of numbers at least 0, got {tuple(pad)}"
        )
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))[::-1]
    borders = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    if least < 0:
        x, borders = _cut(x, borders), [(max(a, 0), max(b, 0)) for a, b in borders]
    return _constant(x, borders, value) if mode == "constant" else _taken(x, borders, mode)


def _cut(x: Tensor, borders: list[tuple[int, int]]) -> Tensor:
    """Without what negative borders take away."""
    ends = [(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(borders, x.shape, strict=True)]
    if any(first > last for first, last in ends):
        raise ValueError(f"pad: pad must not cut off more than there is of {x.shape}")
    return x[tuple(slice(*each) for each in ends)]


def _constant(x: Tensor, borders: list[tuple[int, int]], value: float | None) -> Tensor:
    middle = _middle(x.data.shape, borders)
    shape = tuple(a + n + b for (a, b), n in zip(borders, x.data.shape, strict=True))
    if x.ndim == 4:  # keep the memory order of images
        n, c, h, w = shape
        y = np.zeros((n, h, w, c), np.float32).transpose(0, 3, 1, 2)
    else:
        y = np.zeros(shape, np.float32)
    if value:
        y.fill(value)
    y[middle] = x.data
    return record(y, (x,), lambda dy: (dy[middle],))


def _taken(x: Tensor, borders: list[tuple[int, int]], mode: str) -> Tensor:
    """Borders of numbers that are there already: axis after axis, and back in reverse."""
    places = {
        axis: _places(extent, border, mode)
        for axis, (extent, border) in enumerate(zip(x.shape, borders, strict=True))
        if border != (0, 0)
    }
    order = (0, 2, 3, 1) if x.ndim == 4 else tuple(range(x.ndim))  # of images as they lie in memory
    back = tuple(order.index(axis) for axis in range(x.ndim))
    y = x.data.transpose(order)
    for axis, taken in places.items():
        y = y.take(taken, axis=order.index(axis))

    def vjp(dy: Array) -> tuple[Array]:
        dx = dy.transpose(order)
        for axis, taken in reversed(places.items()):
            dx = _gathered(dx, order.index(axis), borders[axis], taken)
        return (dx.transpose(back),)

    return record(y.transpose(back), (x,), vjp)


def _places(extent: int, border: tuple[int, int], mode: str) -> IntArray:
    """Which number of an axis stands at each place of the longer one."""
    most = {"reflect": extent - 1, "replicate": 2**62 if extent else 0, "circular": extent}[mode]
    if max(border) > most:
        raise ValueError(f'pad: "{mode}" borders of {border} are too wide for {extent} numbers')
    places = np.arange(-border[0], extent + border[1])
    if mode == "replicate":
        return np.clip(places, 0, extent - 1)
    if mode == "circular":
        return places % extent
    last = extent - 1
    return np.asarray(last - np.abs(last - np.abs(places)))


def _gathered(dy: Array, axis: int, border: tuple[int, int], taken: IntArray) -> Array:
    """The gradient of one axis: what was taken twice gets both gradients."""
    before, after = border
    length = dy.shape[axis]
    lead = (slice(None),) * axis
    dx = dy[(*lead, slice(before, length - after))].copy()
    for place in (*range(before), *range(length - after, length)):
        dx[(*lead, taken[place])] += dy[(*lead, place)]
    return dx


def _middle(shape: tuple[int, ...], borders: list[tuple[int, int]]) -> tuple[slice, ...]:
    return tuple(
        slice(before, before + extent) for (before, _), extent in zip(borders, shape, strict=True)
    )
