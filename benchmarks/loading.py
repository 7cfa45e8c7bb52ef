"""How long a training step waits for its batches, and how many pictures per second come from files.

python benchmarks/loading.py            # half a minute
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

import convlet as cl
from convlet import models, nn, optim
from convlet.data import ArrayDataset, DataLoader, ImageFolder
from convlet.data import transforms as T

BATCH, COUNT = 64, 12_800
DATASETS = {
    "as stored": {"mean": 0.5, "std": 0.5},
    "shift": {"mean": 0.5, "std": 0.5, "shift": 2},
    "crop, flip, normalise": {
        "transform": T.Compose(
            [T.RandomCrop(28, 2), T.RandomHorizontalFlip(), T.Normalize(0.5, 0.5)]
        )
    },
    "affine, jitter, erase": {
        "transform": T.Compose(
            [
                T.RandomAffine(10, (0.1, 0.1), (0.9, 1.1), interpolation="bilinear"),
                T.ColorJitter(0.2, 0.2),
                T.Normalize(0.5, 0.5),
                T.RandomErasing(0.25),
            ]
        )
    },
}
PHOTO = T.Compose(
    [T.RandomResizedCrop(224), T.RandomHorizontalFlip(), T.Normalize([0.5] * 3, [0.25] * 3)]
)


def training_step() -> cl.Trainer:
    model = models.lenet5(seed=0)
    return cl.Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.01))


def step_alone(trainer: cl.Trainer) -> float:
    """Seconds of a step whose batch is there already."""
    images = np.random.default_rng(0).random((BATCH, 1, 28, 28)).astype(np.float32)
    labels = np.arange(BATCH) % 10
    times = []
    for _ in range(1200):
        start = perf_counter()
        trainer.train_step(images, labels)
        times.append(perf_counter() - start)
    return float(np.median(times[1000:]))  # after seconds in which a virtual machine wakes up


def waiting(workers: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (COUNT, 1, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, COUNT)
    trainer = training_step()
    alone = step_alone(trainer)
    print(
        f"LeNet-5, batches of {BATCH}: a step alone {alone * 1e3:.2f} ms, {BATCH / alone:,.0f}/s\n"
    )
    print(f"{'':24}{'workers':>8}{'images/s':>12}{'waiting':>10}")
    for name, how in DATASETS.items():
        for count in workers:
            loader = DataLoader(
                ArrayDataset(images, labels, **how), BATCH, shuffle=True, num_workers=count
            )
            rows = []
            for _ in range(3):
                for batch, targets in loader:
                    trainer.train_step(batch, targets)
                rows.append((loader.timing.seconds, loader.timing.idle_share))
            seconds, share = sorted(rows)[1]
            print(f"{name:24}{count:8}{COUNT / seconds:12,.0f}{share:10.1%}")


def from_files(
    workers: tuple[int, ...], count: int, width: int, height: int, least_side: int | None
) -> None:
    from PIL import Image

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
            path = Path(folder, f"class{number % 4}", f"{number}.jpg")
            path.parent.mkdir(exist_ok=True)
            small.resize((width, height), Image.Resampling.BICUBIC).save(path, quality=90)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.jpg")) / count
        print(
            f"\nJPEG files of {width}x{height} ({size / 1024:.0f} KiB), least_side={least_side}, "
            "to batches of 32 of 3x224x224"
        )
        dataset = ImageFolder(folder, PHOTO, least_side=least_side)
        for worker in workers:
            loader = DataLoader(dataset, 32, shuffle=True, num_workers=worker)
            times = []
            for _ in range(3):
                start = perf_counter()
                for _ in loader:
                    pass
                times.append(perf_counter() - start)
            print(f"{worker} workers {count / sorted(times)[1]:8,.0f} images/s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 1, 2])
    workers = tuple(parser.parse_args().workers)
    print(f"{cl.get_num_threads()} threads")
    waiting(workers)
    from_files(workers, 240, 500, 375, None)
    for least_side in (None, 448):
        from_files(workers, 64, 3000, 2250, least_side)


if __name__ == "__main__":
    main()
