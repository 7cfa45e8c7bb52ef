"""Stratified division into training and test samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convlet.data import stratified_split


def test_the_two_parts_together_are_everything_once(rng: np.random.Generator) -> None:
    labels = rng.integers(0, 7, 500)
    train, test = stratified_split(labels, test=123)
    assert len(test) == 123
    np.testing.assert_array_equal(np.sort(np.concatenate([train, test])), np.arange(500))


def test_every_class_keeps_its_share() -> None:
    labels = np.repeat([3, 1, 8], [600, 300, 100])
    _, test = stratified_split(labels, test=100)
    assert np.bincount(labels[test])[[3, 1, 8]].tolist() == [60, 30, 10]


def test_shares_that_do_not_add_up_differ_by_less_than_one_sample(
    rng: np.random.Generator,
) -> None:
    labels = rng.integers(0, 9, 1000)
    for wanted in (1, 2, 37, 500, 999):
        _, test = stratified_split(labels, test=wanted)
        got = np.bincount(labels[test], minlength=9)
        assert got.sum() == wanted
        assert (np.abs(got - np.bincount(labels) * wanted / 1000) < 1).all()


def test_the_seed_decides_which_samples(rng: np.random.Generator) -> None:
    labels = rng.integers(0, 5, 200)
    first, again, other = (stratified_split(labels, 50, seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_every_sample_may_be_chosen() -> None:
    labels = np.zeros(20, int)
    chosen = np.concatenate([stratified_split(labels, 5, seed)[1] for seed in range(60)])
    assert set(chosen.tolist()) == set(range(20))


def test_a_float_is_a_share(rng: np.random.Generator) -> None:
    assert len(stratified_split(rng.integers(0, 5, 200), 0.25)[1]) == 50


@pytest.mark.parametrize("test", [0, -1, 10, 11, 0.0, 1.0, -0.5, float("nan"), 0.01])
def test_a_split_that_leaves_a_side_empty_is_a_value_error(test: float) -> None:
    with pytest.raises(ValueError, match="stratified_split: test"):
        stratified_split(np.zeros(10, int), test)


@pytest.mark.parametrize("test", ["3", None, True])
def test_a_test_size_of_another_type_is_a_type_error(test: Any) -> None:
    with pytest.raises(TypeError, match="test must be an int or a float"):
        stratified_split(np.zeros(10, int), test)


@pytest.mark.parametrize("shape", [(), (0,), (5, 2)])
def test_labels_of_another_shape_are_a_value_error(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="labels must be"):
        stratified_split(np.zeros(shape, int), 2)


def test_labels_that_are_not_integers_are_a_type_error() -> None:
    with pytest.raises(TypeError, match="labels must be integers"):
        stratified_split(np.zeros(10), 2)  # type: ignore[arg-type]
