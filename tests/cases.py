"""The convolutions that hurt: odd sizes, asymmetric everything, one of each special path."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

import reference

if TYPE_CHECKING:
    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]
    FloatArray = npt.NDArray[np.float32]
    Shape4 = tuple[int, int, int, int]


class Geometry(TypedDict):
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int


@dataclass(frozen=True)
class Conv2dCase:
    """One convolution by its shapes; `name` is what the test report shows."""

    name: str
    x: Shape4
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __str__(self) -> str:
        return self.name

    @property
    def geometry(self) -> Geometry:
        return Geometry(
            stride=self.stride, padding=self.padding, dilation=self.dilation, groups=self.groups
        )

    @property
    def weight(self) -> Shape4:
        return self.out_channels, self.x[1] // self.groups, *self.kernel

    @property
    def y(self) -> Shape4:
        axes = zip(self.x[2:], self.kernel, self.stride, self.padding, self.dilation, strict=True)
        out_h, out_w = (reference.out_size(*axis) for axis in axes)
        return self.x[0], self.out_channels, out_h, out_w


@dataclass(frozen=True)
class Conv2dAnswers:
    """Whole-number arrays of a case, and what int64 loops make of them."""

    x: IntArray
    weight: IntArray
    bias: IntArray
    dy: IntArray
    y: IntArray
    dx: IntArray
    dw: IntArray


def whole_numbers(shape: tuple[int, ...], seed: int, largest: int = 4) -> IntArray:
    """Numbers from -largest to largest, none of them 0: their products are never 0 either."""
    rng = np.random.default_rng(seed)
    signs: IntArray = rng.choice([-1, 1], shape)
    return signs * rng.integers(1, largest + 1, shape)


@cache
def answers(case: Conv2dCase) -> Conv2dAnswers:
    """Computed once, compared under every instruction set."""
    x, weight = whole_numbers(case.x, 1), whole_numbers(case.weight, 2)
    bias, dy = whole_numbers((case.out_channels,), 3), whole_numbers(case.y, 4)
    return Conv2dAnswers(
        x=x,
        weight=weight,
        bias=bias,
        dy=dy,
        y=reference.conv2d(x, weight, bias, **case.geometry),
        dx=reference.conv2d_grad_input(dy, weight, case.x, **case.geometry),
        dw=reference.conv2d_grad_weight(dy, x, case.weight, **case.geometry),
    )


def floats(array: npt.NDArray[Any]) -> FloatArray:
    return array.astype(np.float32)


def relative_error(got: npt.NDArray[Any], wanted: npt.NDArray[Any]) -> float:
    """The largest error in units of the answer's root mean square."""
    return float(np.abs(got - wanted).max() / np.sqrt(np.mean(np.square(wanted))))


