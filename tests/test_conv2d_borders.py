"""Padding of its own on each side: as if the zeros were part of the image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference
from cases import floats, relative_error
from convlet import Tensor, ops, use_exact_conv
from convlet.nn import functional as F

# (images, channels, height, width), (outputs, channels of a group, taps), padding, the rest.
# By the rule of docs/kernels.md: 1x1, direct, few inputs, few outputs, depthwise, Winograd, groups.
CASES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 5, 6, 7), (6, 5, 1, 1), (0, 0, 1, 2), {}),
    ((2, 3, 9, 8), (17, 3, 3, 3), (0, 0, 1, 1), {"stride": 2}),
    ((1, 1, 5, 6), (4, 1, 5, 3), (3, 0, 1, 2), {}),
    ((2, 4, 9, 13), (3, 4, 3, 3), (2, 1, 0, 3), {}),
    ((1, 1, 1, 1), (1, 1, 3, 2), (0, 1, 2, 0), {}),
    ((2, 48, 9, 8), (48, 1, 3, 3), (0, 0, 1, 1), {"stride": 2, "groups": 48}),
    ((1, 33, 11, 10), (33, 1, 5, 5), (1, 1, 2, 2), {"stride": 2, "groups": 33}),
    ((2, 20, 7, 9), (20, 1, 3, 3), (2, 0, 0, 1), {"groups": 20}),
    ((2, 20, 15, 14), (24, 20, 3, 3), (0, 2, 1, 0), {}),
    ((3, 32, 14, 15), (40, 32, 3, 3), (0, 0, 1, 1), {"stride": 2}),
    ((2, 16, 13, 11), (16, 16, 2, 2), (0, 0, 1, 1), {}),
    ((1, 6, 8, 8), (8, 3, 3, 3), (4, 0, 0, 0), {"groups": 2, "dilation": 2}),
    ((1, 2, 4, 5), (3, 2, 2, 2), (0, 3, 5, 0), {"stride": (3, 2)}),
]
by_case = pytest.mark.parametrize(("x_shape", "w_shape", "padding", "more"), CASES)


def answers(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], padding: tuple[int, ...], more: Any
) -> dict[str, np.ndarray]:
    """Integers, and what loops make of them on an image that has its border already."""
    rng = np.random.default_rng(7)
    top, left, bottom, right = padding
    x, w = rng.integers(-4, 5, x_shape), rng.integers(-4, 5, w_shape)
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
    names = ("stride", "dilation")
    pairs = {k: v if isinstance(v, tuple) else (v, v) for k, v in more.items() if k in names}
    geometry = {**more, **pairs}
    y = reference.conv2d(padded, w, **geometry)
    dy = rng.integers(-4, 5, y.shape)
    dx = reference.conv2d_grad_input(dy, w, padded.shape, **geometry)
    dw = reference.conv2d_grad_weight(dy, padded, w.shape, **geometry)
    inside = dx[:, :, top : top + x_shape[2], left : left + x_shape[3]]
    return {"x": x, "w": w, "y": y, "dy": dy, "dx": inside, "dw": dw}


@by_case
@pytest.mark.parametrize("exact", [True, False])
def test_zeros_of_each_side_are_as_those_of_the_image(
    isa: str, exact: bool, x_shape: Any, w_shape: Any, padding: Any, more: Any
) -> None:
    a = answers(x_shape, w_shape, padding, more)
    x, w, dy = floats(a["x"]), floats(a["w"]), floats(a["dy"])
    with use_exact_conv(exact):
        got = {
            "y": ops.conv2d(x, w, None, padding=padding, **more),
            "dx": ops.conv2d_grad_input(dy, w, x.shape, padding=padding, **more),
            "dw": ops.conv2d_grad_weight(dy, x, w.shape, padding=padding, **more),
        }
    for name, array in got.items():
        assert array.shape == a[name].shape
        if exact:
            assert np.array_equal(array, a[name])
        else:
            assert relative_error(array, a[name]) < 1e-5


@by_case
def test_moments_are_those_of_the_output(
    x_shape: Any, w_shape: Any, padding: Any, more: Any
) -> None:
    a = answers(x_shape, w_shape, padding, more)
    y, mean, variance = ops.conv2d_moments(floats(a["x"]), floats(a["w"]), padding=padding, **more)
    assert np.array_equal(y, ops.conv2d(floats(a["x"]), floats(a["w"]), padding=padding, **more))
    wide = y.astype(np.float64)
    middle, spread = wide.mean((0, 2, 3)), wide.var((0, 2, 3))
    allowed = 2e-6 * np.sqrt(spread) + 1e-6 * np.abs(middle)  # as in test_conv2d_moments.py
    assert (np.abs(mean - middle) <= allowed).all()
    np.testing.assert_allclose(variance, spread, rtol=1e-5)


@by_case
def test_gradients_on_the_tape(x_shape: Any, w_shape: Any, padding: Any, more: Any) -> None:
    a = answers(x_shape, w_shape, padding, more)
    x, w = Tensor(floats(a["x"]), requires_grad=True), Tensor(floats(a["w"]), requires_grad=True)
    with use_exact_conv(True):
        F.conv2d(x, w, padding=padding, **more).backward(floats(a["dy"]))
    assert x.grad is not None
    assert w.grad is not None
    assert np.array_equal(x.grad, a["dx"])
    assert np.array_equal(w.grad, a["dw"])


def test_two_equal_sides_are_a_pair(rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 3, 9, 8)).astype(np.float32)
    w = rng.standard_normal((4, 3, 3, 3)).astype(np.float32)
    assert np.array_equal(ops.conv2d(x, w, padding=(2, 1, 2, 1)), ops.conv2d(x, w, padding=(2, 1)))


@pytest.mark.parametrize(
    ("padding", "message"),
    [
        ((0, 0, -1, 0), r"conv2d: padding must be at least 0, got \(-1, 0\)"),
        ((0, 0, 0, 2**31 + 1), r"conv2d: padding must be at most 2\^31"),
        ((1, 2, 3), "conv2d: padding must be an int or a pair, got 3 values"),
        ((0, 0, 2**64, 0), "conv2d: padding must fit in 64 bits"),
    ],
)
def test_what_is_no_padding_is_refused(padding: Any, message: str) -> None:
    image = np.ones((1, 1, 3, 3), np.float32)
    with pytest.raises(ValueError, match=message):
        ops.conv2d(image, image, padding=padding)


def test_a_side_of_another_type_is_refused() -> None:
    image = np.ones((1, 1, 3, 3), np.float32)
    with pytest.raises(TypeError, match=r"conv2d: padding must be an int, got .*1\.5"):
        ops.conv2d(image, image, padding=(0, 0, 1.5, 0))  # type: ignore[arg-type]
