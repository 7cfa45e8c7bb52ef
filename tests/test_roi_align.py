"""Regions (csrc/kernels/roi_align.cpp) are averages of bilinear values; the gradient is the adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference_boxes as reference
from convlet import Tensor, ops, vision

ANY: Any = ops

ROIS = np.array(
    [
        *([0, 0, 0, 7, 6], [1, 1.5, 2.25, 4.75, 5.5], [1, -3, -2, 3, 3], [0, 5, 5, 30, 20]),
        *([0, 2, 2, 2, 2], [1, 4, 4, 1, 1], [1, 50, 50, 60, 60]),  # none, inside out, outside
    ],
    np.float32,
)
RULES = [(1.0, 2, False), (0.5, -1, False), (1.0, 3, True), (2.0, 0, True)]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("channels", [1, 3, 17, 70])
@pytest.mark.parametrize("out", [(1, 1), (2, 3)], ids=str)
def test_values_and_the_adjoint(isa: str, rule: Any, channels: int, out: tuple[int, int]) -> None:
    rng = np.random.default_rng(channels)
    x = 1 + rng.standard_normal((2, channels, 7, 9)).astype(np.float32)
    y = ops.roi_align(x, ROIS, out, *rule)
    wanted = reference.roi_align(x.astype(np.float64), ROIS, out, *rule)
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-4)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    dx = ops.roi_align_grad(dy, ROIS, x.shape, *rule)
    forward = np.vdot(dy.astype(np.float64), y.astype(np.float64))
    backward = np.vdot(dx.astype(np.float64), x.astype(np.float64))
    assert forward == pytest.approx(backward, rel=1e-4, abs=1e-3)


def test_bits_do_not_depend_on_threads(set_threads: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 130, 40, 40)).astype(np.float32)
    rois = rng.uniform(0, 20, (60, 5)).astype(np.float32)
    rois[:, 0] = rng.integers(0, 2, 60)
    rois[:, 3:] += rois[:, 1:3]
    results = []
    for threads in (1, 2, 3):
        set_threads(threads)
        y = ops.roi_align(x, rois, 7)
        results.append((y, ops.roi_align_grad(y, rois, x.shape)))
    for y, dx in results[1:]:
        assert y.tobytes() == results[0][0].tobytes()
        assert dx.tobytes() == results[0][1].tobytes()


def test_tensors_have_gradients_and_lists_of_boxes() -> None:
    x = Tensor(np.arange(32, dtype=np.float32).reshape(2, 1, 4, 4), requires_grad=True)
    y = vision.roi_align(x, [[[0, 0, 4, 4]], []], 2, aligned=True)
    assert y.shape == (1, 1, 2, 2)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.data[0].sum() == pytest.approx(4)
    assert (x.grad.data[1] == 0).all()
    assert vision.roi_align(x, np.zeros((0, 5), np.float32), 2).shape == (0, 1, 2, 2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"boxes": ROIS.astype(float)}, TypeError, "boxes must be float32"),
        ({"boxes": ROIS[:, :4]}, ValueError, "boxes .*5"),
        (
            {"boxes": np.array([[2, 0, 0, 1, 1]], np.float32)},
            ValueError,
            r"image in \[0, 2\), got 2 in row 0",
        ),
        ({"boxes": np.array([[0.5, 0, 0, 1, 1]], np.float32)}, ValueError, "got 0.5"),
        ({"boxes": np.array([[np.nan, 0, 0, 1, 1]], np.float32)}, ValueError, "got nan"),
        (
            {"boxes": np.array([[0, 0, 0, np.inf, 1]], np.float32)},
            ValueError,
            "2.20 pixels, got inf",
        ),
        ({"boxes": np.array([[0, 0, 0, 1e30, 1]], np.float32)}, ValueError, "2.20 pixels"),
        ({"output_size": 0}, ValueError, "output_size must be at least 1"),
        ({"output_size": 2.5}, TypeError, "output_size"),
        ({"output_size": 2**40}, ValueError, "elements|large|bytes"),
        ({"spatial_scale": 0.0}, ValueError, "spatial_scale must be a positive number"),
        ({"spatial_scale": np.nan}, ValueError, "spatial_scale"),
        ({"sampling_ratio": 2**31}, ValueError, "sampling_ratio must be at most"),
        ({"aligned": 1}, TypeError, "aligned must be a bool"),
        ({"x": np.zeros((2, 3, 0, 4), np.float32)}, ValueError, "at least 1 pixel"),
        ({"x": np.zeros((2, 3, 4), np.float32)}, ValueError, "4 dimensions"),
    ],
)
def test_wrong_arguments_are_named(change: Any, error: type[Exception], message: str) -> None:
    arguments = {"x": np.zeros((2, 3, 4, 4), np.float32), "boxes": ROIS, "output_size": 2}
    with pytest.raises(error, match=message):
        ANY.roi_align(**(arguments | change))


def test_a_gradient_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="roi_align_grad: dy must have shape"):
        ops.roi_align_grad(np.zeros((2, 3, 2, 2), np.float32), ROIS, (2, 3, 7, 9))
