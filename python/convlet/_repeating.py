"""What a second computation of the same thing must know: the random numbers of the first.

`checkpoint` notes the stretches that generators hand out while a function runs, and hands out the
same when it runs again; whatever else must happen once only asks `computes_again()`.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Stretch: TypeAlias = tuple[int, int]  # seed, first offset

__all__ = ["computes_again", "draw", "noted", "repeated"]


class _State(threading.local):
    noting: list[Stretch] | None = None
    repeating: Iterator[Stretch] | None = None


state = _State()


def computes_again() -> bool:
    """Whether this thread computes something for the second time."""
    return state.repeating is not None


def draw(fresh: Callable[[], Stretch]) -> Stretch:
    """A fresh stretch of random numbers, or in a second computation the one of the first."""
    if state.repeating is None:
        stretch = fresh()
    else:
        known = next(state.repeating, None)
        if known is None:
            raise RuntimeError(
                "checkpoint: the function drew more random numbers in backward than in forward"
            )
        stretch = known
    if state.noting is not None:
        state.noting.append(stretch)
    return stretch


@contextmanager
def noted() -> Iterator[list[Stretch]]:
    """The stretches drawn in a block, also noted for the blocks around it."""
    outside, state.noting = state.noting, []
    try:
        yield state.noting
    finally:
        inside, state.noting = state.noting, outside
        if outside is not None:
            outside += inside


@contextmanager
def repeated(stretches: Sequence[Stretch]) -> Iterator[None]:
    """Draw these stretches in a block instead of fresh ones."""
    outside, state.repeating = state.repeating, iter(stretches)
    noting, state.noting = state.noting, None
    try:
        yield
    finally:
        state.repeating, state.noting = outside, noting
