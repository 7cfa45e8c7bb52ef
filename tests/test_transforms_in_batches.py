"""Transforms over whole batches: layouts, threads, datasets, loaders, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import convlet as cl
from convlet import _transforms
from convlet.data import ArrayDataset, DataLoader
from convlet.data import transforms as T
from test_pipeline import layouts

EVERYTHING = T.Compose(
    [
        T.RandomCrop(10, padding=2, padding_mode="reflect"),
        T.RandomHorizontalFlip(),
        T.RandomAffine(20, (0.1, 0.1), (0.8, 1.2), 10, "bilinear"),
        T.ColorJitter(0.4, 0.4, 0.4, 0.1),
        T.RandomResizedCrop(12),
        T.RandomErasing(value="random"),
        T.Normalize(0.5, 0.25),
    ]
)


def pictures(count: int = 40, dtype: type = np.uint8) -> npt.NDArray[Any]:
    return np.random.default_rng(3).integers(0, 256, (count, 3, 9, 11)).astype(dtype)


def test_any_layout_gives_the_same_bits() -> None:
    for dtype in (np.uint8, np.float32):
        stored = pictures(6, dtype)
        wanted = EVERYTHING(stored, seed=1)
        for name, same in layouts(stored).items():
            np.testing.assert_array_equal(EVERYTHING(same, seed=1), wanted, err_msg=name)
            one = [EVERYTHING(x, seed=1, indices=[i]) for i, x in enumerate(same)]
            np.testing.assert_array_equal(np.stack(one), wanted, err_msg=name)


def test_threads_workers_and_order_change_no_bit() -> None:
    dataset = ArrayDataset(pictures(), np.arange(40), transform=EVERYTHING)
    order = np.random.default_rng(0).permutation(40)
    wanted = dataset.batch(np.arange(40), seed=5, epoch=1, num_threads=1)[0]
    for threads in (2, 3, 7):
        got, labels = dataset.batch(order, seed=5, epoch=1, num_threads=threads)
        np.testing.assert_array_equal(got, wanted[order])
        assert labels.tolist() == order.tolist()
    for workers in (0, 1, 3):
        loader = DataLoader(dataset, 7, shuffle=True, num_workers=workers, seed=5)
        loader.set_epoch(1)
        for images, labels in loader:
            np.testing.assert_array_equal(images, wanted[labels])


def test_seed_epoch_and_index_change_what_is_drawn() -> None:
    stored = np.repeat(pictures(1), 5, axis=0)
    base = EVERYTHING(stored, seed=5, epoch=1)
    assert len({x.tobytes() for x in base}) == 5
    for how in ({"seed": 6, "epoch": 1}, {"seed": 5, "epoch": 2}, {"seed": 5 + 2**32, "epoch": 1}):
        other = EVERYTHING(stored, **how)
        assert not any(np.array_equal(a, b) for a, b in zip(base, other, strict=True))


def test_without_a_seed_the_library_draws() -> None:
    cl.seed(3)
    first, second = (EVERYTHING(pictures(1)[0]) for _ in range(2))
    cl.seed(3)
    np.testing.assert_array_equal(EVERYTHING(pictures(1)[0]), first)
    assert not np.array_equal(first, second)


def test_calls_without_a_seed_share_no_draws() -> None:
    same = np.repeat(pictures(1), 8, axis=0)
    drawn = [EVERYTHING(same[:count]) for count in (8, 3, 1, 5)]
    everything = [image.tobytes() for images in drawn for image in images]
    assert len(set(everything)) == len(everything) == 17


def test_a_picture_of_pillow_is_taken() -> None:
    pillow = pytest.importorskip("PIL.Image")
    pixels = pictures(1)[0]
    image = pillow.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    np.testing.assert_array_equal(T.ToTensor()(image), T.ToTensor()(pixels))
    assert T.ToTensor()(image.convert("L")).shape == (1, 9, 11)


def test_the_pictures_are_not_modified() -> None:
    stored = pictures(8, np.float32)
    before = stored.copy()
    EVERYTHING(stored, seed=0)
    np.testing.assert_array_equal(stored, before)


def test_nan_passes_through() -> None:
    image = np.full((3, 4, 4), np.nan, np.float32)
    for transform in (T.ColorJitter(0.5, 0.5, 0.5), T.Resize(8), T.Normalize(0.5, 0.5)):
        assert np.isnan(transform(image)).all(), transform


def test_frequencies_and_ranges_are_those_asked_for() -> None:
    count = 20_000
    ramp = np.broadcast_to(np.arange(9, dtype=np.float32).reshape(1, 1, 1, 9), (count, 1, 1, 9))
    flipped = T.RandomHorizontalFlip(0.3)(ramp, seed=1)[:, 0, 0, 0] == 8
    assert abs(flipped.mean() - 0.3) < 0.02
    starts = T.RandomCrop((1, 5))(ramp, seed=1)[:, 0, 0, 0]
    np.testing.assert_allclose(np.bincount(starts.astype(int)) / count, 0.2, atol=0.015)
    bright = T.ColorJitter(brightness=(0.2, 0.6))(np.ones((count, 1, 1, 1), np.float32), seed=1)
    assert 0.2 <= bright.min() < 0.201
    assert 0.599 < bright.max() <= 0.6
    assert abs(bright.mean() - 0.4) < 0.005
    noise = T.RandomErasing(1, (0.5, 0.5), (1, 1), "random")(
        np.zeros((200, 1, 40, 40), np.float32), seed=1
    )
    noise = noise[noise != 0]
    assert abs(noise.mean()) < 0.01
    assert abs(noise.std() - 1) < 0.01


def test_a_dataset_gives_the_size_that_its_transform_leaves() -> None:
    dataset = ArrayDataset(pictures(), np.arange(40), transform=T.Grayscale(), mean=0.5, std=0.5)
    images, _ = dataset.batch([0, 39])
    assert images.shape == (2, 1, 9, 11)
    assert -1 <= images.min() < -0.8
    assert dataset.batch([])[0].shape == (0, 1, 9, 11)
    assert "Grayscale" in repr(dataset)
    empty = ArrayDataset(pictures(0), [], transform=T.Resize((4, 5)))
    assert empty.batch([])[0].shape == (0, 3, 4, 5)


@pytest.mark.parametrize("bad", [-1, 40])
def test_an_index_outside_is_refused(bad: int) -> None:
    dataset = ArrayDataset(pictures(), np.arange(40), transform=EVERYTHING)
    with pytest.raises(ValueError, match=r"indices must be in \[0, 40\)"):
        dataset.batch([3, bad])


def test_what_does_not_fit_the_pictures_is_told_when_the_dataset_is_made() -> None:
    for transform, words in (
        (T.RandomCrop(12), "step 0 cuts 12x12 pixels out of picture 0, which has 9x11"),
        (T.Normalize([0.5] * 2, 1), "Normalize: mean must be 3 numbers"),
        (T.Pad(1, fill=(1, 2)), "Pad: fill must be 3 numbers"),
    ):
        with pytest.raises(ValueError, match=words):
            ArrayDataset(pictures(), np.arange(40), transform=transform)
    with pytest.raises(ValueError, match="shift and flip must not be given beside a transform"):
        ArrayDataset(pictures(), np.arange(40), transform=T.ToTensor(), flip=True)
    with pytest.raises(TypeError, match=r"transform must be one of convlet\.data"):
        ArrayDataset(pictures(), np.arange(40), transform=abs)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ColorJitter: pictures must have 1 or 3 channels, got 2"):
        T.ColorJitter(0.5)(np.zeros((2, 4, 4), np.uint8))


def test_pictures_of_other_sizes_are_told_apart() -> None:
    images = [np.zeros((3, 4, 5), np.uint8), np.zeros((3, 4, 6), np.uint8)]
    assert _transforms.transform(images, [0, 1], T.Resize((3, 3)).steps(3)).shape == (2, 3, 3, 3)
    with pytest.raises(ValueError, match="got 3x4x5 of picture 0 and 3x4x6 of picture 1"):
        _transforms.transform(images, [0, 1], [])


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: T.RandomCrop(0), ValueError, "RandomCrop: size must be at least 1, got 0"),
        (lambda: T.RandomCrop(2**31), ValueError, "RandomCrop: size must be at most"),
        (lambda: T.RandomCrop((1, 2, 3)), ValueError, "RandomCrop: size must be one number or two"),
        (lambda: T.RandomCrop(2.5), TypeError, "RandomCrop: size must be an int, got float"),  # type: ignore[arg-type]
        (lambda: T.RandomCrop(4, padding=-1), ValueError, "padding must be at least 0, got -1"),
        (lambda: T.RandomCrop(4, (1, 2, 3)), ValueError, "padding must be 1, 2 or 4 ints"),
        (lambda: T.RandomCrop(4, padding_mode="wrap"), ValueError, "padding_mode must be one of"),
        (lambda: T.RandomHorizontalFlip(1.5), ValueError, r"p must be in \[0, 1\], got 1.5"),
        (lambda: T.RandomVerticalFlip("a"), TypeError, "p must be a number"),  # type: ignore[arg-type]
        (lambda: T.RandomRotation(-5), ValueError, "must not be negative"),
        (lambda: T.RandomRotation((5, 1)), ValueError, "degrees must be two numbers in order"),
        (lambda: T.RandomRotation(np.nan), ValueError, "degrees must be finite"),
        (lambda: T.RandomRotation(5, expand=True), ValueError, "expand must be False"),
        (lambda: T.RandomRotation(5, "bicubic"), ValueError, "interpolation must be one of"),
        (lambda: T.RandomAffine(0, (2, 0)), ValueError, r"translate must be in \[0, 1\]"),
        (lambda: T.RandomAffine(0, scale=(0, 1)), ValueError, "scale must be two numbers"),
        (lambda: T.RandomAffine(0, shear=90), ValueError, "between -90 and 90"),
        (lambda: T.RandomAffine(0, shear=(1, 2, 3)), ValueError, "shear must be 2 or 4 numbers"),
        (lambda: T.Resize(0), ValueError, "Resize: size must be at least 1"),
        (lambda: T.Resize((4, 4), max_size=9), ValueError, "max_size is for a size of one"),
        (lambda: T.Resize(4, max_size=4), ValueError, "max_size must be at least 5"),
        (lambda: T.Resize(4, "bicubic", antialias=False), ValueError, "with antialias only"),
        (lambda: T.RandomResizedCrop(4, (0.5, 2)), ValueError, "scale must be two numbers"),
        (lambda: T.RandomResizedCrop(4, ratio=(0, 1)), ValueError, "ratio must be two numbers"),
        (lambda: T.ColorJitter(brightness=-1), ValueError, "brightness must not be negative"),
        (lambda: T.ColorJitter(hue=0.6), ValueError, "hue must be two numbers in order"),
        (lambda: T.Grayscale(2), ValueError, "num_output_channels must be 1 or 3, got 2"),
        (lambda: T.Normalize(0, 0), ValueError, "std must be positive"),
        (lambda: T.RandomErasing(value="noise"), ValueError, 'numbers or "random", got'),
        (lambda: T.Compose([abs]), TypeError, r"transforms\[0\] must be one of"),  # type: ignore[list-item]
        (lambda: T.MixUp(alpha=0), ValueError, "MixUp: alpha must be in"),
        (lambda: T.CutMix(num_classes=0), ValueError, "num_classes must be at least 1"),
        (lambda: T.ToTensor()(np.zeros((4, 4))), ValueError, r"must be \(C, H, W\) or"),
        (lambda: T.ToTensor()(np.zeros((1, 4, 4))), TypeError, "uint8 or float32"),
        (lambda: T.ToTensor()(np.zeros((1, 0, 4), np.uint8)), ValueError, "must have pixels"),
        (lambda: T.ToTensor()(np.zeros((0, 1, 4, 4), np.uint8)), ValueError, "at least one"),
        (lambda: T.ToTensor()(np.zeros((1, 4, 4), np.uint8), seed=-1), ValueError, "seed must be"),
    ],
)
def test_wrong_arguments_are_named(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


FORK = """
import os, numpy as np
from convlet.data import transforms
images = np.arange(64 * 3 * 64 * 64, dtype=np.uint32).astype(np.uint8).reshape(64, 3, 64, 64)
crop = lambda: transforms.RandomCrop(60)(images, seed=3, num_threads=2)
wanted = crop()
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(crop(), wanted) else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork on Windows")
def test_a_forked_child_transforms_the_same_and_does_not_hang() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK], check=True, timeout=60)