CONV2D_CASES = [
    # Gradients of few channels whose phases are paired: of 3 and 4 taps, of 2 and 1, of 1 and 1; and
    # some that only look like it.
    Conv2dCase("pairs_of_phases", (2, 3, 20, 36), 19, (7, 7), (2, 2), (3, 3)),
    Conv2dCase("pairs_of_2_and_1", (1, 3, 17, 70), 5, (3, 3), (3, 2), (1, 1)),
    Conv2dCase("pairs_of_1_and_1", (1, 4, 9, 34), 3, (4, 2), (2, 2)),
    Conv2dCase("no_pairs_of_odd_rows", (1, 3, 16, 35), 4, (5, 5), (2, 2), (2, 2)),
    Conv2dCase("no_pairs_with_a_gap", (1, 2, 16, 36), 4, (3, 3), (2, 2), (1, 1), (2, 3)),
    Conv2dCase("one_pixel", (1, 1, 1, 1), 1, (1, 1)),
    Conv2dCase("one_pixel_many_channels", (3, 17, 1, 1), 33, (1, 1)),
    Conv2dCase("one_pixel_padded", (2, 3, 1, 1), 5, (3, 3), padding=(1, 1)),
    Conv2dCase("only_padding_around", (1, 2, 1, 2), 3, (2, 3), padding=(3, 2)),
    Conv2dCase("pointwise", (2, 20, 7, 9), 19, (1, 1)),
    Conv2dCase("pointwise_strided", (2, 5, 8, 7), 18, (1, 1), stride=(3, 2)),
    Conv2dCase("pointwise_wide", (2, 530, 5, 7), 53, (1, 1), stride=(1, 2)),
    Conv2dCase("pointwise_padded", (2, 3, 4, 5), 6, (1, 1), padding=(2, 1)),
    Conv2dCase(
        "few_wide", (2, 2, 7, 41), 8, (3, 2), stride=(2, 1), padding=(1, 4), dilation=(1, 3)
    ),
    Conv2dCase("few_one_to_one", (1, 1, 3, 70), 1, (1, 5)),
    Conv2dCase("few_grouped", (2, 8, 6, 20), 14, (3, 3), padding=(1, 1), groups=2),
    Conv2dCase("square", (2, 16, 10, 10), 16, (3, 3), padding=(1, 1)),
    Conv2dCase("odd_channels", (2, 17, 9, 11), 3, (3, 3), padding=(1, 1)),
    Conv2dCase("three_channels", (1, 3, 13, 12), 17, (5, 5), padding=(2, 2)),
    Conv2dCase("grey_image", (3, 1, 12, 12), 6, (5, 5), padding=(2, 2)),
    Conv2dCase("stem", (1, 3, 19, 23), 16, (7, 7), stride=(2, 2), padding=(3, 3)),
    Conv2dCase("stride_2", (2, 8, 11, 10), 12, (3, 3), stride=(2, 2), padding=(1, 1)),
    Conv2dCase("stride_beyond_kernel", (1, 4, 14, 17), 5, (2, 3), stride=(3, 5)),
    Conv2dCase("stride_beyond_image", (2, 2, 3, 4), 3, (2, 2), stride=(7, 9)),
    Conv2dCase("kernel_fills_image", (2, 3, 5, 4), 7, (5, 4)),
    Conv2dCase("kernel_beyond_image", (1, 2, 3, 2), 4, (6, 5), padding=(2, 2)),
    Conv2dCase("row_kernel", (1, 3, 6, 9), 4, (1, 5), padding=(0, 2)),
    Conv2dCase("column_kernel", (1, 3, 9, 6), 4, (5, 1), stride=(1, 2), padding=(3, 0)),
    Conv2dCase("even_kernel", (1, 4, 8, 7), 9, (4, 2), padding=(1, 1)),
    Conv2dCase("dilated", (1, 4, 12, 13), 6, (3, 3), padding=(2, 3), dilation=(2, 3)),
    Conv2dCase("dilated_strided", (2, 3, 13, 14), 5, (3, 2), (2, 3), (3, 1), (3, 2)),
    Conv2dCase("dilation_shares_stride", (1, 2, 15, 14), 3, (3, 3), (4, 2), (4, 2), (2, 4)),
    Conv2dCase("dilation_beyond_image", (1, 2, 3, 3), 2, (2, 2), (1, 1), (5, 5), (7, 6)),
    Conv2dCase("asymmetric", (3, 5, 7, 12), 11, (2, 4), (3, 1), (1, 2), (2, 1)),
    Conv2dCase("groups", (2, 6, 8, 9), 9, (3, 3), padding=(1, 1), groups=3),
    Conv2dCase("groups_strided", (1, 34, 7, 7), 4, (3, 3), stride=(2, 2), groups=2),
    Conv2dCase("groups_pointwise", (2, 8, 5, 5), 12, (1, 1), groups=4),
    Conv2dCase("depthwise", (2, 17, 8, 7), 17, (3, 3), padding=(1, 1), groups=17),
    Conv2dCase("depthwise_strided", (1, 20, 9, 9), 20, (5, 5), (2, 2), (2, 2), groups=20),
    Conv2dCase("depthwise_multiplier", (1, 5, 6, 6), 10, (3, 3), padding=(1, 1), groups=5),
    Conv2dCase("depthwise_dilated", (1, 4, 9, 9), 4, (3, 3), (1, 1), (2, 2), (2, 2), groups=4),
    Conv2dCase("depthwise_wide", (2, 124, 7, 9), 124, (3, 3), padding=(1, 1), groups=124),
    Conv2dCase("depthwise_one_row", (1, 33, 1, 8), 33, (3, 5), (1, 2), (1, 2), groups=33),
    Conv2dCase("deep", (1, 130, 4, 5), 18, (3, 3), padding=(1, 1)),
    Conv2dCase("many_outputs", (1, 5, 6, 5), 150, (3, 3), padding=(1, 1)),
    Conv2dCase("wide_rows", (1, 2, 2, 1100), 3, (2, 3), padding=(1, 1)),
    Conv2dCase("tall_columns", (1, 2, 1100, 2), 3, (3, 2), padding=(1, 1)),
    Conv2dCase("many_images", (70, 3, 3, 4), 4, (3, 3), padding=(1, 1)),
]

# Batches and images from which nothing comes, and the answer is empty or zero.
EMPTY_CASES = [
    Conv2dCase("no_images", (0, 3, 5, 6), 4, (3, 3), padding=(1, 1)),
    Conv2dCase("no_images_strided", (0, 4, 5, 6), 4, (1, 1), stride=(2, 2), groups=2),
]
