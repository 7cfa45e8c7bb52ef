"""Adaptive pooling (csrc/kernels/adaptive_pool2d.cpp) equals loops over whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convlet.nn.functional as F
import reference_adaptive_pool2d as reference
from cases import floats, whole_numbers
from convlet import Tensor, _core, nn, ops
from numeric import assert_gradients

# Shape of the input, output size: global, even, uneven, more windows than pixels.
CASES = [
    ((1, 1, 1, 1), (1, 1)),
    ((2, 3, 5, 4), (1, 1)),
    ((2, 17, 7, 7), (1, 1)),
    ((3, 70, 8, 8), (1, 1)),
    ((1, 40, 90, 70), (1, 1)),
    ((2, 1, 40, 60), (1, 1)),
    ((2, 17, 8, 6), (4, 3)),
    ((2, 64, 14, 14), (7, 7)),
    ((2, 1, 7, 9), (3, 4)),
    ((2, 3, 11, 10), (7, 6)),
    ((1, 17, 13, 6), (6, 6)),
    ((1, 100, 9, 9), (4, 5)),
    ((2, 19, 3, 2), (7, 7)),
    ((1, 5, 1, 9), (3, 2)),
    ((1, 33, 6, 5), (1, 3)),
    ((1, 200, 40, 41), (2, 1)),
    ((40, 5, 5, 4), (3, 3)),
]
by_case = pytest.mark.parametrize(("shape", "out"), CASES, ids=str)
Shape4 = tuple[int, int, int, int]
Pair = tuple[int, int]


def gradient_by_areas(shape: Shape4, out: Pair) -> np.ndarray:
    """Multiples of every window's area, so that shares are whole numbers."""
    dy = whole_numbers((*shape[:2], *out), 2)
    for i, j, top, bottom, left, right in reference.windows(shape[2:], out):
        dy[:, :, i, j] *= (bottom - top) * (right - left)
    return dy


@by_case
def test_max_equals_integer_loops(isa: str, shape: Shape4, out: Pair) -> None:
    x, dy = whole_numbers(shape, 1), whole_numbers((*shape[:2], *out), 2)
    wanted, pixels = reference.adaptive_max_pool2d(x, out)
    y, indices = ops.adaptive_max_pool2d(floats(x), out)
    assert np.array_equal(y, wanted)
    assert np.array_equal(indices, pixels)
    for array in (y, indices):
        assert array.transpose(0, 2, 3, 1).flags.c_contiguous
    dx = ops.adaptive_max_pool2d_grad(floats(dy), indices, shape)
    assert np.array_equal(dx, reference.adaptive_max_pool2d_grad(dy, pixels, shape))
    assert np.count_nonzero(dx)


@by_case
def test_average_and_its_gradient_equal_loops(isa: str, shape: Shape4, out: Pair) -> None:
    x, dy = whole_numbers(shape, 1), gradient_by_areas(shape, out)
    wanted = reference.adaptive_avg_pool2d(x, out)
    y = ops.adaptive_avg_pool2d(floats(x), out)
    # A sum of whole numbers is exact, and its quotient the nearest float32.
    assert np.array_equal(y, wanted.astype(np.float32))
    dx = ops.adaptive_avg_pool2d_grad(floats(dy), shape)
    assert np.array_equal(dx, np.rint(reference.adaptive_avg_pool2d_grad(dy, shape)))
    # <dy, C x> = <C' dy, x>, up to the rounding of the reference's quotients.
    assert np.vdot(dy, wanted) == pytest.approx(np.vdot(dx.astype(np.int64), x))
    for array in (y, dx):
        assert array.transpose(0, 2, 3, 1).flags.c_contiguous


@given(
    st.tuples(*(st.integers(1, most) for most in (3, 36, 12, 12))),
    st.tuples(st.integers(1, 13), st.integers(1, 13)),
)
def test_any_shape_equals_loops(shape: Any, out: Pair) -> None:
    x, dy = whole_numbers(shape, 1), gradient_by_areas(shape, out)
    wanted, pixels = reference.adaptive_max_pool2d(x, out)
    y, indices = ops.adaptive_max_pool2d(floats(x), out)
    assert np.array_equal(y, wanted)
    assert np.array_equal(indices, pixels)
    assert np.array_equal(
        ops.adaptive_max_pool2d_grad(floats(dy), pixels, shape),
        reference.adaptive_max_pool2d_grad(dy, pixels, shape),
    )
    mean = reference.adaptive_avg_pool2d(x, out).astype(np.float32)
    assert np.array_equal(ops.adaptive_avg_pool2d(floats(x), out), mean)
    dx = reference.adaptive_avg_pool2d_grad(dy, shape)
    assert np.array_equal(ops.adaptive_avg_pool2d_grad(floats(dy), shape), np.rint(dx))


