"""Which samples an epoch takes, and in which order.

A sampler makes the whole order of an epoch from a NumPy generator, which the loader seeds by its
own seed and the epoch's number: the order is repeated by those two numbers alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.data._arguments import flag, whole
from convlet.random import default_generator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sized

    import numpy.typing as npt

    Order = npt.NDArray[np.int64]

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]


class Sampler(ABC):
    """Gives the indices of an epoch.

    Iterating over a sampler on its own draws from `convlet.random.default_generator`.
    """

    @abstractmethod
    def order(self, rng: np.random.Generator) -> Order:
        """The indices of one epoch, int64 (len(self),); all that is random comes from rng."""

    @abstractmethod
    def __len__(self) -> int:
        """How many indices an epoch has."""

    def __iter__(self) -> Iterator[int]:
        """The indices of one epoch."""
        return iter(self.order(default_generator.stream()).tolist())


class SequentialSampler(Sampler):
    """Every sample once, in order.

    Args:
        data_source: The dataset, of which only the length is asked.

    Example:
        >>> list(SequentialSampler("abcd"))
        [0, 1, 2, 3]
    """

    def __init__(self, data_source: Sized) -> None:
        """Keep the dataset."""
        self.data_source = data_source

    def __len__(self) -> int:
        """How many indices an epoch has."""
        return len(self.data_source)

    def order(self, rng: np.random.Generator) -> Order:
        """0, 1, 2 and so on."""
        return np.arange(len(self.data_source), dtype=np.int64)


class RandomSampler(Sampler):
    """Samples in random order: each once, or drawn anew each time.

    Args:
        data_source: The dataset, of which only the length is asked.
        replacement: Whether a sample may come again before all others came.
        num_samples: How many indices an epoch has; as many as there are samples unless given.

    Raises:
        ValueError: num_samples is below 1.
        TypeError: An argument has the wrong type.

    Example:
        >>> sorted(RandomSampler("abcd"))
        [0, 1, 2, 3]
    """

    def __init__(
        self, data_source: Sized, replacement: bool = False, num_samples: int | None = None
    ) -> None:
        """Check the arguments."""
        self.data_source = data_source
        self.replacement = flag(replacement, "RandomSampler", "replacement")
        self.num_samples = (
            None if num_samples is None else whole(num_samples, "RandomSampler", "num_samples", 1)
        )

    def __len__(self) -> int:
        """How many indices an epoch has."""
        return len(self.data_source) if self.num_samples is None else self.num_samples

    def order(self, rng: np.random.Generator) -> Order:
        """A permutation (several, one after another, if more are wanted), or independent draws."""
        count, wanted = len(self.data_source), len(self)
        if count == 0:
            return np.empty(0, np.int64)
        if self.replacement:
            return rng.integers(0, count, wanted, dtype=np.int64)
        rounds = [rng.permutation(count) for _ in range(-(-wanted // count))]
        return np.concatenate(rounds)[:wanted].astype(np.int64)


class SubsetRandomSampler(Sampler):
    """Given samples, each once, in random order.

    Args:
        indices: Integers, (M,).

    Raises:
        ValueError: The indices are not (M,).
        TypeError: The indices are not integers.

    Example:
        >>> sorted(SubsetRandomSampler([7, 3, 5]))
        [3, 5, 7]
    """

    def __init__(self, indices: npt.ArrayLike) -> None:
        """Copy the indices."""
        self.indices = index_array(indices, "SubsetRandomSampler")

    def __len__(self) -> int:
        """How many indices an epoch has."""
        return len(self.indices)

    def order(self, rng: np.random.Generator) -> Order:
        """The indices, permuted."""
        return rng.permutation(self.indices)


class WeightedRandomSampler(Sampler):
    """Samples drawn with given weights, as for classes of very different size.

    A sample that comes twice in an epoch is augmented alike both times: what is random about it
    depends on seed, epoch and its index.

    Args:
        weights: (N,), not negative, one for each sample; they need not add up to 1.
        num_samples: How many indices an epoch has.
        replacement: Whether a sample may come several times.

    Raises:
        ValueError: A weight is negative or not finite, too few are positive, or num_samples is
            below 1.
        TypeError: An argument has the wrong type.

    Example:
        >>> set(WeightedRandomSampler([0.0, 2.0, 0.0, 1.0], num_samples=100))
        {1, 3}
    """

    def __init__(self, weights: npt.ArrayLike, num_samples: int, replacement: bool = True) -> None:
        """Check the weights and add them up once."""
        array = np.asarray(weights)
        if array.dtype.kind not in "fiu":
            raise TypeError(f"WeightedRandomSampler: weights must be numbers, got {array.dtype}")
        if array.ndim != 1 or not np.isfinite(array).all() or not (array >= 0).all():
            raise ValueError(
                "WeightedRandomSampler: weights must be (N,), finite and not negative, "
                f"got shape {array.shape}"
            )
        self.weights = array.astype(np.float64)
        self.num_samples = whole(num_samples, "WeightedRandomSampler", "num_samples", 1)
        self.replacement = flag(replacement, "WeightedRandomSampler", "replacement")
        needed = 1 if self.replacement else self.num_samples
        positive = int(np.count_nonzero(self.weights))
        if positive < needed:
            raise ValueError(
                f"WeightedRandomSampler: weights must have at least {needed} above 0, "
                f"got {positive}"
            )

    def __len__(self) -> int:
        """How many indices an epoch has."""
        return self.num_samples

    def order(self, rng: np.random.Generator) -> Order:
        """Independent draws, or draws without those that came already."""
        if self.replacement:
            limits = np.cumsum(self.weights)
            draws = rng.random(self.num_samples) * limits[-1]
            chosen: Order = np.searchsorted(limits, draws, side="right").astype(np.int64)
            # Rounding may lead a draw to the very end, behind the last sample that has a weight.
            np.minimum(chosen, np.flatnonzero(self.weights)[-1], out=chosen)
            return chosen
        # Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006: the largest
        # u^(1/w), here as the smallest -log(u) / w.
        candidates = np.flatnonzero(self.weights)
        with np.errstate(over="ignore"):  # the smallest of weights come last, in any order
            keys = rng.standard_exponential(candidates.size) / self.weights[candidates]
        return candidates[np.argsort(keys, kind="stable")[: self.num_samples]].astype(np.int64)


class BatchSampler:
    """Cuts the order of a sampler into batches.

    Args:
        sampler: A sampler, or anything that gives indices.
        batch_size: How many indices a batch holds; the last one may hold fewer.
        drop_last: Whether to leave out a last batch of fewer indices.

    Raises:
        ValueError: batch_size is below 1.
        TypeError: An argument has the wrong type.

    Example:
        >>> list(BatchSampler(SequentialSampler("abcde"), batch_size=2, drop_last=False))
        [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self, sampler: Sampler | Iterable[int], batch_size: int, drop_last: bool = False
    ) -> None:
        """Check the arguments."""
        if not hasattr(sampler, "__iter__"):
            raise TypeError(
                f"BatchSampler: sampler must give indices, got {type(sampler).__name__}"
            )
        self.sampler = sampler
        self.batch_size = whole(batch_size, "BatchSampler", "batch_size", minimum=1)
        self.drop_last = flag(drop_last, "BatchSampler", "drop_last")

    def batches(self, rng: np.random.Generator) -> list[Order]:
        """The indices of each batch of one epoch."""
        if isinstance(self.sampler, Sampler):
            order = self.sampler.order(rng)
        else:
            order = index_array(list(self.sampler), "BatchSampler")
        count = self._count(len(order))
        return [order[i * self.batch_size : (i + 1) * self.batch_size] for i in range(count)]

    def __iter__(self) -> Iterator[list[int]]:
        """The batches of one epoch, drawn from `convlet.random.default_generator`."""
        return (batch.tolist() for batch in self.batches(default_generator.stream()))

    def __len__(self) -> int:
        """How many batches an epoch has.

        Raises:
            TypeError: The sampler has no length.
        """
        return self._count(len(self.sampler))  # type: ignore[arg-type]

    def _count(self, indices: int) -> int:
        return indices // self.batch_size if self.drop_last else -(-indices // self.batch_size)


def index_array(indices: Any, function: str) -> Order:
    """A copy of indices as int64 (M,), or an error that names the function."""
    array: npt.NDArray[Any] = np.asarray(indices)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{function}: indices must be integers, got {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"{function}: indices must be (M,), got shape {array.shape}")
    return array.astype(np.int64)  # a copy
