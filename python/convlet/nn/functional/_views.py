"""Lines, rows and volumes seen as images, without a copy, and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convlet._arrays import contiguous
from convlet.autograd import record

if TYPE_CHECKING:
    from convlet.tensor import Tensor

__all__ = ["as_image", "as_line", "as_shape", "image_shape"]


def as_image(x: Tensor, op: str) -> Tensor:
    """(N, C, L) as (N, C, 1, L)."""
    if x.ndim != 3:
        raise ValueError(f"{op}: input must have 3 dimensions (N, C, L), got shape {x.shape}")
    return record(x.data[:, :, None], (x,), lambda dy: (dy[:, :, 0],))


def as_line(y: Tensor) -> Tensor:
    """(N, C, 1, L) as (N, C, L)."""
    return record(y.data[:, :, 0], (y,), lambda dy: (dy[:, :, None],))


def as_shape(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The same numbers in another shape: channels stay dimension 1, pixels stay behind them."""
    before = x.shape
    if before == shape:
        return x
    if len(before) < len(shape) <= 4 and before == shape[: len(before)]:  # (N, C) as (N, C, 1, 1)
        y = x.data.reshape(shape)
        return record(y, (x,), lambda dy: (dy.reshape(before),))
    y = contiguous(x.data).reshape(shape)
    return record(y, (x,), lambda dy: (contiguous(dy).reshape(before),))


def image_shape(shape: tuple[int, ...], op: str) -> tuple[int, ...]:
    """(N, C, …) in four dimensions."""
    if len(shape) < 2:
        raise ValueError(f"{op}: input must have at least 2 dimensions, got shape {shape}")
    if len(shape) <= 4:
        return (*shape, *(1,) * (4 - len(shape)))
    return (*shape[:3], math.prod(shape[3:]))
