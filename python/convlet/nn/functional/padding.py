"""Zeros around a tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.autograd import record
from convlet.ops._arguments import describe, integer
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["pad"]


def pad(
    input: Tensor | npt.ArrayLike,
    pad: Sequence[int],
    mode: str = "constant",
    value: float | None = None,
) -> Tensor:
    """Add a border of one value.  The last dimension's pair comes first, as in PyTorch.

    Args:
        input: any shape.
        pad: (left, right, top, bottom, …), two numbers per dimension, at least 0.
        mode: "constant", the only one.
        value: what to fill with, 0 unless given.

    Raises:
        TypeError: `pad` is not a sequence of ints.
        ValueError: `pad` is odd in length, too long or negative, or `mode` is unknown.

    Example:
        >>> from convlet import Tensor
        >>> pad(Tensor([1.0, 2.0]), (1, 0))
        Tensor([0., 1., 2.])
    """
    x = as_tensor(input)
    if mode != "constant":
        raise ValueError(f'pad: mode must be "constant", got {mode!r}')
    if not isinstance(pad, (tuple, list)):
        raise TypeError(f"pad: pad must be a tuple of ints, got {describe(pad)}")
    amounts = [integer(amount, "pad", "pad") for amount in pad]
    if len(amounts) % 2 or len(amounts) > 2 * x.ndim or min(amounts, default=0) < 0:
        raise ValueError(
            f"pad: pad must be up to {x.ndim} pairs of numbers at least 0, got {tuple(pad)}"
        )
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))[::-1]
    borders = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    middle = tuple(
        slice(before, before + extent)
        for (before, _), extent in zip(borders, x.data.shape, strict=True)
    )
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
