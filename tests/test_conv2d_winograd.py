"""Deep convolutions are sums of 3x3 or 2x2 ones by Winograd's F(4x4, …): close to direct, not equal.

The kernels are winograd_forward.cpp, which makes gradients of the input too, and
winograd_grad_weight.cpp.
"""

from __future__ import annotations

import importlib
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import reference
from cases import Conv2dCase, answers, floats, relative_error
from convlet import _core, ops

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent

# Whole and cut tiles, few and many channels, borders of every width.
CASES = [
    Conv2dCase("whole_tiles", (2, 16, 18, 18), 16, (3, 3)),
    Conv2dCase("cut_tiles", (1, 17, 19, 21), 33, (3, 3), padding=(1, 1)),
    Conv2dCase("cut_both_ways", (5, 16, 13, 18), 20, (3, 3), padding=(0, 1)),
    Conv2dCase("wide_border", (1, 24, 14, 15), 18, (3, 3), padding=(3, 2)),
    Conv2dCase("small_images", (30, 20, 4, 4), 16, (3, 3), padding=(1, 1)),
    Conv2dCase("one_row_of_tiles", (1, 16, 4, 70), 16, (3, 3), padding=(1, 1)),
    Conv2dCase("many_channels", (1, 70, 16, 16), 16, (3, 3), padding=(1, 1)),
    Conv2dCase("many_outputs", (1, 16, 16, 16), 70, (3, 3), padding=(1, 1)),
    Conv2dCase("groups", (2, 34, 12, 12), 36, (3, 3), padding=(1, 1), groups=2),
    # Kernels in pieces: of 3 and 2 taps, 2 and 2, several of 3; short on one side or on both.
    Conv2dCase("5x5", (2, 18, 17, 22), 21, (5, 5), padding=(2, 2)),
    Conv2dCase("4x4", (2, 48, 13, 21), 40, (4, 4), padding=(1, 2)),
    Conv2dCase("7x7", (1, 19, 19, 16), 33, (7, 7), padding=(3, 3)),
    Conv2dCase("2x2", (2, 40, 21, 21), 48, (2, 2)),
    Conv2dCase("5x3", (1, 17, 17, 22), 21, (5, 3), padding=(2, 0)),
    Conv2dCase("2x7", (5, 33, 16, 18), 34, (2, 7), padding=(1, 3)),
    Conv2dCase("many_runs_of_channels", (2, 150, 17, 17), 20, (5, 5), padding=(2, 2)),
    Conv2dCase("dilation", (1, 17, 25, 23), 33, (3, 3), padding=(2, 2), dilation=(2, 2)),
    Conv2dCase("dilation_3_by_1", (1, 32, 35, 17), 18, (3, 3), padding=(3, 1), dilation=(3, 1)),
    Conv2dCase("dilation_of_uneven_phases", (2, 32, 29, 23), 32, (3, 3), (1, 1), (4, 3), (4, 3)),
    Conv2dCase("pieces_in_groups", (4, 36, 16, 16), 38, (5, 5), padding=(2, 2), groups=2),
]
# Whose gradients of the input have phases of a single tap, too few to gain.
STRIDED = [
    Conv2dCase("stride_2", (2, 65, 54, 55), 66, (3, 3), (2, 2), padding=(1, 1)),
    Conv2dCase("stride_2_of_5x5", (1, 33, 31, 34), 34, (5, 5), (2, 2), padding=(2, 2)),
    Conv2dCase("stride_2_by_1", (2, 48, 47, 24), 49, (3, 3), (2, 1), padding=(1, 1)),
    Conv2dCase("stride_3", (1, 48, 50, 47), 40, (6, 6), (3, 3), padding=(2, 1)),
    Conv2dCase("stride_2_dilation_3", (4, 80, 70, 68), 81, (3, 3), (2, 2), (3, 3), (3, 3)),
]
# Last tiles of 1, 2 and 3 outputs, which take as many points fewer, along each axis and both; by 6 points
# and by 5, whose gradient of the input has sides of other lengths.
BORDERS = [
    Conv2dCase(f"{k}x{k}_to_{h}x{w}", (4, 50, h + k - 1, w + k - 1), 44, (k, k))
    for k in (3, 4)
    for h, w in ((9, 9), (9, 10), (10, 11), (11, 9), (12, 10), (11, 12))
]
by_case = pytest.mark.parametrize("case", CASES + STRIDED + BORDERS, ids=str)
Arrays = tuple[np.ndarray, ...]


def float_arrays(case: Conv2dCase) -> Arrays:
    rng = np.random.default_rng(0)
    shapes = case.x, case.weight, (case.out_channels,), case.y
    return tuple(rng.standard_normal(shape).astype(np.float32) for shape in shapes)


