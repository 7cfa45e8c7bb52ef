"""Depthwise convolution: every kernel that is unrolled, every border, every number of channels.

depthwise.cpp computes two rows of four pixels where taps allow it, depthwise_spread.cpp two rows of
pairs of pixels for gradients of stride 2, depthwise_grad_weight.cpp runs of rows; all treat the columns at the border apart and have a general path for all other shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

import reference
from cases import floats, whole_numbers
from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Depthwise:
    """One filter per channel."""

    channels: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    images: int = 2

    def __str__(self) -> str:
        return "-".join(
            f"{a}x{b}"
            for a, b in (self.size, self.kernel, self.stride, self.padding, self.dilation)
        )

    @property
    def x(self) -> tuple[int, int, int, int]:
        return self.images, self.channels, *self.size

    @property
    def weight(self) -> tuple[int, int, int, int]:
        return self.channels, 1, *self.kernel

    @property
    def y(self) -> tuple[int, int, int, int]:
        axes = zip(self.size, self.kernel, self.stride, self.padding, self.dilation, strict=True)
        out_h, out_w = (reference.out_size(*axis) for axis in axes)
        return self.images, self.channels, out_h, out_w

    @property
    def geometry(self) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int], int]:
        return self.stride, self.padding, self.dilation, self.channels

    def windows(self, padded: IntArray) -> list[tuple[int, int, IntArray]]:
        """What each tap (r, s) sees of the padded images, one pixel per output: views."""
        out_h, out_w = self.y[2:]
        found = []
        for r in range(self.kernel[0]):
            for s in range(self.kernel[1]):
                top, left = r * self.dilation[0], s * self.dilation[1]
                rows = slice(top, top + (out_h - 1) * self.stride[0] + 1, self.stride[0])
                columns = slice(left, left + (out_w - 1) * self.stride[1] + 1, self.stride[1])
                found.append((r, s, padded[:, :, rows, columns]))
        return found


@dataclass(frozen=True)
class Answers:
    """Whole numbers, and what int64 arrays make of them tap by tap."""

    x: IntArray
    weight: IntArray
    bias: IntArray
    dy: IntArray
    y: IntArray
    dx: IntArray
    dw: IntArray


@cache
def answers(case: Depthwise) -> Answers:
    x, weight = whole_numbers(case.x, 1), whole_numbers(case.weight, 2)
    bias, dy = whole_numbers((case.channels,), 3), whole_numbers(case.y, 4)
    y = np.zeros(case.y, np.int64) + bias[:, np.newaxis, np.newaxis]
    dw = np.zeros(case.weight, np.int64)
    for r, s, seen in case.windows(reference.pad(x, case.padding)):
        y += weight[:, 0, r, s, np.newaxis, np.newaxis] * seen
        dw[:, 0, r, s] = (seen * dy).sum((0, 2, 3))
    padded = reference.pad(np.zeros(case.x, np.int64), case.padding)
    for r, s, seen in case.windows(padded):
        np.add(seen, weight[:, 0, r, s, np.newaxis, np.newaxis] * dy, out=seen)
    dx = reference.crop(padded, case.padding, case.x)
    return Answers(x, weight, bias, dy, y, dx, dw)


def assert_equals_whole_numbers(case: Depthwise) -> None:
    a = answers(case)
    x, weight, dy = floats(a.x), floats(a.weight), floats(a.dy)
    assert np.array_equal(ops.conv2d(x, weight, floats(a.bias), *case.geometry), a.y)
    relu = ops.conv2d(x, weight, floats(a.bias), *case.geometry, activation="relu")
    assert np.array_equal(relu, reference.relu(a.y))
    assert np.array_equal(ops.conv2d_grad_input(dy, weight, case.x, *case.geometry), a.dx)
    assert np.array_equal(ops.conv2d_grad_weight(dy, x, case.weight, *case.geometry), a.dw)


KERNELS = [(1, 1), (1, 3), (3, 1), (2, 2), (3, 3), (5, 3), (3, 5), (5, 5), (4, 6), (7, 7)]
SHAPES = [
    Depthwise(37, size, kernel, stride, padding)
    for kernel in KERNELS
    for size in ((13, 14), (7, 7), (8, 19))
    for stride in ((1, 1), (2, 2))
    for padding in ((kernel[0] // 2, kernel[1] // 2), (0, 0))
]
ODD = [
    Depthwise(37, (1, 11), (3, 3), padding=(1, 1)),
    Depthwise(37, (11, 1), (5, 5), padding=(2, 2)),
    Depthwise(37, (1, 1), (3, 3), (2, 2), (1, 1)),
    Depthwise(37, (2, 3), (5, 5), (2, 2), (4, 4)),  # some windows see no pixel at all
    Depthwise(37, (9, 10), (3, 3), (2, 1), (1, 1)),
    Depthwise(37, (9, 10), (3, 3), (1, 2), (0, 1)),
    Depthwise(37, (10, 11), (5, 5), (2, 2), (1, 1)),
    Depthwise(37, (12, 13), (4, 3), (2, 2), (2, 1)),
    Depthwise(37, (13, 12), (1, 5), (2, 2), (0, 2)),
    Depthwise(37, (3, 600), (3, 3), (2, 2), (1, 1), images=1),
    Depthwise(37, (3, 601), (5, 5), (2, 2), (2, 2), images=1),
    Depthwise(37, (10, 12), (3, 3), (3, 3), (1, 1)),
    Depthwise(37, (10, 12), (5, 5), (3, 2), (2, 1)),
    Depthwise(37, (11, 12), (3, 3), (1, 1), (2, 2), (2, 2)),
    Depthwise(37, (11, 12), (3, 3), (1, 1), (1, 1), (2, 1)),
    Depthwise(37, (11, 12), (3, 3), (2, 1), (3, 2), (1, 3)),
    Depthwise(37, (3, 300), (3, 3), (1, 1), (1, 1), images=1),
    Depthwise(37, (300, 3), (5, 5), (1, 1), (2, 2), images=1),
    Depthwise(16, (5, 6), (3, 3), (1, 1), (1, 1), images=40),
]


@pytest.mark.parametrize("case", SHAPES + ODD, ids=str)
def test_all_passes_equal_whole_numbers(isa: str, case: Depthwise) -> None:
    assert_equals_whole_numbers(case)


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (2, 3)])
def test_any_number_of_channels(isa: str, kernel: int, stride: int) -> None:
    for channels in range(2, 71):
        pads = (kernel // 2, kernel // 2)
        assert_equals_whole_numbers(
            Depthwise(channels, (6, 9), (kernel, kernel), (stride, stride), pads, images=1)
        )


@pytest.mark.parametrize("channels", [7, 16, 37])
@pytest.mark.parametrize("kernel", [3, 5])
def test_a_transposed_convolution_adds_its_bias_to_every_pixel(
    isa: str, kernel: int, channels: int
) -> None:
    case = Depthwise(channels, (11, 14), (kernel, kernel), (2, 2), (kernel // 2, 1))
    a = answers(case)
    axes = zip(case.size, case.y[2:], case.padding, strict=True)
    extra = [size - ((out - 1) * 2 - 2 * padding + kernel) for size, out, padding in axes]
    y = ops.conv_transpose2d(
        floats(a.dy), floats(a.weight), floats(a.bias), 2, case.padding, extra, channels
    )
    assert np.array_equal(y, a.dx + a.bias[:, np.newaxis, np.newaxis])


# More than the caches hold: what the next rows need is fetched ahead.
LARGE = [
    Depthwise(20, (330, 331), (3, 3), padding=(1, 1), images=1),
    Depthwise(20, (421, 423), (3, 3), (2, 2), (1, 1), images=1),
    Depthwise(20, (421, 423), (5, 5), (2, 2), (2, 2), images=1),
]


@pytest.mark.parametrize("case", LARGE, ids=str)
def test_large_images_equal_whole_numbers(isa: str, case: Depthwise) -> None:
    assert_equals_whole_numbers(case)


@pytest.mark.parametrize(
    "case",
    [
        Depthwise(96, (40, 41), (3, 3), padding=(1, 1)),
        Depthwise(96, (41, 40), (3, 3), (2, 2), (1, 1)),
        Depthwise(40, (40, 41), (5, 5), padding=(2, 2), images=4),
        Depthwise(200, (30, 3), (7, 7), padding=(3, 3)),
        Depthwise(2000, (1, 9), (3, 3), padding=(1, 1), images=1),
    ],
    ids=str,
)
def test_any_number_of_threads_gives_the_same_bits(
    isa: str, case: Depthwise, rng: np.random.Generator, set_threads: Callable[[int], None]
) -> None:
    x, weight, dy = (
        rng.standard_normal(shape).astype(np.float32) for shape in (case.x, case.weight, case.y)
    )
    results = []
    for count in (1, 2, 5):
        set_threads(count)
        passes = (
            ops.conv2d(x, weight, None, *case.geometry),
            ops.conv2d_grad_input(dy, weight, case.x, *case.geometry),
            ops.conv2d_grad_weight(dy, x, case.weight, *case.geometry),
        )
        results.append([array.tobytes() for array in passes])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_what_is_not_finite_at_the_border_reaches_the_taps_outside(isa: str, kernel: int) -> None:
    # Infinity times a zero of the padding is NaN, as in NumPy.
    case = Depthwise(19, (6, 9), (kernel, kernel), padding=(2, 2), images=1)
    x, dy = floats(whole_numbers(case.x, 1)), floats(whole_numbers(case.y, 2))
    dy[0, 3, 0, 4] = dy[0, 17, 3, 0] = np.inf
    wanted = np.zeros(case.weight)
    with np.errstate(invalid="ignore"):
        for r, s, seen in case.windows(reference.pad(x, case.padding)):
            wanted[:, 0, r, s] = (seen * dy).sum((0, 2, 3))
    dw = ops.conv2d_grad_weight(dy, x, case.weight, *case.geometry)
    np.testing.assert_array_equal(dw, wanted)
    assert np.isnan(dw[3]).any()
    assert np.isnan(dw[17]).any()
    assert np.isfinite(np.delete(dw, (3, 17), axis=0)).all()


def test_no_images_give_zero_gradients(isa: str) -> None:
    case = Depthwise(20, (6, 6), (3, 3), padding=(1, 1), images=0)
    y = ops.conv2d(
        np.zeros(case.x, np.float32), np.ones(case.weight, np.float32), None, 1, 1, 1, 20
    )
    assert y.shape == case.y
    assert not ops.conv2d_grad_weight(
        y, np.zeros(case.x, np.float32), case.weight, 1, 1, 1, 20
    ).any()
