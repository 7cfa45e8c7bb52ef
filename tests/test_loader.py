"""DataLoader: order, workers, and how an epoch ends when something breaks."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import traceback
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from convlet.data import ArrayDataset, DataLoader


def dataset(count: int, **augmentation: Any) -> ArrayDataset:
    images = np.arange(count * 48, dtype=np.uint32).astype(np.uint8).reshape(count, 3, 4, 4)
    return ArrayDataset(images, np.arange(count), **augmentation)


def labels_of(loader: DataLoader[npt.NDArray[np.int64]]) -> list[int]:
    return [int(label) for _, labels in loader for label in labels]


class Faulty:
    """Fails, or waits, at one sample."""

    def __init__(self, bad: int, seconds: float = 0.0) -> None:
        self.bad = bad
        self.seconds = seconds
        self.calls = 0

    def __len__(self) -> int:
        return 100

    def batch(
        self, indices: npt.NDArray[np.int64], *, seed: int, epoch: int, num_threads: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        self.calls += 1
        time.sleep(self.seconds)
        if self.bad in indices:
            self.read_the_bad_sample()
        return np.zeros((len(indices), 1, 2, 2), np.float32), indices

    def read_the_bad_sample(self) -> None:
        raise OSError(f"image {self.bad} is truncated")


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_every_sample_comes_once_in_order(workers: int) -> None:
    loader = DataLoader(dataset(10), batch_size=4, num_workers=workers)
    assert labels_of(loader) == list(range(10))
    assert len(loader) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_drop_last_leaves_out_the_short_batch(workers: int) -> None:
    loader = DataLoader(dataset(10), batch_size=4, drop_last=True, num_workers=workers)
    assert [len(labels) for _, labels in loader] == [4, 4]
    assert len(loader) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_no_samples_give_no_batches(workers: int) -> None:
    assert list(DataLoader(dataset(0), batch_size=4, num_workers=workers)) == []


def test_a_batch_larger_than_the_dataset_holds_it_all() -> None:
    assert [len(labels) for _, labels in DataLoader(dataset(3), batch_size=2**62)] == [3]


def test_each_epoch_is_shuffled_anew_and_holds_every_sample() -> None:
    loader = DataLoader(dataset(100), batch_size=7, shuffle=True)
    first, second = labels_of(loader), labels_of(loader)
    assert sorted(first) == sorted(second) == list(range(100))
    assert first != second != list(range(100))


def test_an_epoch_is_repeated_by_its_number() -> None:
    loader = DataLoader(dataset(30, shift=2, flip=True), batch_size=8, shuffle=True, seed=5)
    for _ in range(3):
        list(loader)
    assert loader.epoch == 3
    fourth = list(loader)
    again = DataLoader(dataset(30, shift=2, flip=True), batch_size=8, shuffle=True, seed=5)
    again.set_epoch(3)
    for (images, labels), (same_images, same_labels) in zip(fourth, again, strict=True):
        np.testing.assert_array_equal(images, same_images)
        np.testing.assert_array_equal(labels, same_labels)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_rest_of_an_epoch_is_what_was_left_of_it(workers: int) -> None:
    loader = DataLoader(
        dataset(30, shift=2, flip=True), 8, shuffle=True, num_workers=workers, seed=5
    )
    loader.set_epoch(3)
    whole = list(loader)
    for first in range(len(whole) + 1):
        loader.set_epoch(3, first_batch=first)
        rest = list(loader)
        assert len(rest) == len(whole) - first
        for (images, labels), (same_images, same_labels) in zip(whole[first:], rest, strict=True):
            np.testing.assert_array_equal(images, same_images)
            np.testing.assert_array_equal(labels, same_labels)
    assert len(list(loader)) == len(whole)  # the next epoch is whole again
    with pytest.raises(ValueError, match="set_epoch: first_batch must be at most 4, got 5"):
        loader.set_epoch(3, first_batch=5)


def test_workers_change_no_bit() -> None:
    epochs = [
        list(
            DataLoader(
                dataset(50, shift=2, flip=True), 7, shuffle=True, num_workers=workers, seed=1
            )
        )
        for workers in (0, 1, 4)
    ]
    for batches in zip(*epochs, strict=True):
        for images, labels in batches[1:]:
            np.testing.assert_array_equal(images, batches[0][0])
            np.testing.assert_array_equal(labels, batches[0][1])


def test_another_seed_gives_another_order() -> None:
    orders = {tuple(labels_of(DataLoader(dataset(50), 7, shuffle=True, seed=s))) for s in range(4)}
    assert len(orders) == 4


def test_two_passes_at_once_do_not_disturb_each_other() -> None:
    loader = DataLoader(dataset(10), batch_size=2, num_workers=2)
    pairs = [(a.tolist(), b.tolist()) for (_, a), (_, b) in zip(loader, loader, strict=True)]
    assert all(a == b for a, b in pairs)
    assert len(pairs) == 5


def test_workers_prepare_batches_while_the_caller_computes() -> None:
    faulty = Faulty(bad=-1)
    batches = iter(DataLoader(faulty, batch_size=10, num_workers=2))
    next(batches)
    deadline = time.monotonic() + 5.0
    while faulty.calls < 3:  # the caller asked for one
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_workers_stay_a_bounded_way_ahead() -> None:
    faulty = Faulty(bad=-1)
    batches = iter(DataLoader(faulty, batch_size=1, num_workers=2))
    next(batches)
    time.sleep(0.1)
    assert faulty.calls <= 6


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_a_failing_sample_ends_the_epoch_with_its_own_traceback(workers: int) -> None:
    loader = DataLoader(Faulty(bad=35), batch_size=10, num_workers=workers)
    seen: list[Any] = []
    with pytest.raises(OSError, match="image 35 is truncated") as caught:
        seen.extend(loader)
    assert len(seen) == 3
    frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    assert "read_the_bad_sample" in frames


def test_leaving_an_epoch_early_stops_its_workers() -> None:
    for _ in DataLoader(Faulty(bad=-1, seconds=0.01), batch_size=1, num_workers=3):
        break
    deadline = time.monotonic() + 5.0
    while any(thread.name.startswith("convlet-loader") for thread in threading.enumerate()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


CTRL_C = """
import os, signal, threading, time
import numpy as np
from convlet.data import DataLoader
class Slow:
    def __len__(self): return 100
    def batch(self, indices, *, seed, epoch, num_threads):
        time.sleep(2.0)
        return np.zeros((1, 1, 1, 1), np.float32), indices
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
start = time.monotonic()
try:
    for _ in DataLoader(Slow(), num_workers=2): pass
