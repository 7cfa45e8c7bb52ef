"""How fast memory and caches are, by the simplest operators that read, write, or do both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops
from convlet.bench.timing import medians

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from roofline_work import Work

    from convlet.bench.layers import Array

MEGA = 1e6
SIZES = tuple(int(size * MEGA) for size in (0.5, 1, 2, 4, 8, 16, 24, 32, 48, 64, 128))
CHANNELS, WIDTH = 64, 64
ROW = 4 * CHANNELS * WIDTH  # bytes


@dataclass(frozen=True)
class Streams:
    """Bytes per second within a working set of one size; those of `both` count as read and written."""

    read: float
    write: float
    both: float

    def milliseconds(self, work: Work) -> float:
        """Of the bytes of a pass: as much read as written, and the rest."""
        pairs = min(work.reads, work.writes)
        seconds = 2 * pairs / self.both
        seconds += (work.reads - pairs) / self.read + (work.writes - pairs) / self.write
        return 1e3 * seconds


def _ones(rows: int) -> Array:
    return np.ones((1, rows, WIDTH, CHANNELS), np.float32).transpose(0, 3, 1, 2)


def rounded(size: float) -> int:
    """The nearest size that streams have."""
    return max(2, round(size / ROW / 2) * 2) * ROW


def calls(size: int) -> dict[str, Callable[[], Any]]:
    """A sum over channels reads, the gradient of a mean writes, ReLU does both: with usual stores."""
    rows = rounded(size) // ROW
    image, half, one = _ones(rows), _ones(rows // 2), np.ones((1, CHANNELS, 1, 1), np.float32)
    shape = (1, CHANNELS, rows, WIDTH)
    return {
        "read": lambda: ops.conv2d_grad_bias(image),
        "write": lambda: ops.adaptive_avg_pool2d_grad(one, shape),
        "both": lambda: ops.relu(half),
    }


def all_calls(sizes: Iterable[int]) -> dict[str, Callable[[], Any]]:
    """Those of several sizes under names of their own."""
    return {f"{name} {rounded(size)}": call for size in sizes for name, call in calls(size).items()}


def streams_of(times: Mapping[str, float], size: float) -> Streams:
    """From the milliseconds of `all_calls`."""
    held = rounded(size)
    return Streams(*(1e3 * held / times[f"{name} {held}"] for name in ("read", "write", "both")))


def curve(repeats: int) -> dict[int, Streams]:
    """By the size of the working set."""
    sizes = [rounded(size) for size in SIZES]
    times = medians(all_calls(sizes), repeats)
    return {size: streams_of(times, size) for size in sizes}
