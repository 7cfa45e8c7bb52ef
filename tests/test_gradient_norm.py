"""Sums of squares and scaling (csrc/kernels/gradient_norm.cpp), as clipping by the norm uses them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from convlet import _core

SIZES = [0, 1, 7, 16384, 16385, 70001]


def arrays(rng: np.random.Generator) -> list[np.ndarray]:
    return [rng.standard_normal(size, np.float32) for size in SIZES]


def test_the_sum_is_that_of_all_squares(isa: str, rng: np.random.Generator) -> None:
    given = arrays(rng)
    wanted = math.fsum(float((x.astype(np.float64) ** 2).sum()) for x in given)
    assert _core.sum_of_squares(given) == pytest.approx(wanted, rel=1e-12)
    assert _core.sum_of_squares([]) == 0.0
    whole = [rng.integers(-9, 10, 40000).astype(np.float32) for _ in range(2)]
    assert _core.sum_of_squares(whole) == sum(int((x.astype(np.int64) ** 2).sum()) for x in whole)


def test_scaling_is_in_place(isa: str, rng: np.random.Generator) -> None:
    given = arrays(rng)
    before = [x.copy() for x in given]
    _core.scale(given, 0.3)
    for x, old in zip(given, before, strict=True):
        np.testing.assert_array_equal(x, old * np.float32(0.3))


def test_great_and_small_numbers_count(isa: str) -> None:
    assert _core.sum_of_squares([np.full(3, 1e30, np.float32)]) == pytest.approx(3e60)
    assert _core.sum_of_squares([np.full(3, 1e-30, np.float32)]) == pytest.approx(3e-60)
    assert math.isnan(_core.sum_of_squares([np.array([1.0, np.nan], np.float32)]))
    assert math.isinf(_core.sum_of_squares([np.array([1.0, np.inf], np.float32)]))


def test_sums_are_the_same_bits_for_any_number_of_threads(
    set_threads: Any, rng: np.random.Generator
) -> None:
    given = arrays(rng)
    sums = set()
    for threads in (1, 2, 3):
        set_threads(threads)
        sums.add(_core.sum_of_squares(given))
    assert len(sums) == 1


@pytest.mark.parametrize("call", [_core.sum_of_squares, lambda arrays: _core.scale(arrays, 1.0)])
@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.zeros(3), TypeError, "float32"),
        (np.zeros((3, 4), np.float32).T, ValueError, "contiguous"),
        (np.broadcast_to(np.float32(0), 3), ValueError, "contiguous|writeable|read-only"),
    ],
)
def test_other_arrays_are_refused(
    call: Any, array: np.ndarray, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call([array])
