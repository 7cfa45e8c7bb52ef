"""Resizing (csrc/kernels/resize2d.cpp) equals matrices of weights, its gradient their transpose."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convlet.nn.functional as F
import reference_resize2d as reference
from cases import floats, whole_numbers
from convlet import Tensor, _core, nn, ops
from numeric import assert_gradients

ANY: Any = ops  # so that wrong types can be passed on purpose
ANY_F: Any = F

Shape4 = tuple[int, int, int, int]
Pair = tuple[int, int]

# Shape of the input, size of the output: twice, a rest, smaller, to and from one pixel.
CASES = [
    ((1, 1, 1, 1), (1, 1)),
    ((2, 17, 5, 4), (10, 8)),
    ((2, 3, 7, 9), (14, 18)),
    ((1, 64, 6, 6), (12, 12)),
    ((2, 1, 5, 7), (8, 11)),
    ((2, 20, 9, 8), (4, 5)),
    ((1, 100, 12, 10), (3, 3)),
    ((3, 5, 4, 4), (1, 1)),
    ((1, 33, 1, 1), (3, 4)),
    ((1, 6, 1, 5), (4, 1)),
    ((1, 2, 3, 300), (2, 700)),
    ((40, 16, 4, 4), (7, 9)),
]
RULES = [("nearest", False), ("bilinear", False), ("bilinear", True)]
by_case = pytest.mark.parametrize(("shape", "out"), CASES, ids=str)
by_rule = pytest.mark.parametrize(("mode", "align"), RULES, ids=str)


def weights(
    shape: Any, out: Pair, mode: str, align: bool, factors: Any = (None, None)
) -> list[np.ndarray]:
    axes = zip(shape[2:], out, factors, strict=True)
    if mode == "nearest":
        return [reference.nearest_weights(*axis) for axis in axes]
    return [reference.linear_weights(size, to, align, factor) for size, to, factor in axes]


@by_case
@by_rule
def test_values_and_gradients_are_weighted_sums(
    isa: str, shape: Shape4, out: Pair, mode: str, align: bool
) -> None:
    x, dy = whole_numbers(shape, 1), whole_numbers((*shape[:2], *out), 2)
    rows, columns = weights(shape, out, mode, align)
    y = ops.resize2d(floats(x), out, mode, align)
    np.testing.assert_allclose(y, reference.resize2d(x, rows, columns), rtol=1e-5, atol=2e-6)
    dx = ops.resize2d_grad(floats(dy), shape, mode, align)
    np.testing.assert_allclose(dx, reference.resize2d(dy, rows.T, columns.T), rtol=1e-5, atol=2e-5)
    if mode == "nearest":  # whole numbers are exact
        assert np.array_equal(y, reference.resize2d(x, rows, columns))
        assert np.array_equal(dx, reference.resize2d(dy, rows.T, columns.T))
    for array in (y, dx):
        assert array.transpose(0, 2, 3, 1).flags.c_contiguous


@pytest.mark.parametrize("channels", [1, 17, 64])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("factor", [2, 4])
def test_the_gradient_of_a_power_of_two_is_the_exact_adjoint(
    isa: str, channels: int, mode: str, factor: int
) -> None:
    # Weights are multiples of 1/64: sums of such numbers are exact.
    shape, out = (2, channels, 5, 6), (5 * factor, 6 * factor)
    x, dy = whole_numbers(shape, 1), whole_numbers((2, channels, *out), 2)
    y = ops.resize2d(floats(x), out, mode)
    dx = ops.resize2d_grad(floats(dy), shape, mode)
    forward = np.vdot(dy, y.astype(np.float64))
    assert forward == np.vdot(dx.astype(np.float64), x)
    assert forward != 0


@given(
    st.tuples(*(st.integers(1, most) for most in (2, 36, 12, 12))),
    st.tuples(st.integers(1, 26), st.integers(1, 26)),
    st.sampled_from(RULES),
)
def test_any_shape_is_a_weighted_sum(shape: Any, out: Pair, rule: tuple[str, bool]) -> None:
    x, dy = whole_numbers(shape, 1), whole_numbers((*shape[:2], *out), 2)
    y, dx = ops.resize2d(floats(x), out, *rule), ops.resize2d_grad(floats(dy), shape, *rule)
    if rule[0] == "bilinear":
        rows, columns = weights(shape, out, *rule)
        np.testing.assert_allclose(y, reference.resize2d(x, rows, columns), rtol=1e-4, atol=1e-5)
    assert np.vdot(dy, y.astype("f8")) == pytest.approx(np.vdot(dx.astype("f8"), x), abs=1e-2)


FACTORS = [2, 3, 0.5, 1.5, 2.3, (0.4, 1.7), (1.0, 4.0)]


@pytest.mark.parametrize("how", [{"scale_factor": f} for f in FACTORS] + [{"size": (7, 3)}])
@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("align", [None, True, False])
@pytest.mark.parametrize("recompute", [None, True])
def test_interpolate_equals_torch(
    how: Any, mode: str, align: Any, recompute: Any, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    if (mode == "nearest" and align is not None) or ("size" in how and recompute):
        with pytest.raises(ValueError, match=r"only for mode|needs a scale_factor"):
            ANY_F.interpolate(
                np.ones((1, 1, 3, 3)),
                mode=mode,
                align_corners=align,
                recompute_scale_factor=recompute,
                **how,
            )
        return
    x = rng.standard_normal((2, 5, 9, 11)).astype(np.float32)
    more = {"mode": mode, "align_corners": align, "recompute_scale_factor": recompute, **how}
    a, b = Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
    ours, theirs = nn.Upsample(**more), torch.nn.Upsample(**more)
    assert repr(ours) == repr(theirs)
    y, z = ours(a), theirs(b)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    y.backward(dy)
    z.backward(torch.from_numpy(dy))
    assert a.grad is not None
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-4, atol=5e-5)


def test_nearest_takes_torchs_pixels_for_every_pair_of_sizes() -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    for size in range(1, 40):
        x = np.arange(size, dtype=np.float32).reshape(1, 1, 1, size)
        for out in range(1, 90):
            theirs = torch.nn.functional.interpolate(torch.from_numpy(x), (1, out))
            assert np.array_equal(ops.resize2d(x, (1, out)), theirs.numpy()), (size, out)


@pytest.mark.parametrize(
    "more", [{}, {"mode": "bilinear"}, {"mode": "bilinear", "align_corners": True}]
)
def test_gradients_by_central_differences(more: Any, rng: np.random.Generator) -> None:
    x = rng.integers(-3, 4, (1, 2, 4, 3)).astype(np.float32)
    assert_gradients(lambda x: F.interpolate(x, (5, 6), **more) ** 2 * 0.1, x)


def test_results_are_the_same_bits_for_any_number_of_threads(
    set_threads: Any, rng: np.random.Generator
) -> None:
    x = rng.standard_normal((3, 33, 40, 41)).astype(np.float32)
    results = []
    for threads in (1, 2, 3):
        set_threads(threads)
        y = ops.resize2d(x, (77, 90), "bilinear")
        results.append([y, ops.resize2d_grad(y, x.shape, "bilinear")])
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_stays_where_it_belongs(isa: str, value: float) -> None:
    x = np.zeros((1, 20, 4, 4), np.float32)
    x[0, 7, 1, 2] = value
    for mode in ("nearest", "bilinear"):
        same = ops.resize2d(x, (4, 4), mode)
        assert np.array_equal(same, x, equal_nan=True)
        rows, columns = weights(x.shape, (8, 8), mode, False)
        touched = rows[:, 1][:, np.newaxis] * columns[:, 2] > 0
        y = ops.resize2d(x, (8, 8), mode)
        assert np.array_equal(~np.isfinite(y[0, 7]), touched)
        assert np.isfinite(np.delete(y, 7, axis=1)).all()


def test_nothing_in_nothing_out() -> None:
    for shape in ((0, 3, 4, 5), (2, 0, 4, 5)):
        y = ops.resize2d(np.zeros(shape, np.float32), (7, 2))
        assert y.shape == (*shape[:2], 7, 2)
        assert ops.resize2d_grad(y, shape, "bilinear").shape == shape


X = np.ones((2, 3, 6, 5), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.resize2d(X, 0), ValueError, r"size must be at least 1, got \(0, 0\)"),
        (lambda: ops.resize2d(X, (3, -2)), ValueError, "size must be at least 1"),
        (lambda: ops.resize2d(X, 2**31), ValueError, "more elements than 64 bits"),
        (lambda: ops.resize2d(X, 2**40), ValueError, r"at most 2\^31"),
        (lambda: ANY.resize2d(X, 2.0), TypeError, "size must be an int or a pair"),
        (lambda: ops.resize2d(X[0], 2), ValueError, "must have 4 dimensions"),
        (lambda: ops.resize2d(X[:, :, :0], 2), ValueError, "at least 1 pixel"),
        (lambda: ops.resize2d(X.astype("f8"), 2), TypeError, "must be float32"),
        (lambda: ops.resize2d(X, 2, "cubic"), ValueError, "mode must be .* got 'cubic'"),
        (lambda: ANY.resize2d(X, 2, 3), TypeError, "mode must be .* got 3"),
        (lambda: ANY.resize2d(X, 2, "bilinear", 1), TypeError, "align_corners must be a bool"),
        (lambda: ops.resize2d(X, 2, scale_factor=(0.0, 1.0)), ValueError, "scale_factor must be"),
        (lambda: ops.resize2d(X, 2, scale_factor=(1.0, -1.0)), ValueError, "scale_factor must be"),
        (lambda: ops.resize2d(X, 2, scale_factor=(np.nan, 1.0)), ValueError, "scale_factor must"),
        (lambda: ops.resize2d(X, 2, scale_factor=(1.0, np.inf)), ValueError, "scale_factor must"),
        (lambda: ANY.resize2d(X, 2, scale_factor=2.0), TypeError, "two numbers or None"),
        (
            lambda: ops.resize2d_grad(X, (2, 4, 9, 9)),
            ValueError,
            r"dy must have shape \(2, 4, 6, 5",
        ),
        (lambda: ops.resize2d_grad(X, (2, 3, 0, 9)), ValueError, "at least 1 pixel"),
        (lambda: ops.resize2d_grad(X[..., :0], X.shape), ValueError, "size must be at least 1"),
        (lambda: ops.resize2d_grad(X, (2, 3, 2**60, 9)), ValueError, "too large|64 bits"),
        (lambda: F.interpolate(X), ValueError, "either size or scale_factor, got None and None"),
        (lambda: F.interpolate(X, 2, 2.0), ValueError, "either size or scale_factor, got 2 and 2"),
        (lambda: F.interpolate(X, scale_factor=0), ValueError, "must be positive, got 0"),
        (lambda: F.interpolate(X, scale_factor=np.inf), ValueError, "must be positive, got inf"),
        (lambda: F.interpolate(X, scale_factor=0.1), ValueError, "makes images of 0 x 0 pixels"),
        (lambda: F.interpolate(X, scale_factor=(1, 2, 3)), ValueError, "a pair, got 3 values"),
        (
            lambda: ANY_F.interpolate(X, scale_factor="2"),
            TypeError,
            "must be a number, got str '2'",
        ),
        (lambda: F.interpolate(X, scale_factor=1e300), ValueError, "must fit in 64 bits"),
        (lambda: F.interpolate(X[0], 2), ValueError, "input must have 4 dimensions"),
        (nn.Upsample, ValueError, "either size or scale_factor"),
        (lambda: nn.Upsample(2, mode="area"), ValueError, "mode must be .* got 'area'"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    requests = _core.memory_stats()["requests"]
    with pytest.raises(error, match=message):
        call()
    assert _core.memory_stats()["requests"] == requests


def test_a_factor_that_leaves_the_image_repeats_its_border() -> None:
    x = np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)
    for mode in ("nearest", "bilinear"):
        y = ops.resize2d(x, (1, 6), mode, scale_factor=(1.0, 1e-300))
        assert y.ravel()[1:].tolist() == [3] * 5
