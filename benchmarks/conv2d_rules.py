"""Which algorithm a convolution gets, and each phase of its gradient by the input.

The rules of csrc/algorithm.cpp, csrc/winograd_kernel.cpp and csrc/conv2d_grad_input.cpp again, in
Python, for square layers of one group or depthwise ones. tests/test_conv2d_plan.py and
tests/test_roofline.py hold them to what the kernels do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from convlet.bench import Conv2d

OUT = 4  # outputs of a side of Winograd's tiles
LEAST_CHANNELS, LEAST_TILES, MOST_PIECES = 16, 8, 16
TRANSFORM_COST, WEIGHT_COST, LEAST_GAIN = 12, 6, 1.3
FEW_SUMMED, MOST_FEW, LEAST_TAPS, LEAST_WIDTH, MOST_REACH = 6, 8, 4, 8, 16

# Floats of a register, and registers across the widest tile (csrc/kernels/simd.hpp).
REGISTERS = {"v2": (4, 2), "v3": (8, 2), "v4": (16, 4), "neon": (4, 4)}


def ceil_div(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


def panels(columns: int, isa: str, whole_registers: bool) -> tuple[int, int]:
    """How many panels the columns make, and their columns with the padding."""
    vector, widest = REGISTERS[isa]
    count, rest = divmod(columns, vector * widest)
    half = vector // 2 if vector > 4 else vector
    lanes = half if rest <= half and not whole_registers else vector
    return count + (rest > 0), count * vector * widest + ceil_div(rest, lanes) * lanes


@dataclass(frozen=True)
class Correlation:
    """What one call of a kernel computes: a forward pass, or a phase of a gradient by the input."""

    images: int
    channels: int  # that are summed over, 1 where they are filtered one by one
    out_channels: int
    height: int  # of the output
    width: int
    taps: tuple[int, int]
    step: int = 1
    dilation: int = 1
    depthwise: bool = False

    @property
    def outputs(self) -> int:
        """Pixels of the output, of all images."""
        return self.images * self.height * self.width

    @property
    def products(self) -> int:
        """What the direct algorithm multiplies."""
        return self.outputs * math.prod(self.taps) * self.channels * self.out_channels


@dataclass(frozen=True)
class WinogradKernel:
    """The pieces of a kernel (csrc/winograd_kernel.cpp); a side is `points` of the transforms."""

    points: int
    sides: list[list[int]]  # taps of the runs of an axis, whose pairs are the pieces
    spacing: int  # from one output of a tile to the next

    @property
    def pieces(self) -> int:
        """Filters that a kernel is the sum of."""
        return math.prod(map(len, self.sides))


def winograd_kernel(g: Correlation) -> WinogradKernel | None:
    """A kernel in pieces of at most 3x3 taps, or None where these are too many or too small."""
    common = math.gcd(g.step, g.dilation)
    spacing, tap = g.dilation // common, g.step // common
    sides = [_runs(taps, tap) for taps in g.taps]
    longest = [max(side) for side in sides]
    kernel = WinogradKernel(max(longest) + OUT - 1, sides, spacing)
    return None if min(longest) < 2 or kernel.pieces > MOST_PIECES else kernel


def _runs(kernel: int, tap: int) -> list[int]:
    """Taps of each run of neighbours, of those that read pixels of one remainder."""
    runs = []
    for phase in range(min(tap, kernel)):
        taps = ceil_div(kernel - phase, tap)
        count = ceil_div(taps, 3)
        runs += [(r + 1) * taps // count - r * taps // count for r in range(count)]
    return runs


def tile_count(g: Correlation, kernel: WinogradKernel) -> int:
    """Of 4x4 outputs, or fewer at the border, in all images."""
    return g.images * math.prod(_tiles_across(size, kernel) for size in (g.height, g.width))


def tile_sums(g: Correlation, kernel: WinogradKernel) -> tuple[int, int]:
    """What tiles have together: points, and products of an input and an output channel.

    A side with fewer outputs, the last one of an image, takes as many points fewer.
    """
    points = products = g.images
    for size, taps in zip((g.height, g.width), kernel.sides, strict=True):
        tiles = _tiles_across(size, kernel)
        short = -size % OUT if kernel.spacing == 1 else 0
        finite = tiles * (kernel.points - 1) - short
        at_infinity = sum(run == max(max(side) for side in kernel.sides) for run in taps)
        points *= finite + tiles
        products *= finite * len(taps) + tiles * at_infinity
    return points, products


def _tiles_across(size: int, kernel: WinogradKernel) -> int:
    phases = min(kernel.spacing, size)
    return phases * ceil_div(ceil_div(size, kernel.spacing), OUT)


def algorithm_of(g: Correlation, of_weight: bool = False) -> str:
    """What algorithm_for() decides."""
    if g.depthwise:
        return "depthwise"
    if _has_few_sums(g) if of_weight else _has_few_channels(g):
        return "few channels"
    kernel = winograd_kernel(g)
    if kernel is None or min(g.channels, g.out_channels) < LEAST_CHANNELS:
        return "direct"
    points, products = tile_sums(g, kernel)
    depth = kernel.pieces * g.channels
    transforms = TRANSFORM_COST * points * (depth + g.out_channels)
    if not of_weight:
        transforms += WEIGHT_COST * kernel.points**2 * depth * g.out_channels
    winograd = products * g.channels * g.out_channels + transforms
    gains = tile_count(g, kernel) >= LEAST_TILES and winograd * LEAST_GAIN <= g.products
    return "Winograd" if gains else "direct"


def _has_few_channels(g: Correlation) -> bool:
    """Whether lanes are pixels."""
    near = all((taps - 1) * g.dilation <= MOST_REACH for taps in g.taps)
    enough = math.prod(g.taps) >= LEAST_TAPS and g.width >= LEAST_WIDTH
    return g.out_channels <= MOST_FEW and g.step == 1 and enough and near


def _has_few_sums(g: Correlation) -> bool:
    """The same of the gradient of the weight."""
    most = FEW_SUMMED if g.channels == 1 else 4
    return _has_few_channels(g) and g.out_channels <= most


def forward_of(layer: Conv2d) -> Correlation:
    """The forward pass."""
    images, k, height, width = layer.y
    depthwise = layer.groups == layer.channels == k
    assert depthwise or layer.groups == 1
    taps = (layer.kernel, layer.kernel)
    channels = 1 if depthwise else layer.channels
    return Correlation(
        images, channels, k, height, width, taps, layer.stride, layer.dilation, depthwise
    )


@dataclass(frozen=True)
class Phase:
    """The taps of one axis that reach the pixels phase, phase + stride, ... of the input."""

    taps: int
    origin: int  # of the output, for the first tap and pixel
    count: int  # of pixels


def phases(layer: Conv2d) -> list[Phase]:
    """Of either axis; taps are in reverse, so the last one of the kernel comes first."""
    found = []
    for phase in range(min(layer.stride, layer.size)):
        offsets = [phase + layer.padding - r * layer.dilation for r in range(layer.kernel)]
        reached = [offset // layer.stride for offset in offsets if offset % layer.stride == 0]
        count = ceil_div(layer.size - phase, layer.stride)
        found.append(Phase(len(reached), min(reached, default=0), count))
    return found


def gradient_of(layer: Conv2d) -> list[tuple[Correlation, str]]:
    """The gradient by the input: a correlation for each phase, with its algorithm."""
    forward, axis = forward_of(layer), phases(layer)
    dilation = layer.dilation // math.gcd(layer.dilation, layer.stride)
    all_of_them = []
    for row in axis:
        together = _columns_together(layer, row, axis)
        for column in axis:
            if row.taps * column.taps == 0:
                continue
            g = Correlation(
                layer.images,
                1 if forward.depthwise else layer.out_channels,
                layer.channels,
                row.count,
                column.count,
                (row.taps, column.taps),
                1,
                dilation,
                forward.depthwise,
            )
            all_of_them.append((g, "few channels" if together else algorithm_of(g)))
    return all_of_them


def _columns_together(layer: Conv2d, row: Phase, axis: list[Phase]) -> bool:
    """Whether two phases along rows are one correlation to few channels, as pair_of() decides."""
    if (layer.stride, layer.dilation, layer.groups) != (2, 1, 1) or layer.size % 2 != 0:
        return False
    if layer.out_channels < 2 or 2 * layer.channels > MOST_FEW or not all(p.taps for p in axis):
        return False
    first = min(p.origin for p in axis)
    if max(p.origin for p in axis) > min(p.origin + p.taps for p in axis):
        return False
    taps = (row.taps, max(p.origin + p.taps for p in axis) - first)
    width = axis[0].count
    both = Correlation(layer.images, layer.out_channels, 2 * layer.channels, row.count, width, taps)
    return algorithm_of(both) == "few channels"