except KeyboardInterrupt:
    print(time.monotonic() - start)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a wait is not interrupted on Windows")
def test_ctrl_c_ends_a_wait_for_a_worker_within_a_second() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C], check=True, timeout=60, capture_output=True, text=True
    )
    assert float(done.stdout) < 1.3


FORK = """
import os
import numpy as np
from convlet.data import ArrayDataset, DataLoader
loader = DataLoader(ArrayDataset(np.zeros((50, 4, 4), np.uint8), np.arange(50)), 2, num_workers=2)
batches = iter(loader)
next(batches)
child = os.fork()
if child == 0:
    try:
        next(batches)
    except RuntimeError as error:
        again = [int(label) for _, labels in loader for label in labels]
        os._exit(0 if "forked" in str(error) and again == list(range(50)) else 1)
    os._exit(2)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert len(list(batches)) == 24
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_child_is_told_to_start_anew_and_can() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=60)


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 0},
        {"batch_size": -1},
        {"batch_size": 2**63},
        {"num_workers": -1},
        {"num_workers": 1025},
        {"seed": -1},
        {"seed": 2**64},
    ],
    ids=str,
)
def test_numbers_out_of_range_are_a_value_error_that_names_them(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"DataLoader: {next(iter(change))} must be at"):
        DataLoader(dataset(3), **change)


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 2.0},
        {"batch_size": True},
        {"batch_size": "4"},
        {"shuffle": 1},
        {"drop_last": None},
        {"num_workers": None},
        {"seed": 0.5},
    ],
    ids=str,
)
def test_arguments_of_another_type_are_a_type_error_that_names_them(change: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"DataLoader: {next(iter(change))} must be"):
        DataLoader(dataset(3), **change)


@pytest.mark.parametrize(
    ("dataset", "method"), [({1, 2, 3}, "batch or __getitem__, got set"), (3, "__len__, got int")]
)
def test_something_that_gives_no_samples_is_a_type_error(dataset: Any, method: str) -> None:
    with pytest.raises(TypeError, match=f"dataset must have a method {method} without"):
        DataLoader(dataset)


@pytest.mark.parametrize("epoch", [-1, 2**32])
def test_an_epoch_out_of_range_is_a_value_error(epoch: int) -> None:
    with pytest.raises(ValueError, match="set_epoch: epoch must be at"):
        DataLoader(dataset(3)).set_epoch(epoch)
