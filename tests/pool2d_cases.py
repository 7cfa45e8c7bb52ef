"""The poolings that hurt: channels on both sides of a vector, windows over every border."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import reference_pool2d
from cases import whole_numbers

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    IntArray = npt.NDArray[np.int64]
    Shape4 = tuple[int, int, int, int]


@dataclass(frozen=True)
class Pool2dCase:
    """One pooling by its shapes; `name` is what the test report shows."""

    name: str
    x: Shape4
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    ceil_mode: bool = False

    def __str__(self) -> str:
        return self.name

    @property
    def y(self) -> Shape4:
        size = reference_pool2d.pooled_size(
            self.x, self.kernel, self.stride, self.padding, self.dilation, self.ceil_mode
        )
        return self.x[0], self.x[1], *size

    @property
    def is_average(self) -> bool:
        """Average pooling has no dilation."""
        return self.dilation == (1, 1)


@dataclass(frozen=True)
class MaxAnswers:
    """Whole-number arrays of a case, and what int64 loops make of them."""

    x: IntArray
    dy: IntArray
    y: IntArray
    indices: IntArray
    dx: IntArray


@cache
def max_answers(case: Pool2dCase) -> MaxAnswers:
    """Few different numbers, so that most windows hold their maximum more than once."""
    x, dy = whole_numbers(case.x, 1), whole_numbers(case.y, 2)
    y, indices = reference_pool2d.max_pool2d(
        x, case.kernel, case.stride, case.padding, case.dilation, case.ceil_mode
    )
    dx = reference_pool2d.max_pool2d_grad(
        dy, indices, case.x, case.kernel, case.stride, case.padding, case.dilation
    )
    return MaxAnswers(x, dy, y, indices, dx)


POOL2D_CASES = [
    Pool2dCase("one_pixel", (1, 1, 1, 1), (1, 1), (1, 1)),
    Pool2dCase("halves", (2, 17, 8, 10), (2, 2), (2, 2)),
    Pool2dCase("halves_few_channels", (3, 6, 8, 8), (2, 2), (2, 2)),
    Pool2dCase("halves_leave_a_rest", (2, 5, 7, 9), (2, 2), (2, 2)),
    Pool2dCase("halves_keep_a_rest", (2, 33, 7, 9), (2, 2), (2, 2), ceil_mode=True),
    Pool2dCase("resnet_stem", (2, 64, 12, 13), (3, 3), (2, 2), (1, 1)),
    Pool2dCase("overlap", (1, 16, 9, 8), (3, 3), (2, 2)),
    Pool2dCase("overlap_fully", (1, 3, 6, 7), (3, 3), (1, 1), (1, 1)),
    Pool2dCase("overlap_rows_only", (2, 7, 9, 8), (3, 2), (1, 2), (1, 0)),
    Pool2dCase("stride_beyond_window", (2, 4, 13, 14), (2, 1), (5, 3)),
    Pool2dCase("stride_beyond_image", (1, 20, 5, 6), (3, 2), (17, 33), (1, 1)),
    Pool2dCase("window_is_image", (2, 70, 5, 6), (5, 6), (5, 6)),
    Pool2dCase("window_beyond_image", (1, 3, 4, 3), (6, 5), (2, 3), (3, 2)),
    Pool2dCase("window_beyond_image_by_ceil", (1, 5, 3, 4), (4, 5), (2, 3), ceil_mode=True),
    Pool2dCase("even_padding", (1, 8, 7, 6), (4, 2), (3, 2), (2, 1), ceil_mode=True),
    Pool2dCase("row_window", (2, 3, 4, 11), (1, 5), (1, 2), (0, 2)),
    Pool2dCase("column_window", (2, 3, 11, 4), (5, 1), (3, 1), (2, 0)),
    Pool2dCase("large_window", (1, 2, 20, 21), (17, 16), (2, 3), (8, 8)),
    Pool2dCase("many_taps_on_a_pixel", (1, 2, 13, 12), (9, 10), (1, 1), (4, 5)),
    Pool2dCase("dilated", (1, 18, 12, 13), (3, 3), (1, 1), (1, 1), (2, 3)),
    Pool2dCase("dilated_strided", (2, 3, 14, 13), (3, 2), (2, 3), (1, 1), (3, 4), ceil_mode=True),
    Pool2dCase("dilation_shares_stride", (1, 4, 13, 13), (2, 3), (4, 2), (1, 1), (2, 4)),
    Pool2dCase("wide_rows", (1, 3, 4, 3200), (2, 3), (2, 2), (1, 1)),
    Pool2dCase("tall_columns", (1, 3, 3200, 2), (3, 2), (2, 1), (1, 1)),
    Pool2dCase("many_images", (90, 5, 4, 4), (2, 2), (2, 2)),
    Pool2dCase("deep_and_global", (1, 600, 8, 8), (8, 8), (8, 8)),
]

EMPTY_CASES = [
    Pool2dCase("no_images", (0, 3, 6, 6), (3, 3), (2, 2), (1, 1)),
    Pool2dCase("no_channels", (2, 0, 6, 6), (2, 2), (2, 2)),
]
