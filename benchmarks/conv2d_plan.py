"""How forward convolutions are cut into tasks, and what memory they take: the tables of docs/kernels.md.

    python benchmarks/conv2d_plan.py                 # ResNet-50, one image
    python benchmarks/conv2d_plan.py --images 8 --isa v3

The rules of csrc/plan.cpp and csrc/blocks.cpp again, in Python, for one group without dilation;
conv2d_rules.py has those of the algorithms. tests/test_conv2d_plan.py holds them to what the pool of memory
hands out.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conv2d_rules import (
    REGISTERS,
    algorithm_of,
    ceil_div,
    forward_of,
    panels,
    tile_count,
    winograd_kernel,
)

from convlet import _core
from convlet.bench import Conv2d

if TYPE_CHECKING:
    from collections.abc import Sequence

STRIP_FLOATS, LARGE_WEIGHTS, HUGE_WEIGHTS = 48 * 1024, 2**18, 2**22
TASK_FLOPS, WAKE_UP_FLOPS = 1e6, 6e4 * 20
ENOUGH_TASKS, TILE_TASKS, LEAST_PIXELS = 128, 16, 96
LEAST_TILES, MOST_TILES, SMALLEST_TILES = 12, 36, 6
FEW_TILES, TILES_OF_PANEL, FEW_BLOCKS = 192, 64, 2
SHARED_TILES, LEAST_SHARED, SHARED_TASKS = 128, 24, 8

CORES = (2, 4, 8, 16, 32, 64)


def clamp(value: int, least: int, most: int) -> int:
    """The nearest number from least to most."""
    return max(least, min(value, most))


@dataclass(frozen=True)
class Plan:
    """One layer under one instruction set; floats are those of one call."""

    algorithm: str
    block_tasks: int  # blocks of pixels or tiles
    panel_groups: int  # tasks that share the panels of a block
    packed: int  # floats of packed weights
    shared: Sequence[int]  # floats of what all tasks read
    own: int  # floats of scratch memory of each thread
    flops: float

    @property
    def tasks(self) -> int:
        """What threads take turns at."""
        return self.block_tasks * self.panel_groups

    def threads(self, most: int) -> int:
        """How many are woken."""
        return min(self.tasks, most) if self.flops > WAKE_UP_FLOPS else 1

    def blocks(self, threads: int) -> list[int]:
        """Floats of each block of memory beside the output."""
        own = ceil_div(self.own, 16) * 16 * self.threads(threads)
        return [floats for floats in (self.packed, *self.shared, own) if floats > 0]


def cut(height: int, width: int, pixels: int) -> tuple[int, int]:
    """Rows and columns of a block of about so many pixels."""
    if width > pixels:
        return 1, ceil_div(width, ceil_div(width, pixels))
    rows = clamp(pixels // width, 1, height)
    return ceil_div(height, ceil_div(height, rows)), width


def plan(layer: Conv2d, isa: str, l2_floats: int, threads: int = 1) -> Plan:
    """What make_plan() and run_plans() make of a layer, on a machine with such caches."""
    assert (layer.groups, layer.dilation) == (1, 1)
    flops = layer.flops("forward")
    least = int(min(threads, flops / TASK_FLOPS))
    if algorithm_of(forward_of(layer)) == "Winograd":
        return _winograd(layer, isa, least, flops, l2_floats)
    return _direct(layer, isa, least, flops)


def narrow(wide: int, columns: int, isa: str, blocks: int, least: int) -> int:
    """How wide panels are for at least so many tasks of as many blocks, if they can."""
    while blocks * ceil_div(columns, wide) < least and wide > REGISTERS[isa][0]:
        wide //= 2
    return wide


def alike(count: int, groups: int) -> int:
    """About so many groups, of as many panels each."""
    return ceil_div(count, max(1, count // groups))


def _winograd(layer: Conv2d, isa: str, least: int, flops: float, l2_floats: int) -> Plan:
    wanted = int(min(TILE_TASKS, flops / TASK_FLOPS))
    k, c = layer.out_channels, layer.channels
    vector, widest = REGISTERS[isa]
    wide = vector * widest
    correlation = forward_of(layer)
    kernel = winograd_kernel(correlation)
    assert kernel is not None
    points, depth = kernel.points**2, kernel.pieces * c
    count, columns = panels(k, isa, whole_registers=True)
    every, weights = tile_count(correlation, kernel), points * depth * k
    few = weights >= LARGE_WEIGHTS and every <= min(FEW_TILES, TILES_OF_PANEL * count)
    if few:
        for_tasks = min(SHARED_TASKS // count, every // LEAST_SHARED)
        tiles = ceil_div(every, max(ceil_div(every, SHARED_TILES), for_tasks))
    else:
        fitting = clamp(l2_floats // 2 // (points * (depth + wide)), LEAST_TILES, MOST_TILES)
        most = MOST_TILES if weights >= HUGE_WEIGHTS else fitting
        tiles = ceil_div(ceil_div(every, ceil_div(every, most)), 6) * 6
    block_tasks = ceil_div(every, tiles)
    groups = clamp(wanted // block_tasks, 1, count)
    narrowed = wide
    if block_tasks * groups < least:
        narrowed = narrow(wide, columns, isa, block_tasks, least)
        count = ceil_div(columns, narrowed)
        tiles = min(tiles, max(SMALLEST_TILES, ceil_div(every, ceil_div(least, count))))
        block_tasks = ceil_div(every, tiles)
        groups = alike(count, max(groups, ceil_div(least, block_tasks)))
    inputs = points * (tiles * depth + vector)
    ahead = not few or block_tasks > FEW_BLOCKS
    packed = ceil_div(count * points * (depth * narrowed + vector), 16) * 16 if ahead else 0
    unpacked = 64 if l2_floats * 2 // 3 >= 36 * 64 * 64 else 32
    sums = points * ((tiles + unpacked) * wide + 2 * vector)
    return Plan(
        "Winograd",
        block_tasks,
        groups,
        packed,
        (block_tasks * inputs if groups > 1 else 0, c + 16),
        sums + (0 if groups > 1 else inputs),
        flops,
    )


def _direct(layer: Conv2d, isa: str, least: int, flops: float) -> Plan:
    wanted = int(min(ENOUGH_TASKS, flops / TASK_FLOPS))
    images, k, height, width = layer.y
    c = layer.channels
    if (layer.kernel, layer.stride, layer.padding) == (1, 1, 0):
        images, height, width = 1, 1, images * height * width
    step = layer.stride**2
    few = algorithm_of(forward_of(layer)) == "few channels"
    pixels = clamp(STRIP_FLOATS // (c * step), 1 if step > 64 else 24, 480)
    if few:
        pixels = clamp(2 * STRIP_FLOATS // c, 24, 2048)
    rows, columns = cut(height, width, pixels)
    most = rows * columns
    pixels = ceil_div(images * height * width, ENOUGH_TASKS)
    rows, columns = cut(height, width, clamp(pixels, min(LEAST_PIXELS, most), most))
    block_tasks = images * ceil_div(height, rows) * ceil_div(width, columns)
    count, padded = panels(k, isa, whole_registers=False)
    groups = clamp(ceil_div(wanted, block_tasks), 1, count)
    if block_tasks * groups < least and not few:
        vector, widest = REGISTERS[isa]
        count = ceil_div(padded, narrow(vector * widest, padded, isa, block_tasks, least))
        groups = alike(count, max(groups, ceil_div(least, block_tasks)))
    reach_h, reach_w = ((n - 1) * layer.stride + layer.kernel for n in (rows, columns))
    if few:
        vector, widest = REGISTERS[isa]
        tile = 2 * vector if widest >= 4 else vector
        reach_w = ceil_div(columns, tile) * tile + layer.kernel - 1
    return Plan(
        "few channels" if few else "direct",
        block_tasks,
        groups,
        ceil_div(padded * c * layer.kernel**2, 16) * 16,
        (),
        reach_h * reach_w * c,
        flops,
    )


def resnet50(images: int) -> list[tuple[int, Conv2d]]:
    """Its different convolutions for pictures of 224 x 224, and how often each occurs."""
    layers = [(1, Conv2d("stem 7x7", images, 3, 224, 64, 7, stride=2, padding=3))]
    channels, size = 64, 56
    for stage, (width, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        stride, out, name = 1 + (stage > 0), 4 * width, f"stage {stage + 1}, "
        smaller = size // stride
        first = Conv2d(name + "3x3", images, width, size, width, 3, stride, padding=1)
        layers += [
            (1, Conv2d(name + "1x1", images, channels, size, width, 1)),
            *([(1, first)] if stride > 1 else []),
            (1, Conv2d(name + "shortcut", images, channels, size, out, 1, stride)),
            (blocks, Conv2d(name + "1x1", images, width, smaller, out, 1)),
            (blocks - 1, Conv2d(name + "1x1", images, out, smaller, width, 1)),
            (
                blocks - (stride > 1),
                Conv2d(name + "3x3", images, width, smaller, width, 3, padding=1),
            ),
        ]
        channels, size = out, smaller
    return layers


def most_speedup(images: int, isa: str, l2_floats: int, cores: int) -> float:
    """What so many cores gain at most, by operations, if the tasks of a layer are alike."""
    alone = together = 0.0
    for times, layer in resnet50(images):
        p = plan(layer, isa, l2_floats, cores)
        alone += times * p.flops
        together += times * p.flops * ceil_div(p.tasks, cores) / p.tasks
    return alone / together


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1, help="of the batch (default 1)")
    parser.add_argument("--isa", choices=REGISTERS, default=_core.get_isa())
    kib = _core.l2_floats() * 4 // 1024
    parser.add_argument("--l2", type=int, default=kib, help=f"KiB of that cache (here {kib})")
    given = parser.parse_args()
    l2_floats = given.l2 * 1024 // 4
    print("| layer | shape | times | algorithm | tasks | packed | shared | own | of 64 threads |")
    print("|---|---|---|---|---|---|---|---|---|")
    for times, layer in resnet50(given.images):
        p = plan(layer, given.isa, l2_floats)
        many = plan(layer, given.isa, l2_floats, CORES[-1])
        shape = f"{layer.channels} to {layer.out_channels} at {layer.size}"
        if layer.stride > 1:
            shape += f", stride {layer.stride}"
        sizes = " | ".join(f"{n * 4 / 1024:.0f}" for n in (p.packed, sum(p.shared), p.own))
        print(
            f"| {layer.name} | {shape} | {times} | {p.algorithm} "
            f"| {p.block_tasks} x {p.panel_groups} | {sizes} "
            f"| {many.block_tasks} x {many.panel_groups} = {many.tasks} |"
        )
    print(f"\n| cores | {' | '.join(map(str, CORES))} |\n|---|{'---|' * len(CORES)}")
    gains = " | ".join(f"{most_speedup(given.images, given.isa, l2_floats, n):.1f}" for n in CORES)
    print(f"| {given.images} x {given.isa} | {gains} |")


if __name__ == "__main__":
    main()
