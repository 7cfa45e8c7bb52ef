"""MixUp and CutMix: images and targets in the same proportion, drawn sample by sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convlet import _transforms
from convlet.data import ArrayDataset, DataLoader
from convlet.data.transforms import CutMix, Mixing, MixUp
from convlet.train.metrics import Accuracy, TopKAccuracy


def batch(count: int = 16) -> tuple[Any, Any]:
    rng = np.random.default_rng(2)
    return rng.random((count, 3, 8, 9)).astype(np.float32), rng.integers(0, 5, count)


def test_mixup_blends_images_as_targets() -> None:
    images, labels = batch()
    mixed, targets = MixUp(alpha=0.4, num_classes=5)(images, labels, seed=3, epoch=2)
    shares = _transforms.draw(np.arange(16), stream=1 << 31, count=2, alpha=0.4, seed=3, epoch=2)
    share = shares[:, 0].reshape(-1, 1, 1, 1)
    np.testing.assert_allclose(
        mixed, share * images + (1 - share) * np.roll(images, 1, 0), atol=1e-6
    )
    hot = np.eye(5)[labels]
    part = share.reshape(-1, 1)
    np.testing.assert_allclose(targets, part * hot + (1 - part) * np.roll(hot, 1, 0), atol=1e-6)
    assert targets.dtype == mixed.dtype == np.float32


def test_cutmix_pastes_a_rectangle_of_the_share_in_the_target() -> None:
    images, _ = batch(64)
    labels = np.arange(64)
    mixed, targets = CutMix(num_classes=64)(images, labels, seed=3)
    other = np.roll(images, 1, 0)
    areas = []
    for n in range(64):
        pasted = (mixed[n] == other[n]).all(axis=0)
        assert (mixed[n][:, ~pasted] == images[n][:, ~pasted]).all()
        rows, columns = np.flatnonzero(pasted.any(1)), np.flatnonzero(pasted.any(0))
        assert pasted.sum() == len(rows) * len(columns)
        assert targets[n, n] == pytest.approx(1 - pasted.mean(), abs=1e-6)
        assert targets[n].sum() == pytest.approx(1)
        areas.append(pasted.mean())
    assert min(areas) < 0.1
    assert max(areas) > 0.6


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 3.0])
def test_shares_have_the_moments_of_beta(alpha: float) -> None:
    shares = _transforms.draw(np.arange(40_000), stream=1, count=0, alpha=alpha, seed=1)[:, 0]
    assert abs(shares.mean() - 0.5) < 0.01
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.03)
    excess = ((shares - 0.5) ** 4).mean() / shares.var() ** 2 - 3
    assert excess == pytest.approx(-6 / (3 + 2 * alpha), abs=0.05)
    assert 0 <= shares.min() <= shares.max() <= 1


def test_the_smallest_alpha_gives_one_of_the_two() -> None:
    shares = _transforms.draw(np.arange(1000), stream=1, count=0, alpha=1e-3, seed=1)[:, 0]
    assert np.isfinite(shares).all()
    assert 0.4 < shares.mean() < 0.6
    assert np.mean((shares < 0.01) | (shares > 0.99)) > 0.98


@pytest.mark.parametrize("kind", [MixUp, CutMix])
def test_a_loader_mixes_the_same_with_any_workers(kind: type[Mixing]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 3, 8, 8), dtype=np.uint8)
    epochs = []
    for workers in (0, 1, 3):
        loader: DataLoader[Any] = DataLoader(
            ArrayDataset(pixels, np.arange(30) % 5, shift=1),
            7,
            shuffle=True,
            num_workers=workers,
            mix=kind(num_classes=5),
        )
        epochs.append(list(loader))
    for batches in zip(*epochs, strict=True):
        for images, targets in batches[1:]:
            np.testing.assert_array_equal(images, batches[0][0])
            np.testing.assert_array_equal(targets, batches[0][1])
    assert epochs[0][0][1].shape == (7, 5)


def test_threads_change_no_bit() -> None:
    images, labels = batch()
    for kind in (MixUp(num_classes=5), CutMix(num_classes=5)):
        one = kind(images, labels, num_threads=1)[0]
        np.testing.assert_array_equal(one, kind(images, labels, num_threads=3)[0])


def test_mixing_again_and_batches_of_none_and_one() -> None:
    images, labels = batch()
    again = CutMix()(*MixUp(num_classes=5)(images, labels))
    np.testing.assert_allclose(again[1].sum(axis=1), 1, atol=1e-6)
    for kind in (MixUp(num_classes=5), CutMix(num_classes=5)):
        assert kind(images[:0], labels[:0])[1].shape == (0, 5)
        one, target = kind(images[:1], labels[:1])
        np.testing.assert_allclose(one, images[:1], atol=1e-6)
        np.testing.assert_allclose(target, np.eye(5)[labels[:1]], atol=1e-6)


@pytest.mark.parametrize(
    ("images", "labels", "error", "words"),
    [
        (np.zeros((2, 1, 2, 2)), [0, 1], TypeError, "images must be a float32 array"),
        (np.zeros((2, 2, 2), np.float32), [0, 1], ValueError, r"images must be \(N, C, H, W\)"),
        (np.zeros((2, 1, 2, 2), np.float32), [0], ValueError, r"labels must be \(2,\) or"),
        (np.zeros((2, 1, 2, 2), np.float32), [0, 5], ValueError, r"must be in \[0, 5\)"),
        (np.zeros((2, 1, 2, 2), np.float32), [0, -1], ValueError, r"must be in \[0, 5\)"),
        (np.zeros((2, 1, 2, 2), np.float32), [0.5, 1], TypeError, "labels must be integers"),
    ],
)
def test_what_cannot_be_mixed_is_named(
    images: Any, labels: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=f"MixUp: .*{words}"):
        MixUp(num_classes=5)(images, labels)


def test_metrics_take_soft_targets_for_their_largest_share() -> None:
    outputs = np.array([[3, 1, 2], [1, 3, 2], [1, 2, 3]], np.float32)
    targets = np.array([[0.6, 0.4, 0], [0.3, 0, 0.7], [0, 0.4, 0.6]], np.float32)
    for metric, wanted in ((Accuracy(), 2 / 3), (TopKAccuracy(2), 1.0)):
        metric.update(outputs, targets)
        assert metric.compute() == pytest.approx(wanted)


def test_labels_want_a_number_of_classes_and_a_loader_wants_a_mixing() -> None:
    with pytest.raises(ValueError, match="num_classes must be given"):
        MixUp()(*batch())
    with pytest.raises(TypeError, match="mix must be MixUp or CutMix"):
        DataLoader([1], mix=3)  # type: ignore[call-overload]
