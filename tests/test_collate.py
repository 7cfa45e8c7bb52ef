"""Joining samples: forms, kinds, and what cannot be joined."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import convlet as cl
from convlet.data import default_collate


class Pair(NamedTuple):
    image: Any
    label: Any


@pytest.mark.parametrize(
    ("samples", "dtype"),
    [([1, 2], np.int64), ([0.5, 2], np.float32), ([True, False], np.bool_)],
)
def test_numbers_become_an_array(samples: list[Any], dtype: type) -> None:
    joined = default_collate(samples)
    assert joined.dtype == dtype
    assert joined.tolist() == samples


def test_arrays_and_tensors_are_stacked() -> None:
    arrays = [np.full((2, 3), n, np.uint8) for n in range(4)]
    assert default_collate(arrays).dtype == np.uint8
    assert default_collate(arrays)[:, 0, 0].tolist() == [0, 1, 2, 3]
    tensors = [cl.Tensor(np.full(2, n)) for n in range(2)]
    assert default_collate(tensors).tolist() == [[0, 0], [1, 1]]


def test_forms_are_kept() -> None:
    samples = [{"image": np.zeros(2), "more": (n, "a"), "pair": Pair(n, [n])} for n in range(3)]
    joined = default_collate(samples)
    assert joined["image"].shape == (3, 2)
    assert joined["more"][0].tolist() == [0, 1, 2]
    assert joined["more"][1] == ["a"] * 3
    assert type(joined["pair"]) is Pair
    assert joined["pair"].label[0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("samples", "error", "words"),
    [
        ([], ValueError, "at least one sample"),
        ([np.zeros(2), np.zeros(3)], ValueError, r"sample 1 of the batch must have shape \(2,\)"),
        ([np.zeros(2), None], ValueError, "sample 1 of the batch must have shape"),
        ([(1, 2), (1,)], ValueError, "sample 1 of the batch must have 2 parts as sample 0, got 1"),
        ([(1, 2), 5], ValueError, "got 5"),
        ([1, "a"], TypeError, "sample 1 of the batch must be a number as sample 0, got str"),
        ([{"a": 1}, {"b": 1}], ValueError, r"must have the keys \['a'\]"),
        ([None, None], TypeError, "cannot join NoneType"),
    ],
)
def test_what_does_not_fit_together_is_told(
    samples: list[Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        default_collate(samples)
