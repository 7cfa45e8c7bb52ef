"""How times grow: with threads, with the batch, with the image.

    python benchmarks/scaling.py                             # a table
    python benchmarks/scaling.py --json scaling.json --picture scaling.png

Speed-up is the time on one thread divided by the time on several, for layers and for training steps
of LeNet-5 and ResNet-18; cost per image is told for batches of 1 to 64, cost per pixel for images of
32 x 32 to 256 x 256. Ideal is a straight line for threads, and a flat one for the other two.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import convlet as cl
from convlet.bench import BatchNorm2d, Conv2d, MaxPool2d, Network, medians
from convlet.bench.sides._native import Convlet
from convlet.cli.output import table
from convlet.viz._page import BLUE, INK, MUTED, ORANGE, chart, page, place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from convlet.bench.layers import Case

    Curves = dict[str, dict[int, float]]

TEN = (("num_classes", 10), ("stem", "cifar"))
BY_THREADS: tuple[Case, ...] = (
    Conv2d("3x3 64-64 at 56", 8, 64, 56, 64, 3, padding=1),
    Conv2d("1x1 64-256 at 56", 8, 64, 56, 256, 1),
    Conv2d("depthwise 3x3 144 at 56", 8, 144, 56, 144, 3, padding=1, groups=144),
    MaxPool2d("max pooling 2x2 64 at 112", 4, 64, 112, 2, 2),
    BatchNorm2d("batch norm + ReLU 64 at 56", 8, 64, 56),
    Network("LeNet-5 step, 64 images", 64, "lenet5", 1, 28, 10),
    Network("ResNet-18 CIFAR step, 8 images", 8, "resnet18", 3, 32, 10, TEN),
)
BATCHES = (1, 2, 4, 8, 16, 32, 64)
SIZES = (32, 64, 96, 128, 192, 256)
COLOURS = (BLUE, ORANGE, "#6d9fd3", "#2f855a", "#b7791f", "#805ad5", "#97266d")


def first_pass(case: Case) -> Callable[[], Any]:
    """The forward pass of an operator, the training step of a network."""
    return next(iter(getattr(Convlet(), case.operator)(case).values()))


def in_turns(calls: Mapping[int, Callable[[], Any]], repeats: int) -> dict[int, float]:
    """Milliseconds of each, all of them in the same noise."""
    times = medians({str(n): call for n, call in calls.items()}, repeats)
    return {n: times[str(n)] for n in calls}


def by_threads(most: int, repeats: int) -> Curves:
    """Time on one thread divided by time on n."""
    counts = sorted({1, *(2**i for i in range(most.bit_length()) if 2**i <= most), most})

    def on(count: int, call: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: (cl.set_num_threads(count), call())

    curves: Curves = {}
    for case in BY_THREADS:
        call = first_pass(case)
        times = in_turns({count: on(count, call) for count in counts}, repeats)
        curves[case.name] = {count: times[1] / time for count, time in times.items()}
    return curves


def by_batch(repeats: int) -> Curves:
    """Milliseconds per image."""
    subjects = {
        "LeNet-5 step": lambda n: Network("", n, "lenet5", 1, 28, 10),
        "small VGG step": lambda n: Network("", n, "small_vgg", 3, 32, 10),
        "3x3 64-64 at 32": lambda n: Conv2d("", n, 64, 32, 64, 3, padding=1),
    }
    curves: Curves = {}
    for name, make in subjects.items():
        times = in_turns({n: first_pass(make(n)) for n in BATCHES}, repeats)
        curves[name] = {n: time / n for n, time in times.items()}
    return curves


def by_size(repeats: int) -> Curves:
    """Nanoseconds per pixel of one image."""
    subjects = {
        "3x3 32-32": lambda n: Conv2d("", 1, 32, n, 32, 3, padding=1),
        "1x1 32-64": lambda n: Conv2d("", 1, 32, n, 64, 1),
        "depthwise 3x3 32": lambda n: Conv2d("", 1, 32, n, 32, 3, padding=1, groups=32),
        "max pooling 2x2 32": lambda n: MaxPool2d("", 1, 32, n, 2, 2),
        "batch norm + ReLU 32": lambda n: BatchNorm2d("", 1, 32, n),
    }
    curves: Curves = {}
    for name, make in subjects.items():
        times = in_turns({n: first_pass(make(n)) for n in SIZES}, repeats)
        curves[name] = {n: 1e6 * time / n**2 for n, time in times.items()}
    return curves


def show(title: str, curves: Mapping[str, Mapping[int, float]]) -> None:
    counts = list(next(iter(curves.values())))
    rows = [[name, *(f"{points[n]:.3g}" for n in counts)] for name, points in curves.items()]
    table([title, *map(str, counts)], rows)
    print()


def picture(panels: Sequence[tuple[str, str, Curves]], path: Path, machine: str) -> None:
    """A panel for each question, a line for each subject, named in a legend below the panel."""
    height = 4.9
    figure, _ = page(
        13.2, height, "How convlet's times grow with threads, batch and image", machine
    )
    for index, (title, label, curves) in enumerate(panels):
        axes = place(figure, 0.75 + 4.3 * index, 1.75, 3.4, height - 2.2)
        chart(axes)
        for colour, (name, points) in zip(COLOURS, curves.items(), strict=False):
            axes.plot(list(points), list(points.values()), color=colour, marker="o", markersize=3,
                      linewidth=1.6, label=name)  # fmt: skip
        ticks = list(next(iter(curves.values())))
        if index == 0:
            axes.plot(ticks, ticks, color=MUTED, linewidth=0.8, linestyle=":", label="ideal")
            fastest = max(max(points.values()) for points in curves.values())
            axes.set_ylim(0, max(*ticks, fastest) * 1.05)
        else:
            axes.set_xscale("log", base=2)
            axes.set_yscale("log", base=2)
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.set_title(title, fontsize=10.5, color=INK, loc="left", pad=8)
        axes.set_xlabel(label, fontsize=9, color=MUTED)
        axes.legend(loc="upper left", bbox_to_anchor=(-0.1, -0.22), fontsize=8, frameon=False,
                    ncols=2, labelcolor=INK, columnspacing=1.0)  # fmt: skip
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="how times grow")
    parser.add_argument("--threads", type=int, default=cl.get_num_threads(), help="the most")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--picture", type=Path, help="where to draw them")
    options = parser.parse_args()
    if min(options.threads, options.repeats) < 1:
        parser.error("--threads and --repeats must be at least 1")
    threads = by_threads(options.threads, options.repeats)
    cl.set_num_threads(options.threads)
    batch, size = by_batch(options.repeats), by_size(options.repeats)
    show("speed-up by threads", threads)
    show("ms per image by batch", batch)
    show("ns per pixel by height and width", size)
    config: dict[str, Any] = cl.show_config(mode="dicts")
    if options.json:
        facts = {"config": config, "threads": threads, "batch": batch, "size": size}
        options.json.write_text(json.dumps(facts, indent=1) + "\n")
    if options.picture:
        panels = (
            ("speed-up", "threads", threads),
            ("milliseconds per image", "images in a batch", batch),
            ("nanoseconds per pixel", "height and width of one image", size),
        )
        note = f"Instruction set {config['isa']}, up to {options.threads} threads; medians."
        picture(panels, options.picture, note)


if __name__ == "__main__":
    main()
