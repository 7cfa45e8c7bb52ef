"""What a pass of a layer has to do: operations and bytes, for `roofline.py`.

An operation is half a multiply-add. What else a kernel computes in lanes (an addition of a transform,
a comparison of pooling) takes a processor as long as a multiply-add and counts as two, so that all
can be held against the speed of a matrix product. Empty lanes, whole tiles beyond the border and
transforms count for the algorithm chosen, not for the direct one.

Bytes are those of arrays that are read once and written once. A cache line is fetched before it is
written (write-allocate), which moves the bytes written a second time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from conv2d_rules import (
    REGISTERS,
    Correlation,
    algorithm_of,
    ceil_div,
    forward_of,
    gradient_of,
    panels,
    phases,
    tile_sums,
    winograd_kernel,
)

from convlet.bench import BatchNorm2d, Conv2d, MaxPool2d
from convlet.bench.layers import BACKWARD, FORWARD, OF_INPUT, OF_WEIGHT

FLOAT, INDEX, WIDE_INDEX, MOST_INDEX = 4, 1, 4, 256  # bytes; taps of a window that a byte tells

# Additions, products and multiply-adds of csrc/kernels/winograd.hpp by points of a side, for a tile
# (or an input and an output channel) and a lane: so many for each line, which a transform of two
# dimensions takes over its columns and over the rows of what these gave.
DATA = {6: 12 * (6 + 6), 5: 12 * (5 + 5)}
OUTPUT = {6: 12 * (6 + 4), 5: 10 * (5 + 4)}
FILTER = {6: 11 * (3 + 6), 5: 6 * (2 + 5)}
GRADIENT = {6: 15 * (4 + 6), 5: 12 * (4 + 5)}
TAPS = {6: 10 * (6 + 3), 5: 6 * (5 + 2)}

# For each float, at least: mean, squares, scale and cut; where the cut passed, two sums, and the rest.
NORM_FORWARD, NORM_GRADIENT = 1 + 2 + 2, 2 + 3 + 4
# For each tap of a window: a comparison and two selections; an addition, as indices are compared by bytes.
POOL_FORWARD, POOL_GRADIENT = 3, 1


@dataclass(frozen=True)
class Work:
    """Operations and bytes of one pass."""

    algorithm: str
    direct: float  # operations of the direct algorithm
    made: float  # of the algorithm chosen
    reads: float  # bytes
    writes: float
    held: float  # bytes of all arrays together, the working set

    @property
    def moved(self) -> float:
        """Bytes read and written."""
        return self.reads + self.writes

    @property
    def with_allocate(self) -> float:
        """The same if lines are fetched before they are written."""
        return self.reads + 2 * self.writes


def passes(case: Conv2d | MaxPool2d | BatchNorm2d, isa: str) -> dict[str, Work]:
    """Each pass, under the name that the sides of `convlet.bench` give it."""
    if isinstance(case, Conv2d):
        return _conv2d(case, isa)
    if isinstance(case, MaxPool2d):
        return _max_pool2d(case)
    return _batch_norm(case)


def _conv2d(case: Conv2d, isa: str) -> dict[str, Work]:
    direct = case.flops(FORWARD)
    whole, weight, y = (float(FLOAT * math.prod(s)) for s in (case.x, case.weight, case.y))
    x = whole * _touched(case) ** 2
    forward = forward_of(case)
    gradient = gradient_of(case)
    algorithm = algorithm_of(forward)
    of_weight = algorithm_of(forward, of_weight=True)
    of_input = " + ".join(dict.fromkeys(name for _, name in gradient))
    inside = _taps_inside(case)
    rows = _rows_inside(case)
    by_input = sum(
        2.0 * products(g, name, isa, inside) * (rows if name == "few channels" else 1.0)
        for g, name in gradient
    )
    return {
        FORWARD: Work(
            algorithm, direct, 2.0 * products(forward, algorithm, isa, inside),
            x + weight, y, x + weight + y,
        ),
        OF_INPUT: Work(of_input, direct, by_input, y + weight, whole, y + weight + whole),
        OF_WEIGHT: Work(
            of_weight, direct, 2.0 * weight_products(forward, of_weight, isa, inside),
            x + y, weight, x + weight + y,
        ),
    }  # fmt: skip


def _touched(case: Conv2d) -> float:
    """The share of the input's rows that some tap reads."""
    rows = {i * case.stride + r * case.dilation - case.padding
            for i in range(case.y[2]) for r in range(case.kernel)}  # fmt: skip
    return len(rows & set(range(case.size))) / case.size


