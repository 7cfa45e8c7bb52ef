"""Convolution layers of real networks: convlet beside PyTorch, in one process, interleaved.

    pip install ".[bench]" "torch==2.13.0"
    python benchmarks/peers.py                       # every layer, a table
    python benchmarks/peers.py 3x3 depthwise --json peers.json --picture peers.png

Each pass of each layer is first compared for correctness, then timed turn by turn with PyTorch in
both of its memory formats; the figures are medians, the ratio is the better PyTorch format's median
to ours. "of peak" is the layer's arithmetic by the direct algorithm against the fastest matrix
product of this machine, measured on the spot: Winograd's algorithm goes beyond 100 %.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapes

import convlet as cl
from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PASSES = ("forward", "gradient of input", "gradient of weight")


@dataclass(frozen=True)
class Layer(shapes.Layer):
    """One that may be dilated; the height and width of its output follow."""

    dilation: int = 1

    @property
    def y(self) -> tuple[int, int, int, int]:
        span = self.dilation * (self.kernel - 1) + 1
        out = (self.size + 2 * self.padding - span) // self.stride + 1
        return self.images, self.out_channels, out, out

    @property
    def arguments(self) -> dict[str, Any]:
        return {**self.geometry, "dilation": (self.dilation, self.dilation)}


LAYERS = (
    Layer("3x3 ResNet 64", 8, 64, 56, 64, 3, padding=1),
    Layer("3x3 ResNet 128", 8, 128, 28, 128, 3, padding=1),
    Layer("3x3 ResNet 256", 8, 256, 14, 256, 3, padding=1),
    Layer("3x3 ResNet 512", 8, 512, 7, 512, 3, padding=1),
    Layer("3x3 VGG 64-128", 4, 64, 112, 128, 3, padding=1),
    Layer("3x3 CIFAR 32", 64, 32, 32, 32, 3, padding=1),
    Layer("1x1 256-64", 8, 256, 56, 64, 1),
    Layer("1x1 64-256", 8, 64, 56, 256, 1),
    Layer("1x1 1024-256", 8, 1024, 14, 256, 1),
    Layer("3x3 stride 2", 8, 64, 56, 128, 3, stride=2, padding=1),
    Layer("5x5", 8, 64, 28, 64, 5, padding=2),
    Layer("3x3 dilated", 8, 64, 28, 64, 3, padding=2, dilation=2),
    Layer("7x7 stride 2 stem", 8, 3, 224, 64, 7, stride=2, padding=3),
    Layer("depthwise 3x3", 8, 144, 56, 144, 3, padding=1, groups=144),
    Layer("depthwise 3x3 stride 2", 8, 144, 56, 144, 3, stride=2, padding=1, groups=144),
    Layer("depthwise 5x5", 8, 240, 28, 240, 5, padding=2, groups=240),
    Layer("LeNet 1-6", 64, 1, 28, 6, 5, padding=2),
    Layer("LeNet 6-16", 64, 6, 14, 16, 5),
)


@dataclass(frozen=True)
class Row:
    """Medians of one pass of one layer, in milliseconds."""

    layer: str
    kind: str
    convlet: float
    contiguous: float
    channels_last: float
    percent_of_peak: float

    @property
    def ratio(self) -> float:
        return min(self.contiguous, self.channels_last) / self.convlet


def medians(functions: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """Milliseconds of each, taken in turn so that all meet the same noise."""
    for function in functions:
        function()
        function()
    times: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats):
        for function, taken in zip(functions, times, strict=True):
            start = time.perf_counter()
            function()
            taken.append((time.perf_counter() - start) * 1e3)
    return [statistics.median(taken) for taken in times]


def peak_flops(repeats: int = 9) -> float:
    """Of the faster of NumPy's and our product of two matrices of 1024 x 1024."""
    a = np.random.default_rng(0).standard_normal((1024, 1024), np.float32)
    best = min(medians([lambda: a @ a, lambda: ops.linear(a, a)], repeats))
    return 2 * 1024**3 / best * 1e3


