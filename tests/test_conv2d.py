"""Direct convolution and its gradients: against loops, against themselves, against PyTorch.

The cases hold every special path of conv2d.cpp, few_channels.cpp and conv2d_grad_weight.cpp;
depthwise.cpp has more in test_conv2d_depthwise.py.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import reference
from cases import CONV2D_CASES, EMPTY_CASES, Conv2dCase, answers, floats, relative_error
from convlet import ops

pytestmark = pytest.mark.usefixtures("exact")

by_case = pytest.mark.parametrize("case", CONV2D_CASES, ids=str)


def assert_exact(got: np.ndarray, wanted: np.ndarray, reached: np.ndarray | None = None) -> None:
    """Every bit as in int64, and enough of it not zero to mean something."""
    assert got.dtype == np.float32
    assert got.shape == wanted.shape
    np.testing.assert_array_equal(got, wanted)
    counted = wanted if reached is None else wanted[reached != 0]
    assert np.count_nonzero(counted) > counted.size / 2


@by_case
def test_forward_equals_integer_loops(isa: str, case: Conv2dCase) -> None:
    a = answers(case)
    y = ops.conv2d(floats(a.x), floats(a.weight), floats(a.bias), **case.geometry)
    assert_exact(y, a.y)


@by_case
def test_forward_without_bias(isa: str, case: Conv2dCase) -> None:
    a = answers(case)
    y = ops.conv2d(floats(a.x), floats(a.weight), **case.geometry)
    assert np.array_equal(y, a.y - a.bias[:, np.newaxis, np.newaxis])


@by_case
def test_relu_in_the_epilogue_equals_relu_afterwards(isa: str, case: Conv2dCase) -> None:
    a = answers(case)
    y = ops.conv2d(
        floats(a.x), floats(a.weight), floats(a.bias), **case.geometry, activation="relu"
    )
    assert np.array_equal(y, reference.relu(a.y))
    assert (a.y < 0).any() or a.y.size < 10


@by_case
def test_grad_input_equals_integer_loops(isa: str, case: Conv2dCase) -> None:
    a = answers(case)
    dx = ops.conv2d_grad_input(floats(a.dy), floats(a.weight), case.x, **case.geometry)
    reached = reference.conv2d_grad_input(
        np.ones_like(a.dy), np.ones_like(a.weight), case.x, **case.geometry
    )
    assert_exact(dx, a.dx, reached)


@by_case
def test_grad_weight_equals_integer_loops(isa: str, case: Conv2dCase) -> None:
    a = answers(case)
    dw = ops.conv2d_grad_weight(floats(a.dy), floats(a.x), case.weight, **case.geometry)
    reached = reference.conv2d_grad_weight(
        np.ones_like(a.dy), np.ones_like(a.x), case.weight, **case.geometry
    )
    assert_exact(dw, a.dw, reached)


@by_case
def test_grad_bias_is_the_sum_of_each_channel(isa: str, case: Conv2dCase) -> None:
    dy = answers(case).dy
    assert np.array_equal(ops.conv2d_grad_bias(floats(dy)), dy.sum((0, 2, 3)))


@by_case
def test_gradients_are_adjoint(isa: str, case: Conv2dCase) -> None:
    # Conv is linear in x and in weight: <dy, C x> = <C' dy, x> = <grad weight, weight>, exactly.
    a = answers(case)
    x, weight, dy = floats(a.x), floats(a.weight), floats(a.dy)
    y = ops.conv2d(x, weight, **case.geometry)
    dx = ops.conv2d_grad_input(dy, weight, case.x, **case.geometry)
    dw = ops.conv2d_grad_weight(dy, x, case.weight, **case.geometry)
    forward = np.vdot(a.dy, y.astype(np.int64))
    assert forward == np.vdot(dx.astype(np.int64), a.x)
    assert forward == np.vdot(dw.astype(np.int64), a.weight)


@pytest.mark.parametrize(("rows", "dilation"), [(1, 1), (2, 3), (10, 1), (10, 2)])
def test_gradients_to_few_channels_have_no_taps_beyond_the_border(
    isa: str, rows: int, dilation: int, rng: np.random.Generator
) -> None:
    weight = rng.standard_normal((16, 6, 5, 1)).astype(np.float32)
    weight[:, :, 1] = np.inf  # times zero it would be NaN
    dy = rng.uniform(1, 2, (2, 16, rows, 14)).astype(np.float32)
    wanted = np.zeros((2, 6, rows + 4 * dilation, 14), np.float32)
    for r in range(5):
        tap = np.einsum("nkij,kc->ncij", dy, weight[:, :, r, 0])
        wanted[:, :, r * dilation : r * dilation + rows] += tap
    dx = ops.conv2d_grad_input(dy, weight, wanted.shape, 1, 0, (dilation, 1))
    assert np.isinf(wanted).sum() == 2 * 6 * rows * 14
    np.testing.assert_allclose(dx, wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("case", EMPTY_CASES, ids=str)
def test_no_images_give_no_output_and_zero_gradients(isa: str, case: Conv2dCase) -> None:
    x, weight = np.zeros(case.x, np.float32), np.ones(case.weight, np.float32)
    y = ops.conv2d(x, weight, np.ones(case.out_channels, np.float32), **case.geometry)
    assert y.shape == case.y
    assert ops.conv2d_grad_input(y, weight, case.x, **case.geometry).shape == case.x
    dw = ops.conv2d_grad_weight(y, x, case.weight, **case.geometry)
    assert dw.shape == case.weight
    assert not dw.any()
    assert not ops.conv2d_grad_bias(y).any()


@by_case
def test_float_error_is_that_of_rounding(
    isa: str, case: Conv2dCase, rng: np.random.Generator
) -> None:
    x, weight, dy = (
        rng.standard_normal(shape).astype(np.float32) for shape in (case.x, case.weight, case.y)
    )
    x64, weight64, dy64 = (array.astype(np.float64) for array in (x, weight, dy))
    g = case.geometry
    for got, wanted in (
        (ops.conv2d(x, weight, **g), reference.conv2d(x64, weight64, **g)),
        (
            ops.conv2d_grad_input(dy, weight, case.x, **g),
            reference.conv2d_grad_input(dy64, weight64, case.x, **g),
        ),
        (
            ops.conv2d_grad_weight(dy, x, case.weight, **g),
            reference.conv2d_grad_weight(dy64, x64, case.weight, **g),
        ),
    ):
        assert relative_error(got, wanted) < 1e-5


def test_outputs_have_their_channels_innermost() -> None:
    x, weight = np.ones((2, 3, 5, 6), np.float32), np.ones((4, 3, 3, 3), np.float32)
    y = ops.conv2d(x, weight)
    dx = ops.conv2d_grad_input(y, weight, (2, 3, 5, 6))
    dw = ops.conv2d_grad_weight(y, x, (4, 3, 3, 3))
    assert y.transpose(0, 2, 3, 1).flags.c_contiguous
    assert dx.transpose(0, 2, 3, 1).flags.c_contiguous
    assert dw.flags.c_contiguous
    assert all(a.flags.writeable and type(a) is np.ndarray for a in (y, dx, dw))


def test_an_int_stands_for_height_and_width(rng: np.random.Generator) -> None:
    x = rng.standard_normal((1, 4, 9, 9)).astype(np.float32)
    weight = rng.standard_normal((6, 2, 3, 3)).astype(np.float32)
    short = ops.conv2d(x, weight, None, 2, 1, 2, 2)
    two: Any = np.int64(2)  # NumPy's integers will do
    full = ops.conv2d(x, weight, None, (2, 2), [1, 1], (two, 2), groups=two)
    assert np.array_equal(short, full)


@pytest.mark.parametrize(
    "case", [c for c in CONV2D_CASES if c.name in {"asymmetric", "stem", "groups", "deep"}], ids=str
)
def test_same_as_pytorch(case: Conv2dCase, rng: np.random.Generator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch = pytest.importorskip("torch")
    x, weight, bias, dy = (
        rng.standard_normal(shape).astype(np.float32)
        for shape in (case.x, case.weight, case.out_channels, case.y)
    )
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, weight, bias)]
    theirs = torch.nn.functional.conv2d(*tensors, *case.geometry.values())
    theirs.backward(torch.tensor(dy))
    g = case.geometry
    for ours, other in (
        (ops.conv2d(x, weight, bias, **g), theirs.detach()),
        (ops.conv2d_grad_input(dy, weight, case.x, **g), tensors[0].grad),
        (ops.conv2d_grad_weight(dy, x, case.weight, **g), tensors[1].grad),
        (ops.conv2d_grad_bias(dy), tensors[2].grad),
    ):
        assert relative_error(ours, other.numpy()) < 1e-5
