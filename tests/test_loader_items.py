"""DataLoader over samples given one by one, with samplers, a collate_fn and its own timing."""

from __future__ import annotations

import time
import traceback
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convlet.data import ArrayDataset, BatchSampler, DataLoader, Subset, SubsetRandomSampler

Item = tuple[npt.NDArray[np.float32], int]


class Items:
    """A dataset as PyTorch users write it."""

    def __init__(self, count: int, bad: int = -1) -> None:
        self.count = count
        self.bad = bad

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Item:
        if index == self.bad:
            raise OSError(f"image {index} is truncated")
        return np.full((1, 2, 2), index, np.float32), index


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_are_joined_to_batches(workers: int) -> None:
    batches = list(DataLoader(Items(5), batch_size=2, num_workers=workers))
    assert [images.shape for images, _ in batches] == [(2, 1, 2, 2), (2, 1, 2, 2), (1, 1, 2, 2)]
    assert np.concatenate([labels for _, labels in batches]).tolist() == list(range(5))
    assert batches[1][0][1, 0, 0, 0] == 3


def test_items_and_batches_are_shuffled_alike() -> None:
    images = np.zeros((20, 2, 2), np.uint8)
    whole = ArrayDataset(images, np.arange(20))
    for seed in range(3):
        items = [labels.tolist() for _, labels in DataLoader(Items(20), 6, True, seed=seed)]
        batches = [labels.tolist() for _, labels in DataLoader(whole, 6, True, seed=seed)]
        assert items == batches != [list(range(20))]


def test_a_list_is_a_dataset() -> None:
    assert [batch.tolist() for batch in DataLoader([3, 5, 7], 2)] == [[3, 5], [7]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_failing_item_ends_the_epoch_with_its_traceback(workers: int) -> None:
    with pytest.raises(OSError, match="image 7 is truncated") as caught:
        list(DataLoader(Items(10, bad=7), 2, num_workers=workers))
    assert "__getitem__" in [f.name for f in traceback.extract_tb(caught.value.__traceback__)]


def test_a_collate_fn_gets_the_samples_of_either_kind() -> None:
    def summed(samples: list[Any]) -> Any:
        assert all(image.shape == (1, 2, 2) for image, _ in samples)
        return sum(int(label) for _, label in samples)

    whole = ArrayDataset(np.zeros((5, 2, 2), np.uint8), np.arange(5))
    for dataset in (Items(5), whole, Subset(Items(9), range(5)), Subset(whole, range(5))):
        loader: DataLoader[Any] = DataLoader(dataset, 2, collate_fn=summed)
        batches: list[Any] = list(loader)
        assert batches == [1, 5, 4]


def test_a_sampler_decides_the_order() -> None:
    loader = DataLoader(Items(50), 4, sampler=SubsetRandomSampler(range(10, 20)), seed=3)
    first, second = ([int(n) for _, labels in loader for n in labels] for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(10, 20))
    assert first != second
    loader.set_epoch(0)
    assert [int(n) for _, labels in loader for n in labels] == first
    assert len(loader) == 3


def test_any_iterable_is_a_sampler() -> None:
    loader = DataLoader(Items(9), 2, sampler=(n for n in (8, 1, 4)))
    with pytest.raises(TypeError, match="len"):
        len(loader)
    assert [labels.tolist() for _, labels in loader] == [[8, 1], [4]]


def test_a_batch_sampler_decides_all() -> None:
    for sampler in ([[3, 1], [2]], BatchSampler([3, 1, 2], 2)):
        loader = DataLoader(Items(9), batch_sampler=sampler)
        assert [labels.tolist() for _, labels in loader] == [[3, 1], [2]]
        assert len(loader) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"sampler": [1], "shuffle": True}, "shuffle must be False"),
        ({"batch_sampler": [[1]], "batch_size": 2}, "batch_sampler decides alone"),
        ({"batch_sampler": [[1]], "shuffle": True}, "batch_sampler decides alone"),
        ({"batch_sampler": [[1]], "sampler": [1]}, "batch_sampler decides alone"),
        ({"batch_sampler": [[1]], "drop_last": True}, "batch_sampler decides alone"),
        ({"prefetch_factor": 0}, "prefetch_factor must be at least 1"),
    ],
    ids=str,
)
def test_arguments_that_exclude_each_other_are_a_value_error(
    arguments: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=f"DataLoader: {words}"):
        DataLoader(Items(5), **arguments)


@pytest.mark.parametrize(
    "arguments",
    [{"sampler": 3}, {"batch_sampler": 3}, {"collate_fn": 3}, {"pin_memory": 1}],
    ids=str,
)
def test_arguments_of_another_kind_are_a_type_error(arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"DataLoader: {next(iter(arguments))} must"):
        DataLoader(Items(5), **arguments)


@pytest.mark.parametrize("bad", [[0.5], [[1, 2]], ["a"]])
def test_a_sampler_that_gives_no_indices_is_refused_in_the_epoch(bad: list[Any]) -> None:
    with pytest.raises((TypeError, ValueError), match="indices must be"):
        list(DataLoader(Items(5), sampler=bad))


class Slow(Items):
    """Takes its time for each sample."""

    def __getitem__(self, index: int) -> Item:
        time.sleep(0.02)
        return super().__getitem__(index)


def test_timing_tells_what_was_waited_for() -> None:
    loader = DataLoader(Slow(6))
    for _ in loader:
        time.sleep(0.01)
    timing = loader.timing
    assert timing.batches == 6
    assert 0.12 <= timing.idle_seconds < timing.seconds - 0.05
    assert 0.4 < timing.idle_share < 0.9


def test_workers_take_the_waiting_away() -> None:
    loader = DataLoader(Slow(10), num_workers=2)
    for _ in loader:
        time.sleep(0.03)
    assert loader.timing.idle_share < 0.25  # the first batch alone; 0.4 without workers