def calls(layer: Layer) -> dict[str, list[Callable[[], Any]]]:
    """For each pass: ours, PyTorch's contiguous, PyTorch's channels_last."""
    import torch

    rng = np.random.default_rng(0)
    x, weight, dy = (
        rng.standard_normal(shape, np.float32) for shape in (layer.x, layer.weight, layer.y)
    )

    def last(array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)

    x_last, dy_last, g = last(x), last(dy), layer.arguments
    ours = [
        lambda: ops.conv2d(x_last, weight, **g),
        lambda: ops.conv2d_grad_input(dy_last, weight, x.shape, **g),
        lambda: ops.conv2d_grad_weight(dy_last, x_last, weight.shape, **g),
    ]

    def theirs(memory_format: Any) -> list[Callable[[], Any]]:
        tx, tw, tdy = (
            torch.tensor(a).contiguous(memory_format=memory_format) for a in (x, weight, dy)
        )
        pairs = [g["stride"], g["padding"], g["dilation"]]

        def backward(which: int) -> Any:
            mask = [which == 0, which == 1, False]
            return torch.ops.aten.convolution_backward(
                tdy, tx, tw, None, *pairs, False, [0, 0], layer.groups, mask
            )[which]

        def forward() -> Any:
            with torch.no_grad():
                return torch.nn.functional.conv2d(tx, tw, None, *pairs, layer.groups)

        return [forward, lambda: backward(0), lambda: backward(1)]

    formats = (torch.contiguous_format, torch.channels_last)
    return {
        kind: list(three)
        for kind, *three in zip(PASSES, ours, *(theirs(f) for f in formats), strict=True)
    }


def compare(layer: Layer, peak: float, repeats: int) -> list[Row]:
    """The rows of one layer, after a check that all sides agree."""
    flops = 2 * np.prod(layer.y) * np.prod(layer.weight[1:])
    rows = []
    for kind, functions in calls(layer).items():
        wanted = functions[1]().numpy()
        error = np.abs(functions[0]() - wanted).max() / np.abs(wanted).max()
        if not error < 1e-4:
            raise SystemExit(f"{layer.name}, {kind}: the results differ by {error:.1e}")
        ours, contiguous, channels_last = medians(functions, repeats)
        percent = 100 * flops / (ours * 1e-3) / peak
        rows.append(Row(layer.name, kind, ours, contiguous, channels_last, percent))
    return rows


def picture(rows: list[Row], path: Path) -> None:
    """Bars of the ratios, a colour for each pass."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row.layer for row in rows))
    figure = Figure(figsize=(9, 1.2 + 0.42 * len(names)), layout="constrained")
    axes = figure.add_subplot()
    for place, (kind, colour) in enumerate(
        zip(PASSES, ("#2a6f97", "#61a5c2", "#e09f3e"), strict=True)
    ):
        ratios = [row.ratio for row in rows if row.kind == kind]
        heights = [index + (place - 1) * 0.27 for index in range(len(names))]
        axes.barh(heights, ratios, 0.25, color=colour, label=kind)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("times as fast as PyTorch's better memory format")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description="convlet beside PyTorch, layer by layer")
    parser.add_argument("layers", nargs="*", help="parts of layers' names; all without")
    parser.add_argument("--threads", type=int, default=cl.get_num_threads())
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--picture", type=Path, help="where to write bars of the ratios")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    cl.set_num_threads(options.threads)
    peak = peak_flops()
    config = cl.show_config(mode="dicts")
    print(
        f"convlet {config['version']} ({config['isa']}), PyTorch {torch.__version__}, "
        f"{options.threads} threads, matrix product {peak / 1e9:.0f} GFLOP/s\n"
    )
    print(f"{'layer':24} {'pass':20} {'convlet':>9} {'default':>9} {'ch. last':>9}", end="")
    print(f" {'ratio':>6} {'of peak':>8}")
    rows: list[Row] = []
    for layer in LAYERS:
        if options.layers and not any(part in layer.name for part in options.layers):
            continue
        for row in compare(layer, peak, options.repeats):
            rows.append(row)
            print(
                f"{row.layer:24} {row.kind:20} {row.convlet:7.2f}ms {row.contiguous:7.2f}ms "
                f"{row.channels_last:7.2f}ms {row.ratio:6.2f} {row.percent_of_peak:7.0f}%",
                flush=True,
            )
    if options.json:
        facts = {"config": config, "torch": torch.__version__, "threads": options.threads}
        table = [asdict(row) | {"ratio": row.ratio} for row in rows]
        options.json.write_text(json.dumps(facts | {"peak_flops": peak, "rows": table}, indent=1))
    if options.picture:
        picture(rows, options.picture)


if __name__ == "__main__":
    main()
