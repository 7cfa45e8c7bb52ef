"""Sums and joined channels (csrc/kernels/joining.cpp) equal NumPy's, also behind Tensor's + and cat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, _core, ops
from numeric import assert_gradients

SIZES = [0, 1, 7, 16, 33, 4096, 16384, 16385, 70001]


def images(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return _core.to_channels_last(rng.standard_normal(shape, np.float32))


@pytest.mark.parametrize("size", SIZES)
def test_sums_equal_numpy(isa: str, size: int, rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((2, size), np.float32)
    assert np.array_equal(ops.add(a, b), a + b)


@pytest.mark.parametrize("shape", [(64, 64), (3, 17, 40, 41), (2, 3, 4, 5, 60)], ids=str)
def test_sums_of_any_shape_and_order(shape: Any, rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((2, *shape), np.float32)
    for left in (a, a.copy(order="F"), a[::-1].copy()[::-1]):
        y = ops.add(left, b)
        assert np.array_equal(y, a + b)
        assert (Tensor(left) + Tensor(b)).data.shape == shape
    last = images(rng, 2, 9, 30, 31)
    assert ops.add(last, last.copy()).strides == last.strides


@pytest.mark.parametrize("channels", [(1,), (3, 5), (16, 1, 40), (64, 64), (2, 0, 7)], ids=str)
@pytest.mark.parametrize("size", [(1, 1), (5, 4), (70, 61)], ids=str)
def test_channels_are_joined_and_cut_as_by_numpy(
    isa: str, channels: tuple[int, ...], size: tuple[int, int], rng: np.random.Generator
) -> None:
    parts = [images(rng, 2, c, *size) for c in channels]
    y = ops.join_channels(parts)
    assert np.array_equal(y, np.concatenate(parts, axis=1))
    assert y.transpose(0, 2, 3, 1).flags.c_contiguous
    for got, part in zip(ops.cut_channels(y, channels), parts, strict=True):
        assert np.array_equal(got, part)
        assert got.transpose(0, 2, 3, 1).flags.c_contiguous


def test_tensors_are_joined_with_gradients(rng: np.random.Generator) -> None:
    a, b = (rng.integers(-3, 4, (2, c, 3, 2)).astype(np.float32) for c in (2, 3))
    assert_gradients(lambda a, b: cl.cat([a, b, a], 1)[:, 1:6] ** 2 * 0.1, a, b)
    assert np.array_equal(cl.cat([Tensor(a), Tensor(b)], -3).data, np.concatenate([a, b], 1))


def test_gradients_that_meet_are_added_by_the_kernel(rng: np.random.Generator) -> None:
    x = Tensor(images(rng, 2, 16, 20, 20), requires_grad=True)
    y = x * 2.0
    (y + y * y + y).sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.data, 4 + 8 * x.data, rtol=1e-5, atol=1e-5)


def test_results_are_the_same_bits_for_any_number_of_threads(
    set_threads: Any, rng: np.random.Generator
) -> None:
    parts = [images(rng, 4, c, 50, 50) for c in (24, 40)]
    results = []
    for threads in (1, 2, 3):
        set_threads(threads)
        y = ops.join_channels(parts)
        results.append([y, ops.add(y, y), *ops.cut_channels(y, [60, 4])])
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            assert one.tobytes() == other.tobytes()


X = np.ones((2, 3, 4, 5), np.float32)
ANY: Any = ops  # so that wrong types can be passed on purpose


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.add(X, X[0]), ValueError, r"add: b must have shape \(2, 3, 4, 5\)"),
        (lambda: ops.add(X, X.astype("f8")), TypeError, "add: b must be float32"),
        (lambda: ops.join_channels([]), ValueError, "arrays must be at least 1, got 0"),
        (lambda: ops.join_channels([X, X[0]]), ValueError, "must have 4 dimensions"),
        (lambda: ops.join_channels([X, X[:1]]), ValueError, "arrays but for channels must have"),
        (lambda: ops.join_channels([X, X[:, :, 1:]]), ValueError, "arrays but for channels"),
        (lambda: ANY.join_channels([X, 1]), TypeError, "arrays must be a NumPy array"),
        (lambda: ops.cut_channels(X, [1, 1]), ValueError, "add up to the 3 channels of x, got 2"),
        (
            lambda: ops.cut_channels(X, [2, 2]),
            ValueError,
            "add up to the 3 channels of x, got 2 of",
        ),
        (lambda: ops.cut_channels(X, [4, -1]), ValueError, "add up to the 3 channels"),
        (lambda: ops.cut_channels(X, [3, -1]), ValueError, "got -1 of 0 left"),
        (lambda: ANY.cut_channels(X, [1.0, 2]), TypeError, "channels must be an int"),
        (lambda: ops.cut_channels(X[0], [3]), ValueError, "x must have 4 dimensions"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    requests = _core.memory_stats()["requests"]
    with pytest.raises(error, match=message):
        call()
    assert _core.memory_stats()["requests"] == requests


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_passes(isa: str, value: float) -> None:
    x = np.zeros(100, np.float32)
    x[37] = value
    assert np.array_equal(np.isfinite(ops.add(x, np.ones_like(x))), np.isfinite(x))
