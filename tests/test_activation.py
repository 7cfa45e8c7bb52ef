"""ReLU and its gradient, element by element."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from convlet import _core, ops

NAN, INF = float("nan"), float("inf")

# Around the lanes of a vector, a task, and several tasks.
SIZES = [0, 1, 3, 4, 7, 8, 15, 16, 17, 33, 1000, 16384, 16385, 50001]


@pytest.mark.parametrize("size", SIZES)
def test_relu_equals_numpy(isa: str, size: int, rng: np.random.Generator) -> None:
    x = rng.standard_normal(size).astype(np.float32)
    y = ops.relu(x)
    assert y.dtype == np.float32
    assert np.array_equal(y, reference.relu(x))


@pytest.mark.parametrize("size", SIZES)
def test_the_gradient_passes_where_the_output_is_positive(
    isa: str, size: int, rng: np.random.Generator
) -> None:
    x, dy = rng.standard_normal((2, size)).astype(np.float32)
    assert np.array_equal(ops.relu_grad(dy, ops.relu(x)), np.where(x > 0, dy, 0))


def test_special_values_pass(isa: str) -> None:
    x = np.array([NAN, INF, -INF, 0.0, -0.0, 1e-30, -1e-30] * 5, np.float32)
    np.testing.assert_array_equal(ops.relu(x), np.maximum(x, 0))
    # A gradient goes through where y > 0, whatever it is, and is 0 elsewhere, whatever it was.
    y = np.array([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], np.float32)
    dy = np.array([NAN, INF, -INF, NAN, INF, 5.0], np.float32)
    np.testing.assert_array_equal(ops.relu_grad(dy, y), [NAN, INF, -INF, 0, 0, 0])


@given(st.lists(st.integers(0, 5), max_size=6), st.randoms(use_true_random=False))
def test_any_shape_and_order_of_axes(shape: list[int], random: object) -> None:
    values = np.arange(np.prod(shape, dtype=int)) - 7
    x = (
        values.reshape(shape)
        .astype(np.float32)
        .transpose(np.random.default_rng(3).permutation(len(shape)))
    )
    y = ops.relu(x)
    assert y.shape == x.shape
    assert np.array_equal(y, np.maximum(x, 0))
    dx = ops.relu_grad(x.copy(order="F"), y)
    assert np.array_equal(dx, np.where(x > 0, x, 0))


@pytest.mark.parametrize("dtype", ["f2", "f8", "i4", "?", "c8", "O"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    x = np.ones(4, dtype)
    for call in (ops.relu, _core.relu_forward):
        with pytest.raises(TypeError, match="relu: x must be float32, got"):
            call(x)
    good = np.ones(4, np.float32)
    for arguments in ((x, good), (good, x)):
        with pytest.raises(TypeError, match="must be float32, got"):
            _core.relu_grad(*arguments)


@pytest.mark.parametrize("shape", [(5,), (4, 1), (2, 2), ()])
def test_a_gradient_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"relu_grad: dy must have shape \(4,\), got"):
        ops.relu_grad(np.ones(shape, np.float32), np.ones(4, np.float32))
