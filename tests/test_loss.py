"""Softmax cross-entropy and its gradient."""

from __future__ import annotations

import ctypes
import math
import subprocess
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_loss
from convlet import _core, ops
from toolchain import COMPILER, KERNELS, ROOT, flags_of, tools_missing

if TYPE_CHECKING:
    from pathlib import Path

NAN, INF = float("nan"), float("inf")
MAX_LOSS_ERROR = 3e-7  # of the loss plus 1

# Rows and classes: on both sides of a block of 16, of the 64 that several lanes sum, of a task.
SIZES = [
    (1, 1),
    (3, 2),
    (7, 10),
    (5, 16),
    (4, 17),
    (3, 63),
    (3, 64),
    (2, 100),
    (2, 1000),
    (900, 19),
]
by_size = pytest.mark.parametrize("size", SIZES, ids=str)


def problem(size: tuple[int, int], spread: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(size[1])
    logits = (spread * rng.standard_normal(size)).astype(np.float32)
    return logits, rng.integers(0, size[1], size[0])


@by_size
@pytest.mark.parametrize("spread", [0.1, 3.0, 40.0])
def test_losses_and_probabilities_are_those_of_float64(
    isa: str, size: tuple[int, int], spread: float
) -> None:
    logits, labels = problem(size, spread)
    losses, probabilities = ops.softmax_cross_entropy(logits, labels)
    wanted, shares = reference_loss.softmax_cross_entropy(logits, labels)
    assert losses.dtype == probabilities.dtype == np.float32
    np.testing.assert_allclose(losses, wanted, rtol=MAX_LOSS_ERROR, atol=MAX_LOSS_ERROR)
    # exp(x - most) is as exact as that difference in float32, and the sum of the classes, where no
    # lanes share it, as a walk of that many roundings; denormal shares count as 0.
    rtol = 1e-6 + 3e-7 * spread + 6e-8 * size[1] ** 0.5
    np.testing.assert_allclose(probabilities, shares, rtol=rtol, atol=2e-38)
    np.testing.assert_allclose(probabilities.sum(1, dtype=np.float64), 1, rtol=1e-6)


@by_size
def test_the_gradient_is_that_of_float64(isa: str, size: tuple[int, int]) -> None:
    logits, labels = problem(size)
    _, probabilities = ops.softmax_cross_entropy(logits, labels)
    dlosses = np.random.default_rng(1).standard_normal(size[0]).astype(np.float32)
    dlogits = ops.softmax_cross_entropy_grad(probabilities, labels, dlosses)
    wanted = reference_loss.softmax_cross_entropy_grad(probabilities, labels, dlosses)
    np.testing.assert_allclose(dlogits, wanted, rtol=1e-6, atol=1e-7)


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    logits, labels = problem((4, 6), 1.0)
    _, shares = reference_loss.softmax_cross_entropy(logits, labels)
    dlosses = np.array([1.0, -2.0, 0.5, 3.0])
    wide, step = logits.astype(np.float64), 1e-6
    slope = np.empty_like(wide)
    for place in np.ndindex(wide.shape):
        sums = []
        for sign in (1, -1):
            moved = wide.copy()
            moved[place] += sign * step
            rows = np.log(np.exp(moved).sum(1)) - moved[np.arange(4), labels]
            sums.append((rows * dlosses).sum())
        slope[place] = (sums[0] - sums[1]) / (2 * step)
    dlogits = ops.softmax_cross_entropy_grad(
        shares.astype(np.float32), labels, dlosses.astype(np.float32)
    )
    np.testing.assert_allclose(dlogits, slope, rtol=1e-5, atol=1e-6)


@given(st.integers(1, 40), st.integers(1, 80), st.floats(-(2.0**99), 2.0**99, width=32))
def test_a_shift_of_all_logits_changes_little(rows: int, classes: int, shift: float) -> None:
    logits, labels = problem((rows, classes))
    moved = logits + np.float32(shift)
    losses, _ = ops.softmax_cross_entropy(moved, labels)
    wanted, _ = reference_loss.softmax_cross_entropy(moved, labels)
    assert np.isfinite(losses).all()
    np.testing.assert_allclose(losses, wanted, rtol=1e-6, atol=1e-6)


def test_logits_far_apart_neither_overflow_nor_underflow_to_nan(isa: str) -> None:
    logits = np.array([[3e38, -3e38], [-3e38, 3e38], [1e4, 0.0], [0.0, -104.0]], np.float32)
    losses, probabilities = ops.softmax_cross_entropy(logits, np.array([0, 0, 1, 1]))
    np.testing.assert_array_equal(losses, np.array([0, INF, 1e4, 104], np.float32))
    np.testing.assert_array_equal(probabilities, [[1, 0], [0, 1], [1, 0], [1, 0]])


@pytest.mark.parametrize("classes", [2, 10, 16, 70])
@pytest.mark.parametrize("at", [0, 1, -1])
def test_special_logits_pass_as_in_torch(isa: str, classes: int, at: int) -> None:
    logits, labels = problem((6, classes))
    logits[0, at], logits[1, at], logits[2, at] = NAN, INF, -INF
    logits[3] = -INF
    logits[4] = INF
    losses, probabilities = ops.softmax_cross_entropy(logits, labels)
    assert np.isnan(losses[[0, 1, 3, 4]]).all()
    assert np.isnan(probabilities[[0, 3, 4]]).all()
    assert probabilities[2, at] == 0
    assert np.isfinite(losses[5])
    torch = pytest.importorskip("torch", exc_type=ImportError)
    theirs = torch.nn.functional.cross_entropy(
        torch.from_numpy(logits), torch.from_numpy(labels), reduction="none"
    )
    np.testing.assert_allclose(losses, theirs.numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("classes", [1, 2, 5, 64, 65])
def test_rows_in_lanes_give_what_each_gives_alone(isa: str, classes: int) -> None:
    logits, labels = problem((7, classes))
    logits[0, 0], logits[1, -1], logits[2, 0] = NAN, INF, -INF
    logits[3] = -INF
    logits[4] = [3e38 * (-1) ** k for k in range(classes)]
    alone = ops.softmax_cross_entropy(logits, labels)
    together = ops.softmax_cross_entropy(np.tile(logits, (5, 1)), np.tile(labels, 5))
    for many, few in zip(together, alone, strict=True):
        wanted = np.tile(few, (5, *[1] * (few.ndim - 1)))
        np.testing.assert_allclose(many, wanted, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", ">u8"])
def test_labels_of_any_integer_dtype_and_layout(dtype: str) -> None:
    logits, labels = problem((9, 5))
    wanted = ops.softmax_cross_entropy(logits, labels)
    given_labels = labels.astype(dtype)
    for layout in (given_labels, given_labels[::-1].copy()[::-1], np.repeat(given_labels, 2)[::2]):
        for results in (
            ops.softmax_cross_entropy(logits, layout),
            _core.softmax_cross_entropy_forward(logits, layout),
        ):
            assert all(np.array_equal(a, b) for a, b in zip(results, wanted, strict=True))


def test_no_rows_give_no_losses(isa: str) -> None:
    labels = np.zeros(0, np.int64)
    losses, probabilities = ops.softmax_cross_entropy(np.zeros((0, 3), np.float32), labels)
    assert losses.shape == (0,)
    assert probabilities.shape == (0, 3)
    assert ops.softmax_cross_entropy_grad(probabilities, labels, losses).shape == (0, 3)


@pytest.mark.parametrize("value", [-1, 5, 2**31, -(2**63), 2**63 - 1])
def test_a_label_outside_the_classes_is_refused_by_name(value: int) -> None:
    logits, labels = problem((9, 5))
    _, probabilities = ops.softmax_cross_entropy(logits, labels)
    labels[6] = value
    message = rf"labels must be in \[0, 5\), got {value} at index 6"
    with pytest.raises(ValueError, match=message):
        ops.softmax_cross_entropy(logits, labels)
    with pytest.raises(ValueError, match=message):
        ops.softmax_cross_entropy_grad(probabilities, labels, logits[:, 0])


def test_an_unsigned_label_beyond_int64_is_refused() -> None:
    labels = np.full(2, 2**64 - 1, np.uint64)
    for call in (ops.softmax_cross_entropy, _core.softmax_cross_entropy_forward):
        with pytest.raises(ValueError, match="labels must"):
            call(np.zeros((2, 3), np.float32), labels)


FLOATS, LABELS = np.zeros((4, 3), np.float32), np.zeros(4, np.int64)


@pytest.mark.parametrize(
    ("logits", "labels", "error", "message"),
    [
        (FLOATS[0], LABELS, ValueError, "logits must have 2 dimensions"),
        (FLOATS, LABELS[:3], ValueError, "labels must have 4 elements, got 3"),
        (FLOATS, LABELS.reshape(2, 2), ValueError, "labels must have 1 dimensions"),
        (FLOATS[:, :0], LABELS, ValueError, "logits must have at least 1 class"),
        (FLOATS.astype("f8"), LABELS, TypeError, "logits must be float32, got float64"),
        (FLOATS, LABELS.astype("f4"), TypeError, "labels must be"),
        (FLOATS, LABELS.astype("?"), TypeError, "labels must be"),
        (FLOATS, LABELS.astype("O"), TypeError, "labels must be"),
    ],
)
def test_what_does_not_fit_is_refused(
    logits: Any, labels: Any, error: type[Exception], message: str
) -> None:
    for call in (ops.softmax_cross_entropy, _core.softmax_cross_entropy_forward):
        with pytest.raises(error, match=message):
            call(logits, labels)


def test_labels_are_counted_before_they_are_converted() -> None:
    endless = np.broadcast_to(np.int32(0), 2**46)
    with pytest.raises(ValueError, match=f"labels must have 4 elements, got {2**46}"):
        ops.softmax_cross_entropy(FLOATS, endless)


def test_loss_gradients_of_another_size_are_refused() -> None:
    for dlosses in (np.zeros(3, np.float32), np.zeros((4, 1), np.float32)):
        with pytest.raises(ValueError, match="dlosses must have"):
            ops.softmax_cross_entropy_grad(FLOATS, LABELS, dlosses)
    with pytest.raises(ValueError, match="probabilities must have at least 1 class"):
        ops.softmax_cross_entropy_grad(FLOATS[:, :0], LABELS, FLOATS[:, 0])


EXPONENTIAL = """
#include "exponential.hpp"
namespace convlet::CONVLET_ISA {
extern "C" void exponentials(const float* x, float* y, long count) {
#pragma omp simd
    for (long i = 0; i < count; ++i) y[i] = exponential(x[i]);
}
}
"""


@pytest.mark.skipif(tools_missing(), reason="wants the sources and a compiler")
def test_the_exponential_is_as_exact_as_it_says(isa: str, tmp_path: Path) -> None:
    source, library = tmp_path / "exponential.cpp", tmp_path / "exponential.so"
    source.write_text(EXPONENTIAL)
    subprocess.run(
        [
            *(str(COMPILER), "-shared", "-fPIC", "-std=c++20", str(source), "-o", str(library)),
            *(f"-I{KERNELS}", f"-I{ROOT / 'csrc'}"),
            *(f"-DCONVLET_ISA={isa}", f"-DCONVLET_ISA_{isa}", *flags_of(isa)),
        ],
        check=True,
    )
    compiled = ctypes.CDLL(str(library))

    def exponential(x: np.ndarray) -> np.ndarray:
        y = np.empty_like(x)
        pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (x, y))
        compiled.exponentials(*pointers, ctypes.c_long(x.size))
        return y

    x = np.linspace(-87.3, 88.72, 4_000_001, dtype=np.float32)
    wanted = np.exp(x.astype(np.float64))
    assert np.abs(exponential(x) / wanted - 1).max() < 2e-7
    assert exponential(np.zeros(1, np.float32))[0] == 1
    ends = np.array([-INF, -1e30, -88.0, 88.8, 1e30, INF, NAN], np.float32)
    np.testing.assert_array_equal(exponential(ends), [0, 0, 0, INF, INF, INF, NAN])


def test_the_loss_of_equal_logits_is_the_logarithm_of_their_number(isa: str) -> None:
    for classes in (1, 2, 10, 1000):
        losses, _ = ops.softmax_cross_entropy(
            np.full((1, classes), 7.0, np.float32), np.array([classes - 1])
        )
        assert losses[0] == pytest.approx(math.log(classes), rel=1e-6)
