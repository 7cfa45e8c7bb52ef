"""Channels to pixels and back: against NumPy's axes, the adjoint identity, and refused arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convlet import Tensor, _core
from convlet.nn import functional as F

SHAPES = [(2, 3, 5, 4, 2), (1, 1, 1, 1, 3), (3, 17, 2, 7, 1), (2, 5, 40, 31, 2), (1, 2, 3, 0, 2)]
by_shape = pytest.mark.parametrize(("n", "c", "h", "w", "r"), SHAPES)


def shuffled(x: np.ndarray, r: int) -> np.ndarray:
    """As the paper's equation 4 has it."""
    n, c, h, w = x.shape
    parts = x.reshape(n, c // (r * r), r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
    return parts.reshape(n, c // (r * r), h * r, w * r)


@by_shape
def test_pixels_are_those_of_the_axes_and_come_back(
    n: int, c: int, h: int, w: int, r: int, rng: np.random.Generator
) -> None:
    x = rng.standard_normal((n, c * r * r, h, w), np.float32)
    y = F.pixel_shuffle(x, r)
    assert np.array_equal(y.data, shuffled(x, r))
    assert np.array_equal(F.pixel_unshuffle(y, r).data, x)


@by_shape
def test_gradients_go_the_other_way(
    n: int, c: int, h: int, w: int, r: int, rng: np.random.Generator
) -> None:
    x = Tensor(rng.standard_normal((n, c * r * r, h, w), np.float32), requires_grad=True)
    dy = rng.standard_normal((n, c, h * r, w * r)).astype(np.float32)
    F.pixel_shuffle(x, r).backward(dy)
    assert x.grad is not None
    assert np.array_equal(shuffled(np.asarray(x.grad), r), dy)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_do_not_show(threads: int, set_threads: Any, rng: np.random.Generator) -> None:
    set_threads(threads)
    x = rng.standard_normal((2, 44, 37, 41), np.float32)
    assert np.array_equal(_core.pixel_shuffle(x, 2), shuffled(x, 2))


@pytest.mark.parametrize("factor", [0, -1, 2**31, 2**62])
def test_a_factor_that_is_none_is_refused(factor: int) -> None:
    empty = np.zeros((1, 0, 1, 1), np.float32)
    for call in (_core.pixel_shuffle, _core.pixel_unshuffle):
        with pytest.raises(ValueError, match="factor must be from 1 to 2"):
            call(empty, factor)


def test_shapes_that_do_not_divide_are_refused() -> None:
    x = np.zeros((1, 6, 3, 4), np.float32)
    with pytest.raises(ValueError, match="channels of x must be a multiple of 4, got 6"):
        _core.pixel_shuffle(x, 2)
    with pytest.raises(ValueError, match="height and width of y must be multiples of 2, got 3 and"):
        _core.pixel_unshuffle(x, 2)
    with pytest.raises(ValueError, match="x must have 4 dimensions"):
        _core.pixel_shuffle(x[0], 2)
