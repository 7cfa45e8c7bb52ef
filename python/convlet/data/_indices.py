"""Which samples are meant: checks that all datasets share."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, SupportsIndex

from convlet.data.samplers import index_array

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Order = npt.NDArray[np.int64]

__all__ = ["check_inside", "chosen", "place_of"]


def place_of(index: SupportsIndex, count: int, dataset: str, noun: str = "samples") -> int:
    """The number of one sample, counted from the end when negative; else an IndexError."""
    place = operator.index(index)
    place += count if place < 0 else 0
    if not 0 <= place < count:
        raise IndexError(f"{dataset}: index {index} is outside of {count} {noun}")
    return place


def chosen(indices: npt.ArrayLike, count: int) -> Order:
    """The samples of a batch as int64 (B,), all of them in [0, count)."""
    order = index_array(indices, "batch")
    check_inside(order, count, "batch")
    return order


def check_inside(indices: Order, count: int, function: str) -> None:
    """Refuse indices that are none of the dataset."""
    outside = (indices < 0) | (indices >= count)
    if outside.any():
        raise ValueError(f"{function}: indices must be in [0, {count}), got {indices[outside][0]}")
