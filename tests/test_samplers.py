"""Samplers: what an epoch takes, how often, and in which order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet.data import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

SAMPLERS: list[Sampler] = [
    SequentialSampler(range(20)),
    RandomSampler(range(20)),
    RandomSampler(range(20), replacement=True),
    RandomSampler(range(20), num_samples=33),
    SubsetRandomSampler(range(3, 17)),
    WeightedRandomSampler(range(20), 30),
    WeightedRandomSampler(range(20), 15, replacement=False),
]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda s: type(s).__name__)
def test_the_order_follows_from_the_generator_and_has_its_length(sampler: Sampler) -> None:
    one, same = (sampler.order(np.random.default_rng(5)) for _ in range(2))
    assert one.dtype == np.int64
    assert one.shape == (len(sampler),)
    np.testing.assert_array_equal(one, same)
    other = sampler.order(np.random.default_rng(6))
    assert isinstance(sampler, SequentialSampler) == np.array_equal(one, other)


def test_iterating_draws_from_the_seed_of_the_library() -> None:
    cl.seed(4)
    first = list(RandomSampler(range(30)))
    second = list(RandomSampler(range(30)))
    cl.seed(4)
    assert list(RandomSampler(range(30))) == first != second


def test_more_samples_than_there_are_come_in_whole_rounds() -> None:
    order = RandomSampler(range(10), num_samples=25).order(np.random.default_rng(0))
    assert sorted(order[:10]) == sorted(order[10:20]) == list(range(10))
    assert len(set(order[20:].tolist())) == 5


def test_no_samples_give_no_indices() -> None:
    for replacement in (False, True):
        assert list(RandomSampler([], replacement=replacement)) == []


def test_draws_with_replacement_follow_their_weights(rng: np.random.Generator) -> None:
    weights = np.array([0.0, 1.0, 2.0, 0.0, 5.0, 0.0])
    order = WeightedRandomSampler(weights, 80_000).order(rng)
    share = np.bincount(order, minlength=6) / 80_000
    np.testing.assert_allclose(share, weights / 8, atol=0.01)  # six standard deviations
    assert share[[0, 3, 5]].tolist() == [0, 0, 0]


def test_draws_without_replacement_follow_their_weights(rng: np.random.Generator) -> None:
    # The first of two draws is i with probability w[i]; the second j with w[j] / (1 - w[i]).
    weights = np.array([0.2, 0.0, 0.3, 0.5])
    pairs = [
        tuple(WeightedRandomSampler(weights, 2, replacement=False).order(rng))
        for _ in range(20_000)
    ]
    for i in (0, 2, 3):
        for j in (0, 2, 3):
            expected = 0 if i == j else weights[i] * weights[j] / (1 - weights[i])
            assert abs(pairs.count((i, j)) / 20_000 - expected) < 0.02


@pytest.mark.parametrize(("drop", "sizes"), [(False, [3, 3, 1]), (True, [3, 3])])
def test_batches_are_cut_of_the_order(drop: bool, sizes: list[int]) -> None:
    sampler = BatchSampler(SequentialSampler(range(7)), 3, drop)
    assert [len(batch) for batch in sampler] == sizes
    assert len(sampler) == len(sizes)
    assert np.concatenate(sampler.batches(np.random.default_rng(0))).tolist() == list(
        range(sum(sizes))
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomSampler([1], num_samples=0), "num_samples must be at least 1, got 0"),
        (lambda: SubsetRandomSampler([[1]]), r"indices must be \(M,\), got shape \(1, 1\)"),
        (lambda: WeightedRandomSampler([1.0, -1.0], 1), "weights must be"),
        (lambda: WeightedRandomSampler([1.0, np.nan], 1), "weights must be"),
        (lambda: WeightedRandomSampler([[1.0]], 1), "weights must be"),
        (lambda: WeightedRandomSampler([0.0, 0.0], 1), "at least 1 above 0, got 0"),
        (lambda: WeightedRandomSampler([1, 0, 1], 3, False), "at least 3 above 0, got 2"),
        (lambda: WeightedRandomSampler([1.0], 0), "num_samples must be at least 1"),
        (lambda: BatchSampler([1], 0), "batch_size must be at least 1"),
    ],
)
def test_wrong_values_are_named(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: RandomSampler([1], replacement=1), "replacement must be a bool"),  # type: ignore[arg-type]
        (lambda: RandomSampler([1], num_samples=1.0), "num_samples must be an int"),  # type: ignore[arg-type]
        (lambda: SubsetRandomSampler([0.5]), "indices must be integers"),
        (lambda: WeightedRandomSampler(["a"], 1), "weights must be numbers"),
        (lambda: BatchSampler(3, 1), "sampler must give indices"),  # type: ignore[arg-type]
        (lambda: BatchSampler([1], 1, None), "drop_last must be a bool"),  # type: ignore[arg-type]
    ],
)
def test_wrong_types_are_named(make: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        make()