@by_case
def test_all_equal_torch(shape: Shape4, out: Pair, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    x = rng.standard_normal(shape).astype(np.float32)
    dy = rng.standard_normal((*shape[:2], *out)).astype(np.float32)
    for ours, theirs in (
        (nn.AdaptiveMaxPool2d(out), torch.nn.AdaptiveMaxPool2d(out)),
        (nn.AdaptiveAvgPool2d(out), torch.nn.AdaptiveAvgPool2d(out)),
    ):
        a, b = Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
        y, z = ours(a), theirs(b)
        y.backward(dy)
        z.backward(torch.from_numpy(dy))
        assert repr(ours) == repr(theirs)
        assert a.grad is not None
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-4, atol=1e-6)
    _, indices = ops.adaptive_max_pool2d(x, out)
    _, theirs = torch.nn.functional.adaptive_max_pool2d(torch.from_numpy(x), out, True)
    assert np.array_equal(indices, theirs.numpy())


@pytest.mark.parametrize("pool", [F.adaptive_max_pool2d, F.adaptive_avg_pool2d])
def test_gradients_by_central_differences(pool: Any, rng: np.random.Generator) -> None:
    x = (rng.permutation(2 * 2 * 5 * 4).reshape(2, 2, 5, 4) / 8).astype(np.float32)
    assert_gradients(lambda x: pool(x, (3, 3)) ** 2 * 0.1, x)


def test_sizes_may_be_an_int_a_pair_or_none() -> None:
    x = np.ones((1, 2, 6, 5), np.float32)
    sizes: list[tuple[Any, Pair]] = [
        (1, (1, 1)),
        ([2, 3], (2, 3)),
        (None, (6, 5)),
        ((None, np.int8(2)), (6, 2)),
    ]
    for size, wanted in sizes:
        for layer in (nn.AdaptiveAvgPool2d(size), nn.AdaptiveMaxPool2d(size)):
            assert layer(x).shape == (1, 2, *wanted)


@pytest.mark.parametrize("shape", [(0, 3, 5, 5), (2, 0, 5, 5)])
def test_nothing_in_nothing_out(shape: Shape4) -> None:
    x = np.zeros(shape, np.float32)
    for out in ((1, 1), (5, 5), (3, 2)):
        y, indices = ops.adaptive_max_pool2d(x, out)
        assert y.shape == ops.adaptive_avg_pool2d(x, out).shape == (*shape[:2], *out)
        assert ops.adaptive_max_pool2d_grad(y, indices.astype(np.int8), shape).shape == shape
        assert ops.adaptive_avg_pool2d_grad(y, shape).shape == shape
    assert ops.adaptive_max_pool2d(np.zeros((1, 0, 5, 5), np.float32), (2**31 - 1, 1))[0].size == 0


def test_results_are_the_same_bits_for_any_number_of_threads(
    set_threads: Any, rng: np.random.Generator
) -> None:
    for shape, out in (((2, 130, 60, 60), (1, 1)), ((3, 33, 61, 60), (5, 7))):
        x = rng.standard_normal(shape).astype(np.float32)
        results = []
        for threads in (1, 2, 3):
            set_threads(threads)
            y, indices = ops.adaptive_max_pool2d(x, out)
            mean = ops.adaptive_avg_pool2d(x, out)
            dx = ops.adaptive_avg_pool2d_grad(mean, shape)
            results.append([y, indices, mean, dx, ops.adaptive_max_pool2d_grad(y, indices, shape)])
        for others in results[1:]:
            for one, other in zip(results[0], others, strict=True):
                assert one.tobytes() == other.tobytes()


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("channels", [1, 17, 40])
def test_special_values_win_and_lose_as_in_numpy(
    isa: str, channels: int, rng: np.random.Generator
) -> None:
    x = rng.standard_normal((2, channels, 9, 7)).astype(np.float32)
    special = rng.random(x.shape)
    for share, value in ((0.6, -np.inf), (0.1, np.inf), (0.05, np.nan)):
        x[special < share] = value
    for out in ((1, 1), (4, 3), (3, 7)):
        y, indices = ops.adaptive_max_pool2d(x, out)
        wanted, pixels = reference.adaptive_max_pool2d(x, out)
        np.testing.assert_array_equal(y, wanted)
        np.testing.assert_array_equal(indices, pixels)
        means = reference.adaptive_avg_pool2d(x.astype(np.float64), out)
        np.testing.assert_allclose(ops.adaptive_avg_pool2d(x, out), means, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["i1", "u1", ">i4", "i4", "i8", "u8"])
def test_indices_of_any_integer_dtype_and_layout(isa: str, dtype: str) -> None:
    x = whole_numbers((2, 18, 7, 9), 1)
    wanted, pixels = reference.adaptive_max_pool2d(x, (3, 4))
    dx = reference.adaptive_max_pool2d_grad(wanted, pixels, x.shape)
    indices = pixels.astype(dtype)
    for layout in (indices, indices.copy(order="F"), indices[:, :, ::-1].copy()[:, :, ::-1]):
        got = ops.adaptive_max_pool2d_grad(floats(wanted), layout, x.shape)
        assert np.array_equal(got, dx)


