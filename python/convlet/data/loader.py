"""Batches in a seeded order, prefetched by threads."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import numpy as np

from convlet import _core
from convlet.data._arguments import UINT32_MAX, UINT64_MAX, flag, whole
from convlet.data.collate import default_collate
from convlet.data.samplers import BatchSampler, RandomSampler, SequentialSampler, index_array
from convlet.data.timing import EpochTiming
from convlet.data.transforms import Mixing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

    from convlet.data.dataset import Dataset, ItemDataset
    from convlet.data.samplers import Sampler

    Order = npt.NDArray[np.int64]

__all__ = ["DataLoader"]

Target = TypeVar("Target")


class DataLoader(Generic[Target]):
    """Goes through a dataset in batches, once per `for` loop.

    Each pass is an epoch: it shuffles and augments anew, and moves `epoch` on by one. What an
    epoch gives depends on the seed and the epoch's number alone, not on workers or threads.

    A dataset makes batches itself (`dataset.batch`, see `Dataset`), or it gives one sample at a
    time (`dataset[i]`, as for PyTorch) and `collate_fn` joins them.

    Args:
        dataset: Anything with `len(dataset)` and one of the two.
        batch_size: How many samples a batch holds; the last one may hold fewer.
        shuffle: Whether each epoch goes through the samples in a new order.
        sampler: Gives the indices of an epoch in place of `shuffle`: one of
            `convlet.data.samplers`, or anything that can be iterated.
        batch_sampler: Gives lists of indices, in place of `batch_size`, `shuffle`, `sampler` and
            `drop_last`.
        num_workers: How many threads prepare batches ahead while the caller computes; with 0
            each batch is prepared when it is asked for.
        collate_fn: Makes a batch of a list of samples; unless given, `default_collate`, or what
            the dataset's own `batch` gives.
        pin_memory: Without effect: there is no device to copy to. PyTorch's calls have it.
        drop_last: Whether to leave out a last batch of fewer samples.
        seed: Decides order and augmentation.
        prefetch_factor: How many batches each worker may be ahead.
        mix: `transforms.MixUp` or `transforms.CutMix`, which then make soft targets of the labels.

    Raises:
        ValueError: A number is out of range, or arguments exclude each other.
        TypeError: The dataset lacks a method, or an argument has the wrong type.

    Attributes:
        timing: How long the latest epoch took and how much of it was spent waiting for batches,
            see `EpochTiming`.

    Example:
        >>> import numpy as np
        >>> from convlet.data import ArrayDataset
        >>> dataset = ArrayDataset(np.zeros((10, 8, 8), np.uint8), np.arange(10))
        >>> loader = DataLoader(dataset, batch_size=4)
        >>> [labels.tolist() for images, labels in loader]
        [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    """

    @overload
    def __init__(
        self: DataLoader[Target],
        dataset: Dataset[Target],
        batch_size: int = ...,
        shuffle: bool = ...,
        sampler: Sampler | Iterable[int] | None = ...,
        batch_sampler: BatchSampler | Iterable[list[int]] | None = ...,
        num_workers: int = ...,
        collate_fn: Callable[[list[Any]], Any] | None = ...,
        pin_memory: bool = ...,
        drop_last: bool = ...,
        *,
        seed: int = ...,
        prefetch_factor: int = ...,
        mix: Mixing | None = ...,
    ) -> None: ...

    @overload
    def __init__(
        self: DataLoader[Any],
        dataset: ItemDataset,
        batch_size: int = ...,
        shuffle: bool = ...,
        sampler: Sampler | Iterable[int] | None = ...,
        batch_sampler: BatchSampler | Iterable[list[int]] | None = ...,
        num_workers: int = ...,
        collate_fn: Callable[[list[Any]], Any] | None = ...,
        pin_memory: bool = ...,
        drop_last: bool = ...,
        *,
        seed: int = ...,
        prefetch_factor: int = ...,
        mix: Mixing | None = ...,
    ) -> None: ...

    def __init__(
        self,
        dataset: Dataset[Target] | ItemDataset,
        batch_size: int = 1,
        shuffle: bool = False,
        sampler: Sampler | Iterable[int] | None = None,
        batch_sampler: BatchSampler | Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        *,
        seed: int = 0,
        prefetch_factor: int = 2,
        mix: Mixing | None = None,
    ) -> None:
        """Check the arguments; nothing is read before the first batch."""
        _check_dataset(dataset)
        flag(pin_memory, "DataLoader", "pin_memory")
        self.dataset = dataset
        self.batch_size = whole(batch_size, "DataLoader", "batch_size", minimum=1)
        self.shuffle = flag(shuffle, "DataLoader", "shuffle")
        self.drop_last = flag(drop_last, "DataLoader", "drop_last")
        self.num_workers = whole(num_workers, "DataLoader", "num_workers", maximum=1024)
        self.seed = whole(seed, "DataLoader", "seed", maximum=UINT64_MAX)
        self.prefetch_factor = whole(prefetch_factor, "DataLoader", "prefetch_factor", 1, 1024)
        if collate_fn is not None and not callable(collate_fn):
            raise TypeError(
                f"DataLoader: collate_fn must be callable, got {type(collate_fn).__name__}"
            )
        if mix is not None and not isinstance(mix, Mixing):
            raise TypeError(
                "DataLoader: mix must be MixUp or CutMix of convlet.data.transforms, "
                f"got {type(mix).__name__}"
            )
        self.collate_fn = collate_fn
        self.mix = mix
        self.batch_sampler = self._batch_sampler(sampler, batch_sampler)
        self.timing = EpochTiming()
        self._epoch = 0
        self._first_batch = 0

    @property
    def epoch(self) -> int:
        """The number of the next epoch."""
        return self._epoch

    def set_epoch(self, epoch: int, first_batch: int = 0) -> None:
        """Make the next pass epoch number `epoch`, as when training resumes.

        Args:
            epoch: Its number, on which its order depends.
            first_batch: How many of its batches to leave out, without reading them: a training
                that ended in the middle of the epoch has seen them.

        Raises:
            ValueError: epoch is negative or needs more than 32 bits, or first_batch is not in
                [0, len(loader)].
            TypeError: A number is not an int.
        """
        number = whole(epoch, "set_epoch", "epoch", maximum=UINT32_MAX)
        most = len(self) if first_batch else 0  # a sampler without a length has a first batch
        first = whole(first_batch, "set_epoch", "first_batch", maximum=most)
        self._epoch, self._first_batch = number, first

    def __len__(self) -> int:
        """How many batches an epoch has.

        Raises:
            TypeError: The sampler has no length.
        """
        return len(self.batch_sampler)  # type: ignore[arg-type]

    def __repr__(self) -> str:
        """The dataset and how it is cut."""
        return (
            f"DataLoader({self.dataset!r}, batch_size={self.batch_size}, shuffle={self.shuffle}, "
            f"drop_last={self.drop_last}, num_workers={self.num_workers}, seed={self.seed})"
        )

    def __iter__(self) -> Iterator[tuple[npt.NDArray[np.float32], Target]]:
        """Start the next epoch."""
        epoch = self._epoch
        self._epoch = (epoch + 1) & UINT32_MAX
        first_batch, self._first_batch = self._first_batch, 0
        plan = self._plan(epoch)[first_batch:]
        self.timing = EpochTiming()
        batches = self._ahead(plan, epoch) if self.num_workers else self._on_demand(plan, epoch)
        return self.timing.of(batches)

    def _batch_sampler(
        self,
        sampler: Sampler | Iterable[int] | None,
        batch_sampler: BatchSampler | Iterable[list[int]] | None,
    ) -> BatchSampler | Iterable[list[int]]:
        if sampler is not None and self.shuffle:
            raise ValueError("DataLoader: shuffle must be False where a sampler decides the order")
        if batch_sampler is None:
            if sampler is None:
                kind = RandomSampler if self.shuffle else SequentialSampler
                sampler = kind(self.dataset)
            if not hasattr(sampler, "__iter__"):
                raise TypeError(
                    f"DataLoader: sampler must give indices, got {type(sampler).__name__}"
                )
            return BatchSampler(sampler, self.batch_size, self.drop_last)
        if sampler is not None or self.shuffle or self.drop_last or self.batch_size != 1:
            raise ValueError(
                "DataLoader: batch_sampler decides alone; give no batch_size, shuffle, sampler "
                "or drop_last beside it"
            )
        if not hasattr(batch_sampler, "__iter__"):
            raise TypeError(
                "DataLoader: batch_sampler must give lists of indices, "
                f"got {type(batch_sampler).__name__}"
            )
        return batch_sampler

    def _plan(self, epoch: int) -> list[Order]:
        """The indices of each batch of an epoch."""
        if isinstance(self.batch_sampler, BatchSampler):
            return self.batch_sampler.batches(np.random.default_rng([self.seed, epoch]))
        return [index_array(batch, "DataLoader: batch_sampler") for batch in self.batch_sampler]

    def _prepare(self, indices: Order, epoch: int, num_threads: int) -> Any:
        """One batch."""
        how = {"seed": self.seed, "epoch": epoch, "num_threads": num_threads}
        dataset: Any = self.dataset
        if hasattr(dataset, "batch"):
            batch = dataset.batch(indices, **how)
            if self.collate_fn is not None:
                batch = self.collate_fn(list(zip(*batch, strict=True)))
        else:
            samples = [dataset[index] for index in indices.tolist()]
            batch = (self.collate_fn or default_collate)(samples)
        if self.mix is not None:
            images, labels = batch  # of which some may have been skipped
            batch = self.mix(images, labels, indices=indices[: len(images)], **how)
        return batch

    def _on_demand(self, plan: list[Order], epoch: int) -> Iterator[Any]:
        for indices in plan:
            batch = self._prepare(indices, epoch, _core.get_num_threads())
            if not _all_skipped(batch):
                yield batch

    def _ahead(self, plan: list[Order], epoch: int) -> Iterator[Any]:
        # A worker writes its batch alone: the other processors belong to the training step.
        owner = os.getpid()
        ahead = self.prefetch_factor * self.num_workers
        workers = ThreadPoolExecutor(self.num_workers, thread_name_prefix="convlet-loader")
        waiting: deque[Future[Any]] = deque()
        try:
            for position in range(len(plan) + ahead):
                if position < len(plan):
                    waiting.append(workers.submit(self._prepare, plan[position], epoch, 1))
                if position >= ahead and waiting:
                    # The worker's exception comes out here, with the worker's traceback.
                    batch = waiting.popleft().result()
                    if not _all_skipped(batch):
                        yield batch
                    if os.getpid() != owner:
                        raise RuntimeError(
                            "DataLoader: an epoch with workers cannot go on in a forked process, "
                            "whose threads are gone; start a new one"
                        )
        finally:
            if os.getpid() == owner:
                # Without waiting, so that Ctrl-C or an error ends the epoch at once.
                workers.shutdown(wait=False, cancel_futures=True)


def _all_skipped(batch: Any) -> bool:
    """Whether a dataset left out every sample, as it may with files that cannot be read."""
    return isinstance(batch, tuple) and len(batch) > 0 and np.shape(batch[0])[:1] == (0,)


def _check_dataset(dataset: object) -> None:
    if not hasattr(dataset, "__len__"):
        raise TypeError(
            f"DataLoader: dataset must have a method __len__, got {type(dataset).__name__} without"
        )
    if not hasattr(dataset, "batch") and not hasattr(dataset, "__getitem__"):
        raise TypeError(
            "DataLoader: dataset must have a method batch or __getitem__, "
            f"got {type(dataset).__name__} without"
        )
