"""Whether a network that trains with Winograd's sums ends as one that trains with direct ones does.

    python benchmarks/winograd_training.py

Drawn figures of 32 x 32 pixels (`data.shapes`), six 3x3 convolutions of which all but the first are
large enough for Winograd's algorithm, the same first weights and batches for both. The results stand
in docs/winograd.md.
"""

from __future__ import annotations

import argparse
import time
from functools import cache

import numpy as np

import convlet as cl
from convlet import _core, nn, optim
from convlet.data import ArrayDataset, DataLoader, shapes

CHANNELS = (32, 64, 128)  # of two convolutions each, before a pooling


def network(classes: int) -> nn.Sequential:
    """A small VGG with batch normalisation."""
    parts: list[nn.Module] = []
    channels = 3
    for width in CHANNELS:
        for _ in range(2):
            parts += [nn.Conv2d(channels, width, 3, padding=1, bias=False)]
            parts += [nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        parts.append(nn.MaxPool2d(2))
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(channels * 4 * 4, classes))


@cache
def pictures(count: int, seed: int) -> ArrayDataset:
    """Figures of ten kinds, the same number of each."""
    images, labels = shapes.classification(count, seed=seed, difficulty="medium")
    return ArrayDataset(images, labels, mean=0.5, std=0.25)


def train(seed: int, exact: bool, images: int, epochs: int) -> tuple[float, float]:
    """Accuracy on as many other pictures as it learnt from, and the last epoch's loss."""
    known, others = pictures(images, seed=0), pictures(images, seed=1)
    with cl.use_exact_conv(exact):
        cl.seed(seed)
        model = network(len(shapes.CLASS_NAMES))
        optimizer = optim.Adam(model.parameters(), lr=2e-3)
        trainer = cl.Trainer(model, nn.CrossEntropyLoss(), optimizer)
        batches = DataLoader(known, 64, shuffle=True, seed=seed)
        trainer.fit(batches, epochs=epochs - 1)
        optimizer.param_groups[0]["lr"] = 2e-4  # so that the end does not hang on the last batches
        history = trainer.fit(batches, epochs=1)
        return trainer.evaluate(DataLoader(others, 256))["accuracy"], history[-1]["loss"]


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="how often (default 3)")
    parser.add_argument("--images", type=int, default=3000, help="to learn from, and to test with")
    parser.add_argument("--epochs", type=int, default=6, help="of each training (default 6)")
    given = parser.parse_args()
    start = time.perf_counter()
    print(f"{_core.get_isa()}, {_core.get_num_threads()} threads\n")
    print("| seed | direct: accuracy | last loss | Winograd: accuracy | last loss |")
    print("|---|---|---|---|---|")
    ends: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(given.seeds):
        row = []
        for exact, found in ends.items():
            accuracy, loss = train(seed, exact, given.images, given.epochs)
            found.append(accuracy)
            row.append(f"{accuracy:.1%} | {loss:.4f}")
        print(f"| {seed} | {' | '.join(row)} |", flush=True)
    means = " | ".join(f"{np.mean(found):.1%} ± {np.std(found):.1%} |" for found in ends.values())
    print(f"| mean | {means} |\n\n{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