def compute(case: Conv2dCase, arrays: Arrays, module: object = ops) -> dict[str, np.ndarray]:
    """Forward and both gradients, by convlet or by the plain loops."""
    x, weight, bias, dy = arrays
    conv2d: Callable[..., np.ndarray] = module.conv2d  # type: ignore[attr-defined]
    grad_input = module.conv2d_grad_input  # type: ignore[attr-defined]
    grad_weight = module.conv2d_grad_weight  # type: ignore[attr-defined]
    return {
        "y": conv2d(x, weight, bias, **case.geometry),
        "dx": grad_input(dy, weight, case.x, **case.geometry),
        "dw": grad_weight(dy, x, case.weight, **case.geometry),
    }


@by_case
def test_whole_numbers_are_close_to_integer_loops(isa: str, case: Conv2dCase) -> None:
    a = answers(case)
    got = compute(case, tuple(floats(array) for array in (a.x, a.weight, a.bias, a.dy)))
    for name, wanted in {"y": a.y, "dx": a.dx, "dw": a.dw}.items():
        assert relative_error(got[name], wanted) < 1e-5, name
        assert np.count_nonzero(wanted) > wanted.size / 2


@by_case
def test_float_error_is_near_the_promise(isa: str, case: Conv2dCase) -> None:
    arrays = float_arrays(case)
    wanted = compute(case, tuple(a.astype(np.float64) for a in arrays), reference)
    for name, got in compute(case, arrays).items():
        assert relative_error(got, wanted[name]) < (1.2e-5 if case in STRIDED else 1e-5), name


@by_case
def test_these_cases_do_take_winograd(isa: str, case: Conv2dCase) -> None:
    fast = compute(case, float_arrays(case))
    _core.use_exact_conv(True)
    try:
        direct = compute(case, float_arrays(case))
    finally:
        _core.use_exact_conv(False)
    equal = [name for name in fast if np.array_equal(fast[name], direct[name])]
    assert equal == []


@by_case
@pytest.mark.usefixtures("exact")
def test_exact_mode_equals_integer_loops(isa: str, case: Conv2dCase) -> None:
    a = answers(case)
    got = compute(case, tuple(floats(array) for array in (a.x, a.weight, a.bias, a.dy)))
    assert _core.exact_conv()
    assert np.array_equal(got["y"], a.y)
    assert np.array_equal(got["dx"], a.dx)
    assert np.array_equal(got["dw"], a.dw)


@by_case
def test_relu_in_the_epilogue_equals_relu_afterwards(isa: str, case: Conv2dCase) -> None:
    x, weight, bias, _ = float_arrays(case)
    g = case.geometry
    y = ops.conv2d(x, weight, bias, **g)
    fused = ops.conv2d(x, weight, bias, **g, activation="relu")
    assert np.array_equal(fused, reference.relu(y))
    assert (y < 0).any()


def test_parts_of_a_gradient_do_not_show_in_its_bits(
    isa: str, set_threads: Callable[[int], None], rng: np.random.Generator
) -> None:
    # The rows and columns that a task sums follow from the threads; shares of the tiles do not.
    for kernel, size in ((3, 37), (5, 70)):
        x = rng.standard_normal((2, 139, size, size), dtype=np.float32)
        dy = rng.standard_normal((2, 146, size, size), dtype=np.float32)
        results = []
        for threads in (1, 2, 5, 64):
            set_threads(threads)
            shape = (146, 139, kernel, kernel)
            results.append(ops.conv2d_grad_weight(dy, x, shape, padding=kernel // 2))
        assert all(np.array_equal(results[0], other) for other in results[1:])


def test_gradients_are_adjoint(isa: str) -> None:
    case = CASES[1]
    x, weight, bias, dy = float_arrays(case)
    got = compute(case, (x, weight, np.zeros_like(bias), dy))
    forward = np.vdot(dy.astype(np.float64), got["y"])
    scale = float(np.linalg.norm(dy) * np.linalg.norm(got["y"]))
    assert abs(forward - np.vdot(got["dx"].astype(np.float64), x)) < 1e-6 * scale
    assert abs(forward - np.vdot(got["dw"].astype(np.float64), weight)) < 1e-6 * scale


@pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="wants the repository")
@pytest.mark.parametrize(
    ("kernel", "channels", "size"),
    [
        *product([(3, 1, 1)], (16, 64, 256), (14, 56)),
        *product([(5, 1, 1), (7, 1, 1), (3, 2, 1), (3, 1, 2)], (64,), (32,)),
    ],
)
def test_errors_are_those_of_the_documents(
    isa: str, kernel: tuple[int, int, int], channels: int, size: int
) -> None:
    script = importlib.import_module("winograd_error")
    found = script.measure(script.Kernel(*kernel), channels, size)
    assert list(found) == ["forward", "gradient of input", "gradient of weight"]
    for by in found.values():
        (rms, most), (direct_rms, direct_most) = by["Winograd"], by["direct"]
        assert 1e-7 < direct_rms < 6e-7
        # With a stride the RMS is that of pixels with few taps as well.
        assert direct_most < (8e-6 if kernel[1] > 1 else 4e-6)
        assert 1.2 < rms / direct_rms < 7.5
        assert rms < 3e-6
        assert most < 1.5e-5
