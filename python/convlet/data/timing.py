"""How much of an epoch is spent waiting for batches."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EpochTiming"]

Batch = TypeVar("Batch")


class EpochTiming:
    """Times one pass over a loader: what the caller waited for, and the whole.

    Attributes:
        batches: How many batches were taken.
        idle_seconds: How long the caller waited for them. Without workers that is the time of
            preparing them; with workers, what they did not manage ahead.
        seconds: From the first request to the latest.

    Example:
        >>> timing = EpochTiming()
        >>> for batch in timing.of(iter("ab")):
        ...     pass
        >>> timing.batches, 0.0 <= timing.idle_share <= 1.0
        (2, True)
    """

    __slots__ = ("batches", "idle_seconds", "seconds")

    def __init__(self) -> None:
        """Nothing was taken yet."""
        self.batches = 0
        self.idle_seconds = 0.0
        self.seconds = 0.0

    def __repr__(self) -> str:
        """The numbers."""
        return (
            f"EpochTiming(batches={self.batches}, seconds={self.seconds:.3f}, "
            f"idle_seconds={self.idle_seconds:.3f})"
        )

    @property
    def idle_share(self) -> float:
        """Which part of the time the caller waited: 0 when the loader kept up all along."""
        return self.idle_seconds / self.seconds if self.seconds > 0 else 0.0

    def of(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches, timed."""
        start = perf_counter()
        while True:
            asked = perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            finally:
                now = perf_counter()
                self.idle_seconds += now - asked
                self.seconds = now - start
            self.batches += 1
            yield batch
