"""A small training with everything that has a state, to be interrupted and resumed in tests."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

import convlet as cl
from convlet import data, nn, optim
from convlet.optim import lr_scheduler
from convlet.train import EMA, EarlyStopping, Trainer
from convlet.train.checkpoint import capture

if TYPE_CHECKING:
    from convlet.train import Callback

IMAGES, BATCH = 44, 8  # six batches, the last of them shorter
EPOCHS = 4


def images(count: int, seed: int) -> data.ArrayDataset:
    """Pictures whose class is where they are bright, shifted and mirrored by the loader."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    pixels = rng.integers(0, 120, (count, 1, 8, 8)).astype(np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[0, 2 * label : 2 * label + 3] += 100
    return data.ArrayDataset(pixels, labels, shift=1, flip=True)


def loaders(workers: int = 0) -> tuple[Any, Any]:
    train = data.DataLoader(images(IMAGES, 0), BATCH, shuffle=True, seed=3, num_workers=workers)
    return train, data.DataLoader(images(16, 1), 16)


def trainer(accumulate: int = 1, scheduler: str = "OneCycleLR", ema: bool = True) -> Trainer:
    """Batch normalisation, dropout from both kinds of generators, momentum, schedule, averages."""
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2)),
        *(nn.Flatten(), nn.Dropout(0.3, generator=cl.random.Generator(5)), nn.Linear(256, 3)),
    )
    optimizer = optim.AdamW(model.parameters(), lr=0.01)
    steps = EPOCHS * -(-6 // accumulate)
    schedules: dict[str, Any] = {
        "OneCycleLR": lambda: lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=steps),
        "ReduceLROnPlateau": lambda: lr_scheduler.ReduceLROnPlateau(optimizer, patience=0),
        "StepLR": lambda: lr_scheduler.StepLR(optimizer, 1, 0.7),
    }
    return Trainer(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        ["accuracy", "f1"],
        scheduler=schedules[scheduler](),
        accumulate=accumulate,
        ema=EMA(0.9) if ema else None,
    )


def finish(run: Trainer, callbacks: list[Callback] | None = None, workers: int = 0) -> Trainer:
    """Train to the end, wherever the run is."""
    run.fit(*loaders(workers), EPOCHS - run.epoch, [EarlyStopping(patience=9), *(callbacks or [])])
    return run


def begin(**more: Any) -> Trainer:
    cl.seed(11)
    return trainer(**more)


def digest(run: Trainer) -> str:
    """A number that stands for every bit of a run but the time it took."""
    arrays, state = capture(run)
    state["history"] = [
        {k: v for k, v in row.items() if k not in ("seconds", "images_per_second")}
        for row in state["history"]
    ]
    del state["running"]["seconds"]
    text = hashlib.sha256(json.dumps(state, sort_keys=True).encode())
    for name in sorted(arrays):
        text.update(name.encode())
        text.update(np.asarray(arrays[name], order="C").tobytes())
    return text.hexdigest()
