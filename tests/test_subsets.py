"""Parts, chains and rows: datasets made of other datasets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet.data import (
    ArrayDataset,
    ConcatDataset,
    DataLoader,
    ImageFiles,
    Subset,
    TensorDataset,
    random_split,
)

if TYPE_CHECKING:
    from pathlib import Path


def pictures(count: int, **how: Any) -> ArrayDataset:
    images = np.random.default_rng(count).integers(0, 256, (count, 6, 6), dtype=np.uint8)
    return ArrayDataset(images, np.arange(count), **how)


def test_a_subset_gives_the_samples_of_the_whole() -> None:
    whole = pictures(20, shift=2, flip=True)
    part = Subset(whole, [7, 3, 3])
    wanted = whole.batch(np.array([3, 7, 3]), seed=5, epoch=2)
    got = part.batch(np.array([2, 0, 1]), seed=5, epoch=2, num_threads=1)
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    assert part[0][1] == 7
    assert len(part) == 3


def test_a_subset_of_items_gives_items() -> None:
    part = Subset("abcdef", np.array([5, 0]))
    assert not hasattr(part, "batch")
    assert [part[0], part[1]] == ["f", "a"]


@pytest.mark.parametrize("indices", [[6], [-1], [2**40]])
def test_a_subset_refuses_indices_outside(indices: list[int]) -> None:
    with pytest.raises(ValueError, match=rf"must be in \[0, 6\), got {indices[0]}"):
        Subset("abcdef", indices)


def test_chained_datasets_make_the_batches_of_their_members() -> None:
    first, second = pictures(5), pictures(8)
    chain = ConcatDataset([first, second])
    assert len(chain) == 13
    order = np.array([12, 0, 5, 4, 7])
    images, labels = chain.batch(order, seed=0, epoch=0, num_threads=1)
    wanted = np.concatenate([first.batch(np.arange(5))[0], second.batch(np.arange(8))[0]])
    np.testing.assert_array_equal(images, wanted[order])
    assert labels.tolist() == [7, 0, 0, 4, 2]
    assert [chain[i][1] for i in (0, 4, 5, 12, -1)] == [0, 4, 0, 7, 7]


def test_members_of_a_chain_draw_differently() -> None:
    one = pictures(40, shift=2)
    chain = ConcatDataset([one, one])
    images, _ = chain.batch(np.arange(80), seed=1, epoch=0, num_threads=1)
    np.testing.assert_array_equal(images[:40], one.batch(np.arange(40), seed=1)[0])
    assert not np.array_equal(images[:40], images[40:])


def test_a_chain_of_both_kinds_gives_items() -> None:
    chain = ConcatDataset([pictures(3), [(np.zeros((1, 6, 6), np.float32), 9)]])
    assert not hasattr(chain, "batch")
    loader: DataLoader[Any] = DataLoader(chain, 4)
    images, labels = next(iter(loader))
    assert images.shape == (4, 1, 6, 6)
    assert labels.tolist() == [0, 1, 2, 9]


def test_a_chain_of_other_shapes_says_so() -> None:
    chain = ConcatDataset([TensorDataset(np.zeros((2, 3))), TensorDataset(np.zeros((2, 4)))])
    with pytest.raises(ValueError, match="ConcatDataset: samples of a batch must have one shape"):
        chain.batch(np.arange(4), seed=0, epoch=0, num_threads=1)


@pytest.mark.parametrize("make", [lambda d: Subset(d, range(3)), lambda d: ConcatDataset([d])])
def test_indices_outside_are_refused(make: Any) -> None:
    dataset = make(pictures(3))
    for index in (3, -1):
        with pytest.raises(ValueError, match=rf"must be in \[0, 3\), got {index}"):
            dataset.batch(np.array([index]), seed=0, epoch=0, num_threads=1)
    with pytest.raises(IndexError):
        dataset[3]


def test_an_array_dataset_is_indexed_too() -> None:
    dataset = pictures(5)
    image, label = dataset[-1]
    np.testing.assert_array_equal(image, dataset.batch([4])[0][0])
    assert (image.shape, label) == ((1, 6, 6), 4)
    for index in (5, -6):
        with pytest.raises(IndexError, match=f"index {index} is outside of 5 images"):
            dataset[index]
    assert len(list(dataset)) == 5  # type: ignore[call-overload]


def test_rows_of_arrays_and_tensors() -> None:
    dataset = TensorDataset(cl.Tensor(np.arange(6.0).reshape(3, 2)), np.array([4, 5, 6]))
    loader: DataLoader[Any] = DataLoader(dataset, 2)
    (rows, labels), (last, _) = loader
    assert rows.tolist() == [[0, 1], [2, 3]]
    assert labels.tolist() == [4, 5]
    assert last.tolist() == [[4, 5]]
    with pytest.raises(ValueError, match=r"must be in \[0, 3\)"):
        dataset.batch(np.array([-1]))


def test_arrays_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one length, got \[3, 4\]"):
        TensorDataset(np.zeros(3), np.zeros(4))
    for bad in ((), (np.float64(3.0),)):
        with pytest.raises(ValueError, match="at least one, of at least one dimension"):
            TensorDataset(*bad)


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [([7, 3], [7, 3]), ([0.5, 0.5], [5, 5]), ([1 / 3] * 3, [4, 3, 3]), ([10, 0], [10, 0])],
)
def test_a_random_split_holds_every_sample_once(lengths: list[float], sizes: list[int]) -> None:
    parts = random_split("abcdefghij", lengths, generator=3)
    assert [len(part) for part in parts] == sizes
    assert sorted(part[i] for part in parts for i in range(len(part))) == list("abcdefghij")


def test_a_random_split_follows_its_generator() -> None:
    def order(generator: Any) -> list[int]:
        return list(random_split(range(50), [25, 25], generator)[0].indices)

    assert order(1) == order(1) != order(2)
    cl.seed(1)
    drawn = order(None), order(None)
    cl.seed(1)
    assert drawn == (order(None), order(None))
    assert order(cl.random.Generator(5)) == order(cl.random.Generator(5)) != list(range(25))


@pytest.mark.parametrize("lengths", [[5, 6], [-1, 11], [0.5, 0.6], [4.5, 5.5], [np.nan], []])
def test_lengths_that_do_not_fit_are_a_value_error(lengths: list[float]) -> None:
    with pytest.raises((ValueError, TypeError), match="random_split: lengths must"):
        random_split(range(10), lengths)


def test_a_chain_leaves_out_what_a_member_skips(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for number in range(3):
        image.new("L", (4, 4), number).save(tmp_path / f"{number}.png")
    (tmp_path / "1.png").write_bytes(b"none")
    files = ImageFiles(
        [tmp_path / f"{number}.png" for number in range(3)], [0, 1, 2], channels=1, on_error="skip"
    )
    chain = ConcatDataset([files, files])
    images, labels = chain.batch(np.array([5, 1, 0, 4, 2]), seed=0, epoch=0, num_threads=1)
    assert sorted(labels.tolist()) == [0, 2, 2]
    assert (255 * images[:, 0, 0, 0]).round().tolist() == labels.tolist()