@pytest.mark.parametrize(("shape", "out"), [((2, 3, 7, 9), (3, 4)), ((2, 20, 6, 3), (4, 1))])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_an_index_outside_its_window_is_refused(
    isa: str, shape: Shape4, out: Pair, dtype: type[Any]
) -> None:
    y, indices = ops.adaptive_max_pool2d(floats(whole_numbers(shape, 1)), out)
    inside = {
        (i, j): {h * shape[3] + w for h in range(top, bottom) for w in range(left, right)}
        for i, j, top, bottom, left, right in reference.windows(shape[2:], out)
    }
    for (i, j), pixels in inside.items():
        for value in (*range(-2, shape[2] * shape[3] + 3), 2**31 - 1, -(2**31)):
            spoiled = indices.astype(dtype)
            spoiled[1, 2, i, j] = value
            if value in pixels:
                ops.adaptive_max_pool2d_grad(y, spoiled, shape)
                continue
            where = rf"indices\[1, 2, {i}, {j}\] must name a pixel .*, got {value}$"
            with pytest.raises(ValueError, match=where):
                ops.adaptive_max_pool2d_grad(y, spoiled, shape)


X = np.ones((2, 3, 6, 5), np.float32)
DY = np.ones((2, 3, 2, 2), np.float32)
INDICES = ops.adaptive_max_pool2d(X, 2)[1]


@pytest.mark.parametrize(
    ("size", "error", "message"),
    [
        (0, ValueError, r"output_size must be at least 1, got \(0, 0\)"),
        ((2, -1), ValueError, r"output_size must be at least 1, got \(2, -1\)"),
        ((1, 2, 3), ValueError, "output_size must be an int or a pair, got 3 values"),
        (2**31 + 1, ValueError, r"output_size must be at most 2\^31"),
        (2**31, ValueError, "output has more elements than 64 bits can count"),
        (2**64, ValueError, "output_size must fit in 64 bits"),
        (1.0, TypeError, "output_size must be an int, got float 1.0"),
        ("1", TypeError, "output_size must be an int"),
        ((1, True), TypeError, "output_size must be an int, got bool True"),
    ],
)
@pytest.mark.parametrize("op", [ops.adaptive_max_pool2d, ops.adaptive_avg_pool2d])
def test_sizes_are_refused(op: Any, size: Any, error: type[Exception], message: str) -> None:
    requests = _core.memory_stats()["requests"]
    with pytest.raises(error, match=f"^{op.__name__}: {message}"):
        op(X, size)
    assert _core.memory_stats()["requests"] == requests


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.adaptive_avg_pool2d(X[0], 1), ValueError, "x must have 4 dimensions"),
        (lambda: ops.adaptive_max_pool2d(X[0], 1), ValueError, "x must have 4 dimensions"),
        (lambda: ops.adaptive_avg_pool2d(X[:, :, :0], 1), ValueError, "at least 1 pixel"),
        (lambda: ops.adaptive_max_pool2d(X[..., :0], (1, None)), ValueError, "at least 1 pixel"),
        (lambda: ops.adaptive_avg_pool2d(X.astype("f8"), 1), TypeError, "must be float32"),
        (lambda: ops.adaptive_avg_pool2d_grad(DY, (2, 4, 6, 5)), ValueError, "dy must have shape"),
        (lambda: ops.adaptive_avg_pool2d_grad(DY, (2, 3, 0, 5)), ValueError, "at least 1 pixel"),
        (
            lambda: ops.adaptive_avg_pool2d_grad(DY, (2, 3, 2**60, 5)),
            ValueError,
            "too large|64 bits",
        ),
        (
            lambda: ops.adaptive_avg_pool2d_grad(DY[..., :0], X.shape),
            ValueError,
            "output_size must",
        ),
        (lambda: ops.adaptive_avg_pool2d_grad(DY, (2, 3, 6)), ValueError, "must have 4 dimensions"),
        (lambda: ops.adaptive_avg_pool2d_grad(DY[0], X.shape), ValueError, "dy must have 4"),
        (
            lambda: ops.adaptive_max_pool2d_grad(DY, INDICES[..., :1], X.shape),
            ValueError,
            r"indices must have shape \(2, 3, 2, 2\), got \(2, 3, 2, 1\)",
        ),
        (
            lambda: ops.adaptive_max_pool2d_grad(DY, INDICES[0], X.shape),
            ValueError,
            "indices must have 4 dimensions",
        ),
        (
            lambda: ops.adaptive_max_pool2d_grad(DY, INDICES.astype("f4"), X.shape),
            TypeError,
            "indices must be a NumPy array of integers",
        ),
        (
            lambda: ops.adaptive_max_pool2d_grad(DY[:0], INDICES[:0], (0, 3, 2**16, 2**16)),
            ValueError,
            r"input_shape must have at most 2\^31 - 1 pixels",
        ),
        (lambda: nn.AdaptiveAvgPool2d(0), ValueError, "output_size must be at least 1, got 0"),
        (lambda: nn.AdaptiveMaxPool2d((1, 1, 1)), ValueError, "an int or a pair, got 3 values"),
        (
            lambda: nn.AdaptiveMaxPool2d(1, 1),  # type: ignore[arg-type]
            TypeError,
            "AdaptiveMaxPool2d: return_indices must be a bool, got int 1",
        ),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
