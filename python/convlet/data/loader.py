"""Batches in a seeded order, prefetched by threads."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from convlet import _core
from convlet.data._arguments import UINT32_MAX, UINT64_MAX, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from convlet.data.dataset import Dataset

__all__ = ["DataLoader"]

Target = TypeVar("Target")

# Two batches ahead for each worker: one being written, one waiting to be taken.
_AHEAD = 2


class DataLoader(Generic[Target]):
    """Goes through a dataset in batches, once per `for` loop.

    Each pass is an epoch: it shuffles and augments anew, and moves `epoch` on by one. What an
    epoch gives depends on the seed and the epoch's number alone, not on workers or threads.

    Args:
        dataset: Anything with `len(dataset)` and `dataset.batch(...)`, see `Dataset`.
        batch_size: How many samples a batch holds; the last one may hold fewer.
        shuffle: Whether each epoch goes through the samples in a new order.
        drop_last: Whether to leave out a last batch of fewer samples.
        num_workers: How many threads prepare batches ahead while the caller computes; with 0
            each batch is prepared when it is asked for.
        seed: Decides order and augmentation.

    Raises:
        ValueError: batch_size is below 1, num_workers outside [0, 1024] or seed outside 64 bits.
        TypeError: The dataset lacks a method, or an argument has the wrong type.

    Example:
        >>> import numpy as np
        >>> from convlet.data import ArrayDataset
        >>> dataset = ArrayDataset(np.zeros((10, 8, 8), np.uint8), np.arange(10))
        >>> loader = DataLoader(dataset, batch_size=4)
        >>> [labels.tolist() for images, labels in loader]
        [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    """

    def __init__(
        self,
        dataset: Dataset[Target],
        batch_size: int = 1,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        num_workers: int = 0,
        seed: int = 0,
    ) -> None:
        """Check the arguments; nothing is read before the first batch."""
        for method in ("__len__", "batch"):
            if not hasattr(dataset, method):
                raise TypeError(
                    f"DataLoader: dataset must have a method {method}, "
                    f"got {type(dataset).__name__} without"
                )
        for name, flag in (("shuffle", shuffle), ("drop_last", drop_last)):
            if not isinstance(flag, (bool, np.bool_)):
                raise TypeError(f"DataLoader: {name} must be a bool, got {type(flag).__name__}")
        self.dataset = dataset
        self.batch_size = whole(batch_size, "DataLoader", "batch_size", minimum=1)
        self.shuffle = bool(shuffle)
        self.drop_last = bool(drop_last)
        self.num_workers = whole(num_workers, "DataLoader", "num_workers", maximum=1024)
        self.seed = whole(seed, "DataLoader", "seed", maximum=UINT64_MAX)
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
        first = whole(first_batch, "set_epoch", "first_batch", maximum=len(self))
        self._epoch, self._first_batch = number, first

    def __len__(self) -> int:
        """How many batches an epoch has."""
        count = len(self.dataset)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

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
        order = self._order(epoch)
        plan = [
            order[first : first + self.batch_size]
            for first in range(
                first_batch * self.batch_size, len(self) * self.batch_size, self.batch_size
            )
        ]
        return self._ahead(plan, epoch) if self.num_workers else self._on_demand(plan, epoch)

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        count = len(self.dataset)
        if not self.shuffle:
            return np.arange(count, dtype=np.int64)
        return np.random.default_rng([self.seed, epoch]).permutation(count).astype(np.int64)

    def _on_demand(
        self, plan: list[npt.NDArray[np.int64]], epoch: int
    ) -> Iterator[tuple[npt.NDArray[np.float32], Target]]:
        for indices in plan:
            yield self.dataset.batch(
                indices, seed=self.seed, epoch=epoch, num_threads=_core.get_num_threads()
            )

    def _ahead(
        self, plan: list[npt.NDArray[np.int64]], epoch: int
    ) -> Iterator[tuple[npt.NDArray[np.float32], Target]]:
        # A worker writes its batch alone: the other processors belong to the training step.
        owner = os.getpid()
        workers = ThreadPoolExecutor(self.num_workers, thread_name_prefix="convlet-loader")
        waiting: deque[Future[tuple[npt.NDArray[np.float32], Target]]] = deque()
        try:
            for position in range(len(plan) + _AHEAD * self.num_workers):
                if position < len(plan):
                    waiting.append(
                        workers.submit(
                            self.dataset.batch,
                            plan[position],
                            seed=self.seed,
                            epoch=epoch,
                            num_threads=1,
                        )
                    )
                if position >= _AHEAD * self.num_workers and waiting:
                    # The worker's exception comes out here, with the worker's traceback.
                    batch = waiting.popleft().result()
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
