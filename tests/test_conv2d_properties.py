"""Convolutions of shapes that nobody thought of, and identities that hold for all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import reference
from cases import Conv2dCase, floats, whole_numbers
from convlet import ops

pytestmark = pytest.mark.usefixtures("exact")


@st.composite
def conv2d_cases(draw: st.DrawFn) -> Conv2dCase:
    def pairs(least: int, most: int) -> tuple[int, int]:
        return draw(st.tuples(st.integers(least, most), st.integers(least, most)))

    groups = draw(st.integers(1, 3))
    channels = groups * draw(st.sampled_from([1, 2, 3, 5, 9]))
    outs = groups * draw(st.sampled_from([1, 2, 4, 7, 17]))
    height, width = pairs(1, 9)
    case = Conv2dCase(
        "drawn",
        (draw(st.integers(1, 3)), channels, height, width),
        outs,
        kernel=pairs(1, 4),
        stride=pairs(1, 4),
        padding=pairs(0, 4),
        dilation=pairs(1, 3),
        groups=groups,
    )
    assume(case.y[2] > 0 and case.y[3] > 0)
    return case


@given(conv2d_cases())
def test_forward_and_gradients_equal_integer_loops(case: Conv2dCase) -> None:
    x, weight = whole_numbers(case.x, 1), whole_numbers(case.weight, 2)
    dy = whole_numbers(case.y, 3)
    g = case.geometry
    y = ops.conv2d(floats(x), floats(weight), **g)
    assert np.array_equal(y, reference.conv2d(x, weight, **g))
    dx = ops.conv2d_grad_input(floats(dy), floats(weight), case.x, **g)
    assert np.array_equal(dx, reference.conv2d_grad_input(dy, weight, case.x, **g))
    dw = ops.conv2d_grad_weight(floats(dy), floats(x), case.weight, **g)
    assert np.array_equal(dw, reference.conv2d_grad_weight(dy, x, case.weight, **g))


@given(conv2d_cases())
def test_each_image_is_computed_alone(case: Conv2dCase) -> None:
    x, weight = floats(whole_numbers(case.x, 1)), floats(whole_numbers(case.weight, 2))
    y = ops.conv2d(x, weight, **case.geometry)
    for n in range(case.x[0]):
        assert np.array_equal(y[n : n + 1], ops.conv2d(x[n : n + 1], weight, **case.geometry))


@given(conv2d_cases())
def test_groups_are_separate_convolutions(case: Conv2dCase) -> None:
    x, weight = floats(whole_numbers(case.x, 1)), floats(whole_numbers(case.weight, 2))
    g = case.geometry
    alone = {**g, "groups": 1}
    parts = [
        ops.conv2d(part, kernels, **alone)  # type: ignore[arg-type]
        for part, kernels in zip(
            np.split(x, case.groups, axis=1), np.split(weight, case.groups), strict=True
        )
    ]
    assert np.array_equal(ops.conv2d(x, weight, **g), np.concatenate(parts, axis=1))


@given(conv2d_cases())
def test_a_stride_skips_pixels_of_the_dense_output(case: Conv2dCase) -> None:
    x, weight = floats(whole_numbers(case.x, 1)), floats(whole_numbers(case.weight, 2))
    g = case.geometry
    dense = ops.conv2d(x, weight, None, 1, g["padding"], g["dilation"], g["groups"])
    skipped = dense[:, :, :: case.stride[0], :: case.stride[1]]
    assert np.array_equal(ops.conv2d(x, weight, **g), skipped)


@given(conv2d_cases())
def test_dilation_is_a_kernel_with_zeros_between_its_taps(case: Conv2dCase) -> None:
    x, weight = floats(whole_numbers(case.x, 1)), floats(whole_numbers(case.weight, 2))
    g = case.geometry
    spans = [d * (k - 1) + 1 for d, k in zip(case.dilation, case.kernel, strict=True)]
    stuffed = np.zeros((*weight.shape[:2], *spans), np.float32)
    stuffed[:, :, :: case.dilation[0], :: case.dilation[1]] = weight
    y = ops.conv2d(x, stuffed, None, g["stride"], g["padding"], 1, g["groups"])
    assert np.array_equal(ops.conv2d(x, weight, **g), y)


@given(conv2d_cases())
def test_padding_is_an_image_with_zeros_around_it(case: Conv2dCase) -> None:
    x, weight = floats(whole_numbers(case.x, 1)), floats(whole_numbers(case.weight, 2))
    g = case.geometry
    y = ops.conv2d(reference.pad(x, case.padding), weight, None, g["stride"], 0, g["dilation"],
                   g["groups"])  # fmt: skip
    assert np.array_equal(ops.conv2d(x, weight, **g), y)
