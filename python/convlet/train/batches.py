"""What `fit`, `evaluate` and `predict` go through."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sized
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Batches", "begin_epoch", "check_batches", "image_batches", "set_epoch"]

Batches: TypeAlias = Iterable[tuple[Any, Any]]


def check_batches(batches: Any, name: str) -> None:
    """A TypeError that says what to do, unless `batches` can be gone through."""
    if isinstance(batches, tuple) and any(isinstance(b, (np.ndarray, Tensor)) for b in batches):
        raise TypeError(
            f"{name} must give (images, labels) batches, got a tuple of arrays; use "
            "data.DataLoader(data.ArrayDataset(images, labels), batch_size=64)"
        )
    if not hasattr(batches, "__iter__"):
        raise TypeError(f"{name} must give (images, labels) batches, got {type(batches).__name__}")


def begin_epoch(batches: Batches, epoch: int, first: int) -> Iterator[tuple[Any, Any]]:
    """The batches of an epoch from number `first` on.

    `set_epoch` is called where it exists, with `first_batch` if it knows that: a DataLoader does not
    read what it leaves out. Other batches are gone through.
    """
    if first and isinstance(batches, Sized) and first > len(batches):
        raise ValueError(
            f"fit: the epoch was left after batch {first}, but train has {len(batches)}; "
            "trainer.running.reset() begins it anew"
        )
    method = getattr(batches, "set_epoch", None)
    if method is not None and first and "first_batch" in inspect.signature(method).parameters:
        method(epoch, first_batch=first)
        return iter(batches)
    set_epoch(batches, epoch)
    return islice(iter(batches), first, None) if first else iter(batches)


def set_epoch(batches: Batches, epoch: int) -> None:
    """Tell a loader the number of its next epoch, if it wants to know."""
    method = getattr(batches, "set_epoch", None)
    if method is not None:
        method(epoch)


def image_batches(inputs: Any, size: int) -> Iterator[Any]:
    """The images alone, of an array cut into batches, or of batches with or without labels."""
    if isinstance(inputs, (np.ndarray, Tensor)):
        array = inputs.data if isinstance(inputs, Tensor) else inputs
        for first in range(0, max(len(array), 1), size):
            yield array[first : first + size]
        return
    for batch in inputs:
        yield batch[0] if isinstance(batch, (tuple, list)) else batch
