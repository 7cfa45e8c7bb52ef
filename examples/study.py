"""What batch size, dropout, kernel size and stride do to accuracy on real digits, over several seeds.

python examples/study.py              # minutes; prints tables, writes study.png and study.json
python examples/study.py --quick      # seconds, to see that it runs
"""

from __future__ import annotations

import argparse
import functools
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import convlet as cl
from convlet import data, nn, optim

USUAL = {"batch size": 32, "dropout": 0.25, "kernel size": 5, "stride": 1}
STUDIED: dict[str, list[Any]] = {
    "batch size": [8, 32, 128, 512],
    "dropout": [0.0, 0.25, 0.5, 0.75],
    "kernel size": [1, 3, 5, 7, 11],
    "stride": [1, 2, 3, 4],
}
BLUE, ORANGE = "#1f5fa8", "#d4561e"


def make_network(setting: dict[str, Any]) -> nn.Module:
    """Two convolutions, of which the first is studied, and two linear layers."""
    kernel, stride = setting["kernel size"], setting["stride"]
    rest = (28 - 1) // stride + 1  # pixels along a side after the first convolution
    rest = rest // 2 // 2  # after two poolings
    return nn.Sequential(
        *(nn.Conv2d(1, 8, kernel, stride=stride, padding=kernel // 2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(setting["dropout"]), nn.Linear(16 * rest * rest, 64), nn.ReLU()),
        nn.Linear(64, 10),
    )


@functools.cache
def load() -> data.ImageData:
    """4,000 digits to train on, of which each training gets some, and 1,000 to test with."""
    return data.load("digits")


def measure(setting: dict[str, Any], seed: int, images: int, epochs: int) -> dict[str, Any]:
    """Train once; give accuracy on the images trained on and on 1,000 others, and the seconds."""
    cl.seed(seed)
    digits = load()
    few, _ = data.stratified_split(digits.train.labels, len(digits.train.labels) - images, seed)
    train = data.ArrayDataset(
        digits.train.images[few], digits.train.labels[few], mean=0.13, std=0.31
    )
    test = data.ArrayDataset(*digits.test, mean=0.13, std=0.31)
    model = make_network(setting)
    trainer = cl.Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=2e-3))
    start = time.perf_counter()
    trainer.fit(
        data.DataLoader(train, setting["batch size"], shuffle=True, seed=seed), epochs=epochs
    )
    seconds = time.perf_counter() - start
    known, new = (trainer.evaluate(data.DataLoader(part, 500)) for part in (train, test))
    return {"train": known["accuracy"], "test": new["accuracy"], "seconds": seconds}


def study(seeds: int, images: int, epochs: int, most: int) -> dict[str, dict[str, list[Any]]]:
    """Each value of each thing studied, the others as usual: a result per seed."""
    results: dict[str, dict[str, list[Any]]] = {}
    for name, values in STUDIED.items():
        print(f"\n| {name} | accuracy on training images | on test images | seconds |")
        print("|---|---|---|---|")
        results[name] = {}
        for value in values[:most]:
            setting = {**USUAL, name: value}
            runs = [measure(setting, seed, images, epochs) for seed in range(seeds)]
            results[name][str(value)] = runs
            Path("study.json").write_text(json.dumps(results, indent=1))
            known, new = (spread([run[part] for run in runs]) for part in ("train", "test"))
            seconds = statistics.median(run["seconds"] for run in runs)
            print(f"| {value} | {known} | {new} | {seconds:.1f} |", flush=True)
    return results


def spread(shares: list[float]) -> str:
    """The mean and the standard deviation over the seeds, in percent."""
    deviation = statistics.stdev(shares) if len(shares) > 1 else 0.0
    return f"{100 * statistics.mean(shares):.2f} ± {100 * deviation:.2f}"


def draw(results: dict[str, dict[str, list[Any]]]) -> Figure:
    """A panel per thing studied: a dot per training, a line through the means."""
    figure = Figure(figsize=(10, 6.4), dpi=100, layout="constrained")
    for axes, (name, values) in zip(figure.subplots(2, 2).flat, results.items(), strict=True):
        for part, colour, aside in (("train", BLUE, -0.07), ("test", ORANGE, 0.07)):
            shares = [[100 * run[part] for run in runs] for runs in values.values()]
            for place, dots in enumerate(shares):
                axes.plot([place + aside] * len(dots), dots, "o", color=colour, alpha=0.45, ms=4)
            means = [statistics.mean(dots) for dots in shares]
            places = np.arange(len(means)) + aside
            axes.plot(places, means, color=colour, label=f"{part} images")
        axes.set_xticks(range(len(values)), values)
        axes.set_xlabel(name)
        axes.set_ylabel("accuracy, %")
        axes.grid(axis="y", color="#dfe3e8")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=9)
    return figure


def main() -> None:
    """Run the study, write its figures and its picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one seed, two values, one epoch")
    parser.add_argument("--seeds", type=int, default=4, help="trainings per value")
    arguments = parser.parse_args()
    size = (1, 300, 1, 2) if arguments.quick else (arguments.seeds, 2000, 8, 99)
    results = study(*size)
    draw(results).savefig("study.png")


if __name__ == "__main__":
    main()
