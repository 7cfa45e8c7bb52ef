"""Max and average pooling and their gradients equal loops over whole numbers, without tolerance."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import reference_pool2d
from cases import floats, whole_numbers
from convlet import _core, ops
from pool2d_cases import EMPTY_CASES, POOL2D_CASES, Pool2dCase, max_answers

AVERAGES = [case for case in POOL2D_CASES if case.is_average]
Pair = tuple[int, int]

by_case = pytest.mark.parametrize("case", POOL2D_CASES, ids=str)
by_average = pytest.mark.parametrize("case", AVERAGES, ids=str)
by_padding = pytest.mark.parametrize("count_include_pad", [True, False])


def max_pool2d(x: np.ndarray, case: Pool2dCase) -> tuple[np.ndarray, np.ndarray]:
    return ops.max_pool2d(x, case.kernel, case.stride, case.padding, case.dilation, case.ceil_mode)


def max_pool2d_grad(dy: np.ndarray, indices: np.ndarray, case: Pool2dCase) -> np.ndarray:
    return ops.max_pool2d_grad(
        dy,
        indices,
        case.x,
        case.kernel,
        case.stride,
        case.padding,
        case.dilation,
        case.ceil_mode,
    )


@cache
def average(case: Pool2dCase, count_include_pad: bool) -> np.ndarray:
    x = whole_numbers(case.x, 1)
    return reference_pool2d.avg_pool2d(x, *geometry(case), count_include_pad)


@cache
def average_gradient(case: Pool2dCase, count_include_pad: bool) -> tuple[np.ndarray, np.ndarray]:
    """dy in multiples of every divisor, so that shares are whole numbers; and its gradient."""
    dy = whole_numbers(case.y, 2, largest=2)
    weights = reference_pool2d.window_weights(
        case.x, case.kernel, case.stride, case.padding, case.ceil_mode, count_include_pad
    )
    for i, j, _, _, count in weights:
        dy[:, :, i, j] *= count
    dx = reference_pool2d.avg_pool2d_grad(dy, case.x, *geometry(case), count_include_pad)
    return dy, np.rint(dx)


def geometry(case: Pool2dCase) -> tuple[Pair, Pair, Pair, bool]:
    return case.kernel, case.stride, case.padding, case.ceil_mode


@by_case
def test_max_equals_integer_loops(isa: str, case: Pool2dCase) -> None:
    wanted = max_answers(case)
    y, indices = max_pool2d(floats(wanted.x), case)
    assert np.array_equal(y, wanted.y)
    assert np.array_equal(indices, wanted.indices)
    assert indices.dtype == (np.uint8 if np.prod(case.kernel) <= 256 else np.int32)
    for array in (y, indices):
        assert array.transpose(0, 2, 3, 1).flags.c_contiguous


@by_case
def test_max_gradient_equals_integer_loops(isa: str, case: Pool2dCase) -> None:
    wanted = max_answers(case)
    _, indices = max_pool2d(floats(wanted.x), case)
    dx = max_pool2d_grad(floats(wanted.dy), indices, case)
    assert np.array_equal(dx, wanted.dx)
    assert np.count_nonzero(dx)


@by_case
def test_max_gradient_is_the_adjoint_of_picking(case: Pool2dCase) -> None:
    # <dy, C z> = <C' dy, z> where C picks the pixels that won in x.
    wanted = max_answers(case)
    z = whole_numbers(case.x, 5)
    y, indices = max_pool2d(floats(wanted.x), case)
    dx = max_pool2d_grad(floats(wanted.dy), indices, case)
    picked = reference_pool2d.max_pool2d_grad(
        np.ones(case.y, np.int64),
        wanted.indices,
        case.x,
        case.kernel,
        case.stride,
        case.padding,
        case.dilation,
    )
    assert np.vdot(dx.astype(np.int64), wanted.x) == np.vdot(wanted.dy, y.astype(np.int64))
    assert np.array_equal(max_pool2d_grad(np.ones(case.y, np.float32), indices, case), picked)
    assert np.vdot(dx.astype(np.int64), z) == np.vdot(wanted.dx, z)


@by_average
@by_padding
def test_average_equals_loops(isa: str, case: Pool2dCase, count_include_pad: bool) -> None:
    x, wanted = whole_numbers(case.x, 1), average(case, count_include_pad)
    y = ops.avg_pool2d(floats(x), *geometry(case), count_include_pad)
    # A sum of whole numbers is exact, and its quotient the nearest float32.
    assert np.array_equal(y, wanted.astype(np.float32))
    assert y.transpose(0, 2, 3, 1).flags.c_contiguous


@by_average
@by_padding
def test_average_gradient_is_the_exact_adjoint(
    isa: str, case: Pool2dCase, count_include_pad: bool
) -> None:
    dy, wanted = average_gradient(case, count_include_pad)
    dx = ops.avg_pool2d_grad(floats(dy), case.x, *geometry(case), count_include_pad)
    assert np.array_equal(dx, wanted)
    assert np.count_nonzero(dx)
    # <dy, C x> = <C' dy, x>, up to the rounding of the reference's quotients.
    forward = np.vdot(dy, average(case, count_include_pad))
    assert forward == pytest.approx(np.vdot(dx.astype(np.int64), whole_numbers(case.x, 1)))


@pytest.mark.parametrize("case", EMPTY_CASES, ids=str)
def test_nothing_in_nothing_out(isa: str, case: Pool2dCase) -> None:
    x = np.zeros(case.x, np.float32)
    y, indices = max_pool2d(x, case)
    assert y.shape == indices.shape == case.y
    assert max_pool2d_grad(y, indices, case).shape == case.x
    assert ops.avg_pool2d(x, *geometry(case)).shape == case.y
    assert ops.avg_pool2d_grad(y, case.x, *geometry(case)).shape == case.x


@st.composite
def pool2d_cases(draw: st.DrawFn) -> Pool2dCase:
    def pairs(least: int, most: int) -> tuple[int, int]:
        return draw(st.tuples(st.integers(least, most), st.integers(least, most)))

    kernel = pairs(1, 4)
    case = Pool2dCase(
        "drawn",
        (draw(st.integers(1, 3)), draw(st.integers(1, 36)), *pairs(2, 11)),
        kernel,
        stride=draw(st.sampled_from([kernel, pairs(1, 6)])),
        padding=(draw(st.integers(0, kernel[0] // 2)), draw(st.integers(0, kernel[1] // 2))),
        dilation=draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 3), (2, 2)])),
        ceil_mode=draw(st.booleans()),
    )
    assume(min(case.y) > 0)
    _, indices = reference_pool2d.max_pool2d(
        np.zeros((1, 1, *case.x[2:])),
        kernel,
        case.stride,
        case.padding,
        case.dilation,
        case.ceil_mode,
    )
    assume((indices >= 0).all())  # no window of padding alone
    return case


@given(pool2d_cases(), st.booleans())
def test_any_shape_equals_loops(case: Pool2dCase, count_include_pad: bool) -> None:
    wanted = max_answers(case)
    y, indices = max_pool2d(floats(wanted.x), case)
    assert np.array_equal(y, wanted.y)
    assert np.array_equal(indices, wanted.indices)
    assert np.array_equal(max_pool2d_grad(floats(wanted.dy), indices, case), wanted.dx)
    if not case.is_average:
        return
    given_geometry = (*geometry(case), count_include_pad)
    y = ops.avg_pool2d(floats(wanted.x), *given_geometry)
    assert np.array_equal(
        y, reference_pool2d.avg_pool2d(wanted.x, *given_geometry).astype(np.float32)
    )
    dx = ops.avg_pool2d_grad(floats(wanted.dy), case.x, *given_geometry)
    wanted_dx = reference_pool2d.avg_pool2d_grad(wanted.dy, case.x, *given_geometry)
    np.testing.assert_allclose(dx, wanted_dx, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_indices_of_any_integer_dtype_and_layout(isa: str, dtype: str, order: str) -> None:
    case = next(case for case in POOL2D_CASES if case.name == "resnet_stem")
    wanted = max_answers(case)
    dy = floats(wanted.dy)
    indices = wanted.indices.astype(order + dtype)
    spaced = np.zeros((*case.y[:3], 2 * case.y[3]), indices.dtype)
    spaced[..., ::2] = indices
    flipped = indices[:, :, ::-1, ::-1].copy()[:, :, ::-1, ::-1]
    for layout in (indices, indices.copy(order="F"), spaced[..., ::2], flipped):
        assert np.array_equal(max_pool2d_grad(dy, layout, case), wanted.dx)


@by_case
def test_max_equals_torch(case: Pool2dCase, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    x = rng.standard_normal(case.x).astype(np.float32)
    dy = rng.standard_normal(case.y).astype(np.float32)
    theirs = torch.from_numpy(x).requires_grad_()
    pooled = torch.nn.functional.max_pool2d(
        theirs, case.kernel, case.stride, case.padding, case.dilation, case.ceil_mode
    )
    pooled.backward(torch.from_numpy(dy))
    y, indices = max_pool2d(x, case)
    assert np.array_equal(y, pooled.detach().numpy())
    dx = max_pool2d_grad(dy, indices, case)
    np.testing.assert_allclose(dx, theirs.grad.numpy(), rtol=1e-5, atol=1e-6)


@by_average
@by_padding
def test_average_equals_torch(
    case: Pool2dCase, count_include_pad: bool, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    x = rng.standard_normal(case.x).astype(np.float32)
    dy = rng.standard_normal(case.y).astype(np.float32)
    theirs = torch.from_numpy(x).requires_grad_()
    pooled = torch.nn.functional.avg_pool2d(
        theirs, case.kernel, case.stride, case.padding, case.ceil_mode, count_include_pad
    )
    pooled.backward(torch.from_numpy(dy))
    y = ops.avg_pool2d(x, *geometry(case), count_include_pad)
    np.testing.assert_allclose(y, pooled.detach().numpy(), rtol=1e-5, atol=1e-6)
    dx = ops.avg_pool2d_grad(dy, case.x, *geometry(case), count_include_pad)
    np.testing.assert_allclose(dx, theirs.grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("images", "channels"), [(0, 3), (2, 0)])
@pytest.mark.parametrize(("kernel", "stride"), [(2, 2), (3, 2)])
def test_nothing_to_pool(isa: str, images: int, channels: int, kernel: int, stride: int) -> None:
    x = np.zeros((images, channels, 6, 6), np.float32)
    y, indices = ops.max_pool2d(x, kernel, stride)
    assert y.shape[:2] == indices.shape[:2] == (images, channels)
    assert ops.max_pool2d_grad(y, indices, x.shape, kernel, stride).shape == x.shape


def test_no_memory_is_asked_for_in_a_steady_state() -> None:
    case = next(case for case in POOL2D_CASES if case.name == "overlap_fully")
    x, dy = floats(max_answers(case).x), floats(max_answers(case).dy)

    def step() -> None:
        _, indices = max_pool2d(x, case)
        max_pool2d_grad(dy, indices, case)
        ops.avg_pool2d(x, *geometry(case))
        ops.avg_pool2d_grad(dy, case.x, *geometry(case))

    step()
    before = _core.memory_stats()["system_allocations"]
    for _ in range(5):
        step()
    assert _core.memory_stats()["system_allocations"] == before
