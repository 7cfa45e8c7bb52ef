"""Datasets made of other datasets: a part of one, several one after another, rows of arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.data._arguments import UINT64_MAX, whole
from convlet.data._indices import check_inside, place_of
from convlet.data.samplers import index_array
from convlet.random import Generator, default_generator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy.typing as npt

    from convlet.data.dataset import AnyDataset

__all__ = ["ConcatDataset", "Subset", "TensorDataset", "random_split"]

# Members of a ConcatDataset have samples of the same number; each draws with a seed of its own.
_SEED_STEP = 0x9E3779B97F4A7C15


class Subset:
    """Some samples of a dataset.

    It makes batches if the dataset does; what is random about a sample is as in the whole dataset.

    Args:
        dataset: Gives samples one by one, or batches of them.
        indices: Which samples, integers (M,); one may occur more than once.

    Raises:
        ValueError: An index is outside of the dataset, or the indices are not (M,).
        TypeError: The indices are not integers.

    Example:
        >>> Subset("abcde", [4, 0])[0]
        'e'
    """

    batch: Callable[..., Any]

    def __init__(self, dataset: AnyDataset, indices: npt.ArrayLike) -> None:
        """Copy the indices, and check each."""
        self.dataset = dataset
        self.indices = index_array(indices, "Subset")
        count = len(dataset)
        outside = (self.indices < 0) | (self.indices >= count)
        if outside.any():
            raise ValueError(
                f"Subset: indices must be in [0, {count}), got {self.indices[outside][0]}"
            )
        if hasattr(dataset, "batch"):
            self.batch = self._batch
        if hasattr(dataset, "joined"):
            self.joined = dataset.joined

    def __len__(self) -> int:
        """How many samples there are."""
        return len(self.indices)

    def __getitem__(self, index: int) -> Any:
        """One sample."""
        item: Any = self.dataset
        return item[int(self.indices[index])]

    def __repr__(self) -> str:
        """The size and the dataset."""
        return f"Subset({len(self)} samples of {self.dataset!r})"

    def _batch(self, indices: npt.NDArray[np.int64], **how: int) -> Any:
        check_inside(indices, len(self), "Subset")
        whole_set: Any = self.dataset
        return whole_set.batch(self.indices[indices], **how)


class ConcatDataset:
    """Several datasets, one after another.

    It makes batches if all of them do; those of detectors may have different numbers of objects.

    Args:
        datasets: At least one.

    Raises:
        ValueError: There is no dataset.

    Example:
        >>> both = ConcatDataset(["abc", "de"])
        >>> len(both), both[3], both[-1]
        (5, 'd', 'e')
    """

    batch: Callable[..., Any]

    def __init__(self, datasets: Iterable[AnyDataset]) -> None:
        """Note where each dataset begins."""
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError("ConcatDataset: datasets must be at least one")
        self.cumulative_sizes = np.cumsum([len(each) for each in self.datasets]).tolist()
        if all(hasattr(each, "batch") for each in self.datasets):
            self.batch = self._batch
        self.joined: Callable[[list[Any]], tuple[Any, ...]] = getattr(
            self.datasets[0], "joined", _joined
        )

    def __len__(self) -> int:
        """How many samples there are in all."""
        return int(self.cumulative_sizes[-1])

    def __getitem__(self, index: int) -> Any:
        """One sample."""
        place = place_of(index, len(self), "ConcatDataset")
        member = int(np.searchsorted(self.cumulative_sizes, place, side="right"))
        chosen: Any = self.datasets[member]
        return chosen[place - self._first(member)]

    def __repr__(self) -> str:
        """The datasets."""
        return f"ConcatDataset({self.datasets!r})"

    def _first(self, member: int) -> int:
        return self.cumulative_sizes[member - 1] if member else 0

    def _batch(
        self, indices: npt.NDArray[np.int64], *, seed: int, epoch: int, num_threads: int
    ) -> Any:
        check_inside(indices, len(self), "ConcatDataset")
        members = np.searchsorted(self.cumulative_sizes, indices, side="right")
        pieces: list[tuple[Any, ...]] = []
        places = []
        for member in np.unique(members).tolist():
            here = np.flatnonzero(members == member)
            chosen: Any = self.datasets[member]
            pieces.append(
                chosen.batch(
                    indices[here] - self._first(member),
                    seed=(seed + member * _SEED_STEP) & UINT64_MAX,
                    epoch=epoch,
                    num_threads=num_threads,
                )
            )
            places.append(here)
        if len(pieces) == 1:
            return pieces[0]
        if not pieces:
            first: Any = self.datasets[0]
            return first.batch(indices, seed=seed, epoch=epoch, num_threads=num_threads)
        batch = self.joined(pieces)
        if len(batch[0]) < len(indices):  # some were skipped: nobody says which
            return batch
        back = np.argsort(np.concatenate(places), kind="stable")
        return tuple(part[back] for part in batch)


def _joined(batches: list[Any]) -> tuple[Any, ...]:
    """Batches as one, if all their samples have one shape."""
    try:
        return tuple(np.concatenate(parts) for parts in zip(*batches, strict=True))
    except ValueError as error:
        raise ValueError(
            f"ConcatDataset: samples of a batch must have one shape, {error}"
        ) from error


class TensorDataset:
    """Arrays or tensors of one length; a sample is a row of each.

    Args:
        tensors: At least one, of at least one dimension.

    Raises:
        ValueError: There is none, or lengths differ.

    Example:
        >>> dataset = TensorDataset(np.zeros((3, 1, 8, 8), np.float32), np.array([5, 6, 7]))
        >>> image, label = dataset[1]
        >>> image.shape, int(label)
        ((1, 8, 8), 6)
    """

    def __init__(self, *tensors: Any) -> None:
        """Keep the arrays as they are."""
        self.tensors = tuple(np.asarray(tensor) for tensor in tensors)
        if not self.tensors or any(tensor.ndim == 0 for tensor in self.tensors):
            raise ValueError(
                "TensorDataset: tensors must be at least one, of at least one dimension, "
                f"got shapes {[tensor.shape for tensor in self.tensors]}"
            )
        lengths = [len(tensor) for tensor in self.tensors]
        if len(set(lengths)) > 1:
            raise ValueError(f"TensorDataset: tensors must have one length, got {lengths}")

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.tensors[0])

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """One row of each."""
        return tuple(tensor[index] for tensor in self.tensors)

    def batch(
        self,
        indices: npt.NDArray[np.int64],
        *,
        seed: int = 0,
        epoch: int = 0,
        num_threads: int = 1,
    ) -> tuple[npt.NDArray[Any], ...]:
        """Some rows of each; nothing about them is random.

        Raises:
            ValueError: An index is outside [0, N).
        """
        check_inside(indices, len(self), "TensorDataset")
        return tuple(tensor[indices] for tensor in self.tensors)


def random_split(
    dataset: AnyDataset,
    lengths: Sequence[float],
    generator: Generator | int | None = None,
) -> list[Subset]:
    """Divide a dataset at random into parts of given lengths.

    `stratified_split` does the same with every class in proportion.

    Args:
        dataset: Anything with a length.
        lengths: Whole numbers that add up to the length, or shares that add up to 1; what
            rounding leaves over goes one by one to the first parts.
        generator: A generator, or a seed; `convlet.random.default_generator` unless given.

    Raises:
        ValueError: The lengths do not add up, or one is negative.
        TypeError: The lengths are not numbers.

    Example:
        >>> [len(part) for part in random_split("abcdefghij", [0.75, 0.25], generator=0)]
        [8, 2]
    """
    count = len(dataset)
    sizes = _sizes(lengths, count)
    if isinstance(generator, Generator) or generator is None:
        rng = (generator or default_generator).stream()
    else:
        rng = np.random.default_rng(whole(generator, "random_split", "generator"))
    parts = np.split(rng.permutation(count), np.cumsum(sizes)[:-1])
    return [Subset(dataset, part) for part in parts]


def _sizes(lengths: Sequence[float], count: int) -> list[int]:
    wanted = np.asarray(lengths)
    if wanted.dtype.kind not in "iuf" or wanted.ndim != 1:
        raise TypeError(f"random_split: lengths must be a list of numbers, got {lengths!r}")
    if not np.isfinite(wanted).all() or (wanted < 0).any():
        raise ValueError(f"random_split: lengths must not be negative, got {list(lengths)}")
    if wanted.dtype.kind == "f" and math.isclose(float(wanted.sum()), 1.0, abs_tol=1e-9):
        sizes: list[int] = np.floor(wanted * count).astype(np.int64).tolist()
        for extra in range(count - sum(sizes)):
            sizes[extra % len(sizes)] += 1
        return sizes
    if int(wanted.sum()) != count or (wanted != np.floor(wanted)).any():
        raise ValueError(
            f"random_split: lengths must add up to {count} samples or to 1, got {list(lengths)}"
        )
    return [int(size) for size in wanted]
