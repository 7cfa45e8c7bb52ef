"""From stored bytes to a training batch: gathering, and augmentation beside vectorised NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from convlet.data import ArrayDataset, transforms

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT, SIDE, PAD = 128, 32, 4
MEAN, STD = np.float32(0.5), np.float32(0.25)

by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])


def pictures(count: int = 1000) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 3, SIDE, SIDE), dtype=np.uint8)


def scaled(images: np.ndarray) -> np.ndarray:
    return images * np.float32(1 / 255)


def cropped(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random window of each padded picture: all windows as a view, from which one is taken."""
    wide = np.pad(images, ((0, 0), (0, 0), (PAD, PAD), (PAD, PAD)))
    windows = np.lib.stride_tricks.sliding_window_view(wide, (SIDE, SIDE), (2, 3))
    top, left = rng.integers(0, 2 * PAD + 1, (2, len(images)))
    return windows[np.arange(len(images)), :, top, left]


def flipped(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    turn = rng.random(len(images)) < 0.5
    images[turn] = images[turn, :, :, ::-1]
    return images


def grey(images: np.ndarray) -> np.ndarray:
    return np.tensordot(images, np.array([0.2989, 0.587, 0.114], np.float32), ([1], [0]))[:, None]


def jittered(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness, contrast and saturation, one after another."""
    factors = rng.uniform(0.6, 1.4, (3, len(images), 1, 1, 1)).astype(np.float32)
    images = np.clip(images * factors[0], 0, 1)
    mean = grey(images).mean((2, 3), keepdims=True)
    images = np.clip(factors[1] * images + (1 - factors[1]) * mean, 0, 1)
    return np.clip(factors[2] * images + (1 - factors[2]) * grey(images), 0, 1)


def turned(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rotation with bilinear interpolation."""
    angle = np.deg2rad(rng.uniform(-15, 15, (len(images), 1, 1))).astype(np.float32)
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) - (SIDE - 1) / 2
    column = np.cos(angle) * x - np.sin(angle) * y + (SIDE - 1) / 2 + 1
    row = np.sin(angle) * x + np.cos(angle) * y + (SIDE - 1) / 2 + 1
    wide = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    column, row = np.clip(column, 0, SIDE + 0.999), np.clip(row, 0, SIDE + 0.999)
    j, i = column.astype(np.int64), row.astype(np.int64)
    right, down = (column - j)[:, None], (row - i)[:, None]
    n = np.arange(len(images))[:, None, None]

    def corner(di: int, dj: int) -> np.ndarray:
        return wide[n, :, i + di, j + dj].transpose(0, 3, 1, 2)

    top = (1 - right) * corner(0, 0) + right * corner(0, 1)
    bottom = (1 - right) * corner(1, 0) + right * corner(1, 1)
    return (1 - down) * top + down * bottom


def resized(images: np.ndarray) -> np.ndarray:
    """Twice the size, bilinear, by two matrix products."""
    place = (np.arange(2 * SIDE) + 0.5) / 2 - 0.5
    weights = np.maximum(1 - np.abs(place[:, None] - np.arange(SIDE)), 0).astype(np.float32)
    weights /= weights.sum(1, keepdims=True)
    return weights @ images @ weights.T


def whole(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (jittered(flipped(cropped(images, rng), rng), rng) - MEAN) / STD


T = transforms
RACES: dict[str, tuple[transforms.Transform, Callable[..., np.ndarray]]] = {
    "crop": (T.RandomCrop(SIDE, PAD), cropped),
    "flip": (T.RandomHorizontalFlip(), flipped),
    "jitter": (T.ColorJitter(0.4, 0.4, 0.4), jittered),
    "rotation": (T.RandomRotation(15, "bilinear"), turned),
    "resize": (T.Resize((2 * SIDE, 2 * SIDE)), lambda images, _: resized(images)),
    "normalise": (T.Normalize(float(MEAN), float(STD)), lambda x, _: (x - MEAN) / STD),
    "crop flip jitter normalise": (
        T.Compose(
            [
                T.RandomCrop(SIDE, PAD),
                T.RandomHorizontalFlip(),
                T.ColorJitter(0.4, 0.4, 0.4),
                T.Normalize(float(MEAN), float(STD)),
            ]
        ),
        whole,
    ),
}


@by_contender
@pytest.mark.parametrize("name", RACES)
def test_transform(race: Callable[..., None], name: str, contender: str) -> None:
    transform, by_numpy = RACES[name]
    stored, order = pictures(), np.random.default_rng(1).permutation(1000)[:COUNT]
    dataset = ArrayDataset(stored, np.zeros(1000, int), transform=transform)
    rng = np.random.default_rng(0)
    race(
        f"transform, {name}",
        contender,
        same=name in ("resize", "normalise"),  # the others draw their own numbers
        convlet=lambda: dataset.batch(order)[0],
        numpy=lambda: by_numpy(scaled(stored[order]), rng),
    )


@by_contender
def test_gather(race: Callable[..., None], contender: str) -> None:
    stored, order = pictures(), np.random.default_rng(1).permutation(1000)[:COUNT]
    dataset = ArrayDataset(stored, np.zeros(1000, int), mean=0.5, std=0.25)
    race(
        "gather, 128 of 3x32x32",
        contender,
        convlet=lambda: dataset.batch(order)[0],
        numpy=lambda: (scaled(stored[order]) - MEAN) / STD,
    )


@by_contender
def test_mixup(race: Callable[..., None], contender: str) -> None:
    images = scaled(pictures(COUNT)).transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)
    labels = np.arange(COUNT) % 10
    mix, rng = transforms.MixUp(alpha=0.4, num_classes=10), np.random.default_rng(0)

    def by_numpy() -> tuple[np.ndarray, np.ndarray]:
        share = rng.beta(0.4, 0.4, (COUNT, 1, 1, 1)).astype(np.float32)
        hot, part = np.eye(10, dtype=np.float32)[labels], share[:, :, 0, 0]
        mixed = share * images + (1 - share) * np.roll(images, 1, 0)
        return mixed, part * hot + (1 - part) * np.roll(hot, 1, 0)

    race(
        "mixup, 128 of 3x32x32",
        contender,
        same=False,
        convlet=lambda: mix(images, labels),
        numpy=by_numpy,
    )
