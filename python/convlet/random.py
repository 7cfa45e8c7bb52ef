"""Random numbers whose whole state is two integers: a seed and an offset.

Every draw takes the next stretch of offsets. The kernels (dropout) count with them in Philox; NumPy
(initialisation) opens an independent stream for each. A checkpoint thus holds two numbers, and the
result does not depend on threads.
"""

from __future__ import annotations

import operator
import secrets
import threading
from typing import TYPE_CHECKING

import numpy as np

from convlet._repeating import draw

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from convlet.ops._arguments import Array

__all__ = ["Generator", "default_generator", "seed"]

UINT64 = 2**64


class Generator:
    """A source of random numbers, deterministic from its seed.

    Args:
        seed: 0 <= seed < 2**64; unpredictable when None.

    Raises:
        TypeError: `seed` is not an int.
        ValueError: `seed` is out of range.

    Example:
        >>> Generator(7).uniform(0, 1, (2,)).tolist() == Generator(7).uniform(0, 1, (2,)).tolist()
        True
    """

    __slots__ = ("_lock", "offset", "seed")

    def __init__(self, seed: int | None = None) -> None:
        """Start at offset 0."""
        self._lock = threading.Lock()
        self.seed = secrets.randbits(64) if seed is None else _checked(seed, "seed")
        self.offset = 0

    def __repr__(self) -> str:
        """The two integers."""
        return f"Generator(seed={self.seed}, offset={self.offset})"

    def __reduce__(self) -> tuple[Callable[[int, int], Generator], tuple[int, int]]:
        """A copy continues from the same state on its own."""
        return _restored, (self.seed, self.offset)

    def reserve(self, count: int) -> tuple[int, int]:
        """Take the offsets of `count` random values of 32 bits: (seed, first offset)."""
        return draw(lambda: self._fresh(count))

    def _fresh(self, count: int) -> tuple[int, int]:
        with self._lock:
            first = self.offset
            self.offset = (first + (count + 3) // 4) % UINT64
            return self.seed, first

    def stream(self) -> np.random.Generator:
        """A NumPy generator that is independent of all earlier ones."""
        seed, offset = self.reserve(1)
        return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(offset,)))

    def uniform(self, low: float, high: float, shape: Sequence[int]) -> Array:
        """float32 numbers in [low, high)."""
        numbers = self.stream().random(tuple(shape), dtype=np.float32)
        numbers *= np.float32(high - low)
        numbers += np.float32(low)
        return numbers

    def normal(self, mean: float, std: float, shape: Sequence[int]) -> Array:
        """float32 numbers of a normal distribution."""
        numbers = self.stream().standard_normal(tuple(shape), dtype=np.float32)
        numbers *= np.float32(std)
        numbers += np.float32(mean)
        return numbers

    def get_state(self) -> dict[str, int]:
        """The state as plain integers, for a checkpoint."""
        with self._lock:
            return {"seed": self.seed, "offset": self.offset}

    def set_state(self, state: Mapping[str, int]) -> None:
        """Continue where `get_state` was taken."""
        seed, offset = _checked(state["seed"], "seed"), _checked(state["offset"], "offset")
        with self._lock:
            self.seed, self.offset = seed, offset


def _restored(seed: int, offset: int) -> Generator:
    generator = Generator(seed)
    generator.offset = offset
    return generator


default_generator = Generator()


def seed(value: int) -> None:
    """Make initialisation and dropout repeatable from here on.

    Args:
        value: 0 <= value < 2**64.

    Example:
        >>> import convlet as cl
        >>> cl.seed(0)
    """
    default_generator.set_state({"seed": _checked(value, "seed"), "offset": 0})


def _checked(value: int, name: str) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"seed: {name} must be an int, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"seed: {name} must be an int, got {type(value).__name__}") from None
    if not 0 <= number < UINT64:
        raise ValueError(f"seed: {name} must be in [0, 2**64), got {number}")
    return number
