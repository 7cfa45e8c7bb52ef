"""The fully connected layer and its gradients."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from cases import floats, whole_numbers
from convlet import _core, ops

# rows, inputs, outputs
SIZES = [
    (1, 1, 1),
    (3, 17, 5),
    (64, 400, 120),
    (7, 1000, 3),
    (2, 3, 150),
    (100, 1, 65),
    (1, 257, 33),
    (5, 700, 47),
    (33, 200, 301),
    (500, 10, 10),
]
by_size = pytest.mark.parametrize("size", SIZES, ids=str)
Size = tuple[int, int, int]


@cache
def problem(size: Size) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows, inputs, outputs = size
    return (
        whole_numbers((rows, inputs), 1),
        whole_numbers((outputs, inputs), 2),
        whole_numbers((outputs,), 3),
        whole_numbers((rows, outputs), 4),
    )


@cache
def answers(size: Size) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x weight', and the gradients by x and by weight."""
    x, weight, _, dy = problem(size)
    return (
        reference.linear(x, weight),
        reference.linear(dy, weight.T),
        reference.linear(dy.T, x.T),
    )


@by_size
def test_forward_equals_integer_loops(isa: str, size: Size) -> None:
    x, weight, bias, _ = problem(size)
    wanted = answers(size)[0] + bias
    got = ops.linear(floats(x), floats(weight), floats(bias))
    assert got.dtype == np.float32
    assert np.array_equal(got, wanted)
    assert np.count_nonzero(wanted) > wanted.size / 2
    without_bias = ops.linear(floats(x), floats(weight))
    assert np.array_equal(without_bias, wanted - bias)


@by_size
def test_relu_in_the_epilogue_equals_relu_afterwards(isa: str, size: Size) -> None:
    x, weight, bias, _ = problem(size)
    y = _core.linear_forward(floats(x), floats(weight), floats(bias), "relu")
    assert np.array_equal(y, reference.relu(answers(size)[0] + bias))


@by_size
def test_gradients_equal_integer_loops(isa: str, size: Size) -> None:
    x, weight, _, dy = problem(size)
    dx = ops.linear_grad_input(floats(dy), floats(weight))
    dw = ops.linear_grad_weight(floats(dy), floats(x))
    _, wanted_dx, wanted_dw = answers(size)
    assert np.array_equal(dx, wanted_dx)
    assert np.array_equal(dw, wanted_dw)
    assert np.array_equal(ops.linear_grad_bias(floats(dy)), dy.sum(0))


@given(st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 90)))
def test_gradients_are_adjoint(size: Size) -> None:
    x, weight, _, dy = problem(size)
    y = ops.linear(floats(x), floats(weight)).astype(np.int64)
    dx = ops.linear_grad_input(floats(dy), floats(weight)).astype(np.int64)
    dw = ops.linear_grad_weight(floats(dy), floats(x)).astype(np.int64)
    assert np.vdot(dy, y) == np.vdot(dx, x) == np.vdot(dw, weight)


@by_size
def test_float_error_is_that_of_rounding(isa: str, size: Size, rng: np.random.Generator) -> None:
    rows, inputs, outputs = size
    x, weight = rng.standard_normal((rows, inputs)), rng.standard_normal((outputs, inputs))
    y = ops.linear(floats(x), floats(weight))
    wanted = floats(x).astype(np.float64) @ floats(weight).astype(np.float64).T
    assert np.abs(y - wanted).max() < 1e-5 * np.sqrt(inputs)


def test_no_rows_give_no_output_and_zero_gradients(isa: str) -> None:
    x, weight = np.zeros((0, 5), np.float32), np.ones((3, 5), np.float32)
    y = ops.linear(x, weight, np.ones(3, np.float32))
    assert y.shape == (0, 3)
    assert ops.linear_grad_input(y, weight).shape == (0, 5)
    dw = ops.linear_grad_weight(y, x)
    assert dw.shape == (3, 5)
    assert not dw.any()
    assert not ops.linear_grad_bias(y).any()


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    ("call", "arrays", "message"),
    [
        (ops.linear, [ones(2, 3, 1), ones(4, 3)], "x must have 2 dimensions"),
        (ops.linear, [ones(3), ones(4, 3)], r"x must have 2 dimensions, got shape \(3,\)"),
        (ops.linear, [ones(2, 3), ones(3)], "weight must have 2 dimensions"),
        (ops.linear, [ones(2, 3), ones(4, 5)], "weight takes 5 features but x has 3"),
        (ops.linear, [ones(2, 0), ones(4, 0)], "weight must have at least 1 element"),
        (ops.linear, [ones(2, 3), ones(0, 3)], "weight must have at least 1 element"),
        (ops.linear, [ones(2, 3), ones(4, 3), ones(3)], "bias must have 4 elements, got 3"),
        (ops.linear, [ones(2, 3), ones(4, 3), ones(4, 1)], "bias must have 1 dimensions"),
        (ops.linear_grad_input, [ones(2, 5), ones(4, 3)], "dy must have 4 elements, got 5"),
        (ops.linear_grad_input, [ones(2), ones(4, 3)], "dy must have 2 dimensions"),
        (ops.linear_grad_bias, [ones(2, 3, 1, 1)], "dy must have 2 dimensions"),
        (ops.linear_grad_bias, [ones(2)], r"dy must have 2 dimensions, got shape \(2,\)"),
        (ops.linear_grad_weight, [ones(3, 4), ones(2, 3)], "dy must have 2 elements, got 3"),
        (ops.linear_grad_weight, [ones(2, 4), ones(2)], "x must have 2 dimensions"),
        (ops.linear_grad_weight, [ones(2, 0), ones(2, 3)], "at least 1 element"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(call: Any, arrays: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^linear.*{message}"):
        call(*arrays)


@pytest.mark.parametrize("dtype", ["f8", "f2", "i4", "?", "c8", "O", "U3"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_arrays_of_another_dtype_are_refused(dtype: str, at: int) -> None:
    arrays: list[Any] = [ones(2, 3), ones(4, 3), ones(4)]
    arrays[at] = np.zeros(arrays[at].shape, dtype)
    name = ["x", "weight", "bias"][at]
    with pytest.raises(TypeError, match=f"^linear: {name} must be float32, got"):
        ops.linear(*arrays)
