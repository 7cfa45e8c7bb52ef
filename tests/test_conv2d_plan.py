"""The tables of docs/kernels.md: benchmarks/conv2d_plan.py cuts layers as csrc does.

The memory that a call takes tells the algorithm and the size of a block of pixels or tiles, and,
with more threads than tasks, the number of tasks.
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import _core, bench, ops

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="wants the repository")
Conv2d = bench.Conv2d


def conv2d_plan() -> Any:
    return importlib.import_module("conv2d_plan")


def plan_of(layer: Conv2d, isa: str, threads: int = 1) -> Any:
    return conv2d_plan().plan(layer, isa, _core.l2_floats(), threads)


def layers() -> list[Conv2d]:
    """Every way of cutting: rows and pieces of rows, few and many tiles, narrow panels."""
    return [
        *(layer for _, layer in conv2d_plan().resnet50(1)),
        Conv2d("lenet conv1", 64, 1, 28, 6, 5, padding=2),
        Conv2d("lenet conv2", 64, 6, 14, 16, 5),
        Conv2d("few channels", 1, 3, 37, 8, 3, padding=1),
        Conv2d("long rows", 1, 3, 700, 5, 3),
        Conv2d("far stride", 1, 4, 60, 40, 11, stride=9),
        Conv2d("many channels", 3, 3000, 9, 24, 3, stride=2),
        Conv2d("narrow tiles", 2, 17, 19, 33, 3, padding=1),
        Conv2d("many tiles", 4, 64, 56, 64, 3, padding=1),
        Conv2d("few pixels of tiles", 30, 20, 2, 16, 3, padding=1),
        Conv2d("tiny", 1, 2, 3, 2, 3),
    ]


def rounded(floats: int) -> int:
    """Bytes of a block of the pool (csrc/memory.cpp)."""
    size = floats * 4
    if size <= 512:
        return -(-size // 64) * 64
    step = (1 << (size - 1).bit_length() - 1) // 8
    return math.ceil(size / step) * step


def taken(layer: Conv2d) -> int:
    """Bytes of all blocks that a forward pass takes, its output included."""
    x, weight = bench.layers.normal(*layer.x), np.ones(layer.weight, np.float32)
    _core.empty_cache()
    assert ops.conv2d(x, weight, **layer.geometry).shape == layer.y
    return int(_core.memory_stats()["cached_bytes"])


def test_memory_and_tasks_are_those_of_the_rules(
    isa: str, set_threads: Callable[[int], None]
) -> None:
    seen = set()
    for layer in layers():
        for threads in (1, 3, 8, 64):
            plan = plan_of(layer, isa, threads)
            seen.add(plan.algorithm)
            set_threads(threads)
            wanted = [rounded(floats) for floats in (math.prod(layer.y), *plan.blocks(threads))]
            assert taken(layer) == sum(wanted), f"{layer}, {threads} threads, {plan}"
    assert seen == {"direct", "few channels", "Winograd"}


def test_more_threads_have_more_tasks_and_the_same_bits(
    isa: str, set_threads: Callable[[int], None]
) -> None:
    further = [
        Conv2d("stride", 1, 130, 15, 72, 3, 2, 1),
        Conv2d("groups", 1, 96, 13, 160, 3, groups=2),
    ]
    cut: set[str] = set()
    for layer in (*layers(), *further):
        x, weight = bench.layers.normal(*layer.x), bench.layers.normal(*layer.weight, seed=1)
        found = []
        for threads in (1, 2, 5, 64):
            set_threads(threads)
            packed = ops.PackedWeight()
            y = ops.conv2d(x, weight, activation="silu", packed=packed, **layer.geometry)
            dx = ops.conv2d_grad_input(y, weight, x.shape, **layer.geometry)
            plain = ops.conv2d(x, weight, activation="silu", **layer.geometry)
            found.append((y, plain, dx, *ops.conv2d_moments(x, weight, **layer.geometry)))
        for other in found[1:]:
            for one, another in zip(found[0], other, strict=True):
                np.testing.assert_array_equal(one, another, err_msg=str(layer))
        if layer.groups == 1:
            few, many = plan_of(layer, isa), plan_of(layer, isa, 64)
            cut.update({few.algorithm} if many.tasks > few.tasks else ())
    assert cut == {"direct", "Winograd"}


def test_panels_narrow_to_two_registers_where_moments_are_taken(
    isa: str, set_threads: Callable[[int], None]
) -> None:
    layer = Conv2d("few tiles", 1, 256, 14, 256, 3, padding=1)
    tasks, most = plan_of(layer, isa).tasks, 256 // (2 * {"v2": 4, "v3": 8, "v4": 16}[isa])
    x, weight = bench.layers.normal(*layer.x), np.ones(layer.weight, np.float32)
    taken = {}
    for threads in (tasks, most, 64):  # each that has a task has memory of its own
        set_threads(threads)
        _core.empty_cache()
        ops.conv2d_moments(x, weight, **layer.geometry)
        taken[threads] = _core.memory_stats()["cached_bytes"]
    assert taken[64] == taken[most]
    assert (taken[most] > taken[tasks]) == (most > tasks)
    assert isa == "v3" or most > tasks


def test_the_algorithm_is_winograd_where_exactness_changes_bits(isa: str) -> None:
    for layer in layers():
        x = bench.layers.normal(*layer.x)
        weight = np.ascontiguousarray(bench.layers.normal(*layer.weight, seed=1))
        results = []
        for exact in (False, True):
            with cl.use_exact_conv(exact):
                results.append(ops.conv2d(x, weight, **layer.geometry))
        differs = not np.array_equal(results[0], results[1])
        assert differs == (plan_of(layer, isa).algorithm == "Winograd"), layer


@pytest.mark.parametrize("channels", [64, 512])
def test_a_kept_weight_is_as_large_as_the_documents_say(isa: str, channels: int) -> None:
    x = bench.layers.normal(1, channels, 28, 28)
    for kernel, least, most in ((1, 1.0, 1.125), (3, 4.0, 4.5)):
        weight = np.ones((channels, channels, kernel, kernel), np.float32)
        before = _core.memory_stats()["allocated_bytes"]
        packed = ops.PackedWeight()
        ops.conv2d(x, weight, padding=kernel // 2, packed=packed)
        kept = _core.memory_stats()["allocated_bytes"] - before
        assert least <= kept / weight.nbytes <= most
        ops.conv2d(x, weight, padding=kernel // 2, packed=packed)
        assert _core.memory_stats()["allocated_bytes"] - before == kept
        weight[0] = 2
        ops.conv2d(x, weight, padding=kernel // 2, packed=packed)
        assert _core.memory_stats()["allocated_bytes"] - before == kept
        packed.clear()
        assert _core.memory_stats()["allocated_bytes"] == before


@pytest.mark.parametrize(
    "layer",
    [
        Conv2d("winograd", 1, 64, 56, 64, 3, padding=1),
        Conv2d("winograd, two shares", 2, 64, 56, 64, 3, padding=1),
        Conv2d("winograd, many channels", 8, 256, 14, 256, 3, padding=1),
        Conv2d("winograd, at once", 1, 256, 14, 256, 3, padding=1),
        Conv2d("direct", 2, 64, 28, 128, 3, stride=2, padding=1),
        Conv2d("direct, large", 1, 512, 7, 512, 3, padding=1),
        Conv2d("1x1", 1, 256, 56, 64, 1),
    ],
    ids=str,
)
def test_a_gradient_of_the_weight_stays_within_the_bounds(
    isa: str, set_threads: Callable[[int], None], layer: Conv2d
) -> None:
    x, dy = bench.layers.normal(*layer.x), bench.layers.normal(*layer.y)
    c, k = layer.channels, -(-layer.out_channels // 64) * 64
    weight = c * k * layer.kernel**2
    plan, wanted = plan_of(layer, isa), max(2**20, weight)
    in_one_share = layer.images * layer.size**2 < 2 * 128 * 16  # fewer than two shares of tiles
    own = 2 * plan.own + 480 * 64
    if plan.algorithm == "Winograd":  # of a part: sums, transforms, places of 48 tiles
        rows, columns = min(128, c), min(128, k)
        wanted = 0 if in_one_share else wanted
        own = 36 * rows * columns + 48 * (12 * (rows + columns) + 2 * (36 + 16)) + 2**12
    used = []
    for threads in (1, 2):
        set_threads(threads)
        _core.empty_cache()
        assert ops.conv2d_grad_weight(dy, x, layer.weight, **layer.geometry).any()
        used.append(int(_core.memory_stats()["cached_bytes"]) / 4)
    assert used[0] - math.prod(layer.weight) < 1.125 * (wanted + own)
    assert used[1] - used[0] < 1.25 * own + 0.125 * used[0]


def test_the_tables_are_in_the_documents(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "kernels.md").read_text()
    for options in (["--isa", "v4"], ["--isa", "v3"], ["--isa", "v4", "--images", "8"]):
        monkeypatch.setattr("sys.argv", ["conv2d_plan.py", "--l2", "1024", *options])
        conv2d_plan().main()
        lines = capsys.readouterr().out.splitlines()
        told = lines if options == ["--isa", "v4"] else lines[-1:]
        assert [line for line in told if line not in text] == []
