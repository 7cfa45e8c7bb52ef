"""Gradients of weights of few outputs, whose lanes are pixels, and of the outputs just beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import reference
from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

# images, input channels, height, width; outputs; kernel; stride, padding, dilation, groups.
Shape = tuple[int, int, int, int]
CASES: list[tuple[Shape, int, tuple[int, int], dict[str, Any]]] = [
    ((5, 1, 28, 28), 6, (5, 5), {"padding": (2, 2)}),
    ((3, 1, 9, 8), 1, (1, 4), {}),
    ((2, 1, 12, 47), 7, (3, 3), {"padding": (1, 1)}),
    ((4, 3, 19, 33), 4, (3, 3), {"padding": (0, 3)}),
    ((2, 17, 13, 16), 3, (2, 2), {}),
    ((2, 40, 11, 40), 2, (3, 7), {"padding": (4, 0), "dilation": (2, 1)}),
    ((1, 2, 31, 70), 5, (3, 3), {"stride": (3, 1), "padding": (1, 2), "dilation": (1, 3)}),
    ((2, 4, 10, 39), 8, (3, 3), {"groups": 2}),
    ((3, 6, 17, 17), 6, (4, 1), {"groups": 2, "padding": (1, 1)}),
    ((1, 1, 90, 300), 4, (3, 3), {"padding": (1, 1)}),
    ((70, 1, 14, 9), 2, (9, 2), {"padding": (0, 1)}),
]


def drawn(
    case: tuple[Shape, int, tuple[int, int], dict[str, Any]], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, Shape]:
    x_shape, outputs, kernel, geometry = case
    weight = outputs, x_shape[1] // geometry.get("groups", 1), *kernel
    x = rng.integers(-4, 5, x_shape)
    y = ops.conv2d(x.astype(np.float32), np.zeros(weight, np.float32), **geometry)
    return x, rng.integers(-4, 5, y.shape), weight


@pytest.mark.parametrize("case", CASES, ids=str)
def test_whole_numbers_are_exact_with_any_number_of_threads(
    isa: str, case: Any, rng: np.random.Generator, set_threads: Callable[[int], None]
) -> None:
    x, dy, weight = drawn(case, rng)
    wanted = reference.conv2d_grad_weight(dy, x, weight, **case[3])
    assert np.count_nonzero(wanted) > wanted.size // 2
    for threads in (1, 2, 5):
        set_threads(threads)
        dw = ops.conv2d_grad_weight(dy.astype(np.float32), x.astype(np.float32), weight, **case[3])
        np.testing.assert_array_equal(dw, wanted)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_bits_do_not_tell_the_number_of_threads(
    isa: str, case: Any, rng: np.random.Generator, set_threads: Callable[[int], None]
) -> None:
    x, dy, weight = drawn(case, rng)
    x, dy = rng.standard_normal(x.shape, np.float32), rng.standard_normal(dy.shape, np.float32)
    found = []
    for threads in (1, 3, 64):
        set_threads(threads)
        found.append(ops.conv2d_grad_weight(dy, x, weight, **case[3]))
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
    wanted = reference.conv2d_grad_weight(
        dy.astype(np.float64), x.astype(np.float64), weight, **case[3]
    )
    np.testing.assert_allclose(found[0], wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("side", ["x", "dy"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_not_finite_reaches_the_taps_that_read_it(
    case: Any, side: str, value: float, rng: np.random.Generator
) -> None:
    x, dy, weight = drawn(case, rng)
    x, dy = x.astype(float), dy.astype(float)
    array = x if side == "x" else dy
    array[0, 0, array.shape[2] // 2, -1] = value  # the last pixel of a row in the middle
    with np.errstate(invalid="ignore"):
        wanted = reference.conv2d_grad_weight(dy, x, weight, **case[3])
    dw = ops.conv2d_grad_weight(dy.astype(np.float32), x.astype(np.float32), weight, **case[3])
    np.testing.assert_array_equal(np.isfinite(dw), np.isfinite(wanted))