def _taps_inside(case: Conv2d) -> float:
    """The share of taps that fall inside the image; depthwise kernels leave out the others."""
    at = [i * case.stride + r * case.dilation - case.padding
          for i in range(case.y[2]) for r in range(case.kernel)]  # fmt: skip
    return (sum(0 <= row < case.size for row in at) / len(at)) ** 2


def _rows_inside(case: Conv2d) -> float:
    """The share of a gradient's rows of taps that meet the output; those to few channels are made."""
    pairs = sum(phase.taps * phase.count for phase in phases(case))
    return math.sqrt(_taps_inside(case)) * case.y[2] * case.kernel / pairs


def products(g: Correlation, algorithm: str, isa: str, inside: float = 1.0) -> float:
    """Multiply-adds of one correlation by an algorithm, and what takes as long."""
    vector, widest = REGISTERS[isa]
    if algorithm == "depthwise":
        return inside * g.products / g.out_channels * _whole(g.out_channels, vector)
    if algorithm == "few channels":
        tile = 2 * vector if widest >= 4 else vector
        rest = g.width % tile
        lanes = g.width - rest + (0 if rest == 0 else vector if rest <= vector else tile)
        return g.products / g.width * lanes
    if algorithm == "direct":
        return g.products / g.out_channels * panels(g.out_channels, isa, whole_registers=False)[1]
    kernel = winograd_kernel(g)
    assert kernel is not None
    (points, made), k = tile_sums(g, kernel), _whole(g.out_channels, vector)
    tiles = points / kernel.points**2  # as many whole ones
    data = kernel.pieces * _whole(g.channels, vector) * DATA[kernel.points]
    of_weights = kernel.pieces * g.channels * k * FILTER[kernel.points]
    return made * g.channels * k + tiles * (data + k * OUTPUT[kernel.points]) + of_weights


def weight_products(g: Correlation, algorithm: str, isa: str, inside: float = 1.0) -> float:
    """The same for the gradient by the weight of a forward pass."""
    vector, _ = REGISTERS[isa]
    if algorithm == "depthwise":
        return products(g, algorithm, isa, inside)
    if algorithm == "few channels":
        return g.products / g.width * _whole(g.width, vector)
    if algorithm == "direct":
        padded_in, padded_out = (panels(n, isa, whole_registers=False)[1]
                                 for n in (g.channels, g.out_channels))  # fmt: skip
        lanes = g.channels * padded_out
        if g.taps == (1, 1) and padded_in * g.out_channels * 5 <= lanes * 6:
            lanes = padded_in * g.out_channels  # the sides exchanged
        return g.outputs * math.prod(g.taps) * lanes
    kernel = winograd_kernel(g)
    assert kernel is not None
    (points, made), k = tile_sums(g, kernel), _whole(g.out_channels, vector)
    tiles = points / kernel.points**2  # as many whole ones
    data = kernel.pieces * _whole(g.channels, vector) * DATA[kernel.points]
    of_sums = kernel.pieces * g.channels * k * TAPS[kernel.points]
    return made * g.channels * k + tiles * (data + k * GRADIENT[kernel.points]) + of_sums


def _whole(channels: int, vector: int) -> int:
    return ceil_div(channels, vector) * vector


def _max_pool2d(case: MaxPool2d) -> dict[str, Work]:
    taps, outputs = case.kernel**2, math.prod(case.y)
    x = float(FLOAT * math.prod(case.x))
    y = outputs * float(FLOAT + (INDEX if taps <= MOST_INDEX else WIDE_INDEX))
    forward, gradient = (2.0 * taps * outputs * each for each in (POOL_FORWARD, POOL_GRADIENT))
    return {
        FORWARD: Work("", forward, forward, x, y, x + y),
        OF_INPUT: Work("", gradient, gradient, y, x, x + y),
    }


def _batch_norm(case: BatchNorm2d) -> dict[str, Work]:
    """Statistics need all of x, and so does the gradient all of x and dy, before the first output."""
    floats = math.prod(case.x)
    x = float(FLOAT * floats)
    forward, gradient = (2.0 * floats * each for each in (NORM_FORWARD, NORM_GRADIENT))
    return {
        FORWARD: Work("two passes", forward, forward, 2 * x, x, 2 * x),
        BACKWARD: Work("two passes", gradient, gradient, 4 * x, x, 3 * x),
    }
