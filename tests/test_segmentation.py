"""Masks: datasets that change them with their pictures, measures, windows over large images, files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import data, vision
from convlet.data import segmentation, shapes, transforms
from convlet.errors import FormatError
from convlet.train import BoundaryF1, MeanIoU, boundary_f1

if TYPE_CHECKING:
    from pathlib import Path

SCENES = shapes.scenes(6, size=48, seed=3)


def indexed(count: int = 3, height: int = 20, width: int = 24) -> tuple[Any, Any]:
    """Pictures whose pixels are the classes of their masks, so that both can be compared."""
    masks = np.random.default_rng(0).integers(0, 200, (count, height, width)).astype(np.uint8)
    return np.stack([masks] * 3, axis=1), masks


@pytest.mark.parametrize(
    "transform",
    [
        transforms.RandomHorizontalFlip(),
        transforms.RandomVerticalFlip(),
        transforms.RandomCrop(12),
        transforms.RandomCrop((20, 24), padding=3, fill=1.0),
        transforms.RandomAffine(30, translate=(0.2, 0.2), scale=(0.7, 1.3), fill=1.0),
        transforms.Resize((9, 31), interpolation="nearest", antialias=False),
        transforms.RandomResizedCrop(16, interpolation="nearest", antialias=False),
        transforms.Compose(
            [
                transforms.RandomHorizontalFlip(),
                transforms.RandomCrop(14, padding=2, fill=1.0),
                transforms.RandomAffine(20, fill=1.0),
                transforms.RandomVerticalFlip(),
            ]
        ),
    ],
    ids=lambda transform: type(transform).__name__,
)
@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_masks_move_as_their_pictures(transform: transforms.Transform, epoch: int) -> None:
    images, masks = indexed()
    dataset = segmentation.SegmentationDataset(images, masks, 200, transform=transform)
    moved, classes = dataset.batch([2, 0, 1], seed=4, epoch=epoch)
    assert len(np.unique(classes)) > 50
    np.testing.assert_array_equal(np.rint(moved[:, 0] * 255), classes)


def test_colours_change_without_their_masks() -> None:
    jitter = transforms.ColorJitter(0.5, 0.5, 0.5, 0.1)
    augment = transforms.Compose([jitter, transforms.RandomErasing(1.0)])
    dataset = segmentation.SegmentationDataset(SCENES.images, SCENES.semantic, transform=augment)
    images, masks = dataset.batch(np.arange(6))
    np.testing.assert_array_equal(masks, SCENES.semantic)
    assert not np.allclose(images, SCENES.images / 255, atol=0.05)


def test_what_moves_in_from_outside_is_unknown() -> None:
    dataset = segmentation.SegmentationDataset(
        *indexed(1), 200, transform=transforms.Pad(2), mean=0.5, std=0.25
    )
    images, masks = dataset.batch([0])
    assert (masks[0, :2] == 255).all()
    assert (masks[0, 2:-2, 2:-2] < 200).all()
    assert float(images[0, 0, 0, 0]) == -2.0


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda i, m: (i, m[:2]), ValueError, "masks must be 3, one for each image, got 2"),
        (lambda i, m: (i, m[:, :5]), ValueError, r"masks must be \(20, 24\) as the images"),
        (lambda i, m: (i, [m[0], m[1, :9], m[2]]), ValueError, r"masks\[1\] must be \(20, 24\)"),
        (lambda i, m: (i, m + np.int64(150)), ValueError, r"masks\[0\] has the class \d\d\d;"),
        (lambda i, m: (i, m - np.int64(100)), ValueError, r"masks\[0\] has the class -"),
        (lambda i, m: (i, m / 2), TypeError, r"masks\[0\] must be integers, got float64"),
        (lambda i, m: (i.astype(np.float64), m), TypeError, "images must be an array of uint8"),
        (lambda i, m: (i[:, :, :0], m), ValueError, "images must be"),
    ],
)
def test_bad_masks_are_named(change: Any, error: type[Exception], words: str) -> None:
    images, masks = change(*indexed())
    with pytest.raises(error, match=words):
        segmentation.SegmentationDataset(images, masks, 200)


def test_the_loader_gives_the_same_masks_for_any_number_of_workers() -> None:
    augment = transforms.RandomAffine(40)
    dataset = segmentation.SegmentationDataset(
        SCENES.images, SCENES.semantic, 11, transform=augment
    )
    runs = []
    for workers in (0, 2):
        loader = data.DataLoader(dataset, 4, shuffle=True, seed=1, num_workers=workers)
        runs.append(np.concatenate([masks for _, masks in loader]))
    np.testing.assert_array_equal(runs[0], runs[1])


def slow_boundary_f1(truth: Any, said: Any, label: int, tolerance: int) -> float:
    """By the distances of all pairs of outline pixels."""

    def outline(mask: Any) -> Any:
        height, width = mask.shape
        return np.array(
            [
                (i, j)
                for i, j in np.argwhere(mask)
                for k, m in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1))
                if 0 <= k < height and 0 <= m < width and not mask[k, m]
            ]
        )

    one, other = (
        np.unique(outline(truth == label), axis=0),
        np.unique(outline(said == label), axis=0),
    )
    near = ((one[:, None] - other) ** 2).sum(axis=2) <= tolerance**2
    recall, precision = near.any(axis=1).mean(), near.any(axis=0).mean()
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0


@pytest.mark.parametrize("tolerance", [0, 1, 3])
def test_boundary_f1_is_that_of_all_distances(tolerance: int) -> None:
    truth = SCENES.semantic[2]
    said = np.roll(truth, (2, -1), (0, 1))
    values = boundary_f1(truth, said, 11, tolerance)
    for label in np.unique(truth):
        assert values[label] == pytest.approx(slow_boundary_f1(truth, said, label, tolerance))
    absent = np.setdiff1d(np.arange(11), truth)
    assert np.isnan(values[absent]).all()


def test_boundary_f1_of_maps_without_outline() -> None:
    empty, full = np.zeros((5, 5), int), np.ones((5, 5), int)
    assert boundary_f1(empty, empty, 2).tolist()[0] == 1.0
    assert boundary_f1(empty, full, 2).tolist() == [0.0, 0.0]
    unknown = np.full((5, 5), 255)
    assert np.isnan(boundary_f1(unknown, empty, 2, ignore_index=255)).all()


def test_metrics_count_over_batches_and_resume() -> None:
    rng = np.random.default_rng(0)
    scores = rng.standard_normal((6, 11, 48, 48)).astype(np.float32)
    whole, first, rest = (BoundaryF1(1, ignore_index=255) for _ in range(3))
    whole.update(scores, SCENES.semantic)
    first.update(scores[:2], SCENES.semantic[:2])
    rest.load_state_dict(first.state_dict())
    rest.update(scores[2:], SCENES.semantic[2:])
    assert rest.compute() == pytest.approx(whole.compute())
    overlap = MeanIoU(255)
    overlap.update(scores, SCENES.semantic)
    said = scores.argmax(axis=1)
    for label in np.unique(SCENES.semantic):
        a, b = said == label, SCENES.semantic == label
        assert overlap.per_class()[label] == pytest.approx((a & b).sum() / (a | b).sum())


def by_pixel(images: Any) -> cl.Tensor:
    """Scores that depend on a pixel alone: no window can change them."""
    x = images.numpy()
    return cl.Tensor(np.concatenate([x, 1 - x, np.full_like(x, 0.4)], axis=1))


@pytest.mark.parametrize("size", [(40, 56), (64, 64), (7, 90), (33, 20)])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.7])
def test_windows_say_what_the_whole_image_says(size: tuple[int, int], overlap: float) -> None:
    image = np.random.default_rng(1).random((1, *size), dtype=np.float32)
    flips = ("horizontal", "vertical")
    mask, chances = vision.segment(
        by_pixel, image, 16, overlap=overlap, flips=flips, probabilities=True
    )
    scores = by_pixel(cl.Tensor(image[None])).numpy()[0]
    np.testing.assert_array_equal(mask, scores.argmax(axis=0))
    powers = np.exp(scores)
    np.testing.assert_allclose(chances, powers / powers.sum(axis=0), atol=1e-6)


def test_flips_are_turned_back() -> None:
    def left_half(images: Any) -> cl.Tensor:
        scores = np.zeros((len(images), 2, *images.shape[2:]), np.float32)
        scores[:, 1, :, : images.shape[3] // 2] = 1
        return cl.Tensor(scores)

    image = np.zeros((1, 8, 8), np.float32)
    _, chances = vision.segment(left_half, image, 8, flips=("horizontal",), probabilities=True)
    np.testing.assert_allclose(chances[1], (0.5 + 1 / (1 + np.exp(-1))) / 2, atol=1e-6)


def test_only_the_windows_of_a_row_are_looked_at_together() -> None:
    seen: list[tuple[int, ...]] = []

    def model(images: Any) -> cl.Tensor:
        seen.append(images.shape)
        return by_pixel(images)

    tall = np.lib.stride_tricks.as_strided(np.zeros(1, np.float32), (1, 4000, 40), (0, 0, 0))
    assert vision.segment(model, tall, 40, overlap=0.0, batch_size=2).shape == (4000, 40)
    assert len(seen) == 100
    assert set(seen) == {(1, 1, 40, 40)}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"window": 0}, "window must be at least 1"),
        ({"overlap": 1.0}, "overlap must be in"),
        ({"flips": ("diagonal",)}, "flips must be of horizontal, vertical, got 'diagonal'"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"image": np.zeros((4, 4))}, r"image must be \(C, H, W\)"),
        ({"image": np.zeros((1, 0, 4))}, r"image must be \(C, H, W\) with pixels"),
        ({"model": lambda x: x[:, :, :2]}, r"model must give scores \(N, K, h, w\)"),
        ({"model": lambda x: np.zeros((len(x), 0, 8, 8))}, "must give 1 to 256 scores a pixel"),
        ({"model": lambda x: np.zeros((len(x), 257, 8, 8))}, "1 to 256 scores a pixel, got 257"),
        ({"image": [[[0.0]]]}, r"image must be an array \(C, H, W\), got list"),
    ],
)
def test_bad_arguments_of_segment(arguments: dict[str, Any], words: str) -> None:
    given: dict[str, Any] = {"model": by_pixel, "image": np.zeros((1, 8, 8)), "window": 8}
    with pytest.raises((ValueError, TypeError), match=words):
        vision.segment(**{**given, **arguments})


def test_masks_in_files(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    mask = SCENES.semantic[0]
    for colours in (None, np.arange(33, dtype=np.uint8).reshape(11, 3)):
        segmentation.write_mask(tmp_path / "mask.png", mask, colours)
        np.testing.assert_array_equal(segmentation.read_mask(tmp_path / "mask.png"), mask)
        with image.open(tmp_path / "mask.png") as opened:
            assert opened.mode == ("L" if colours is None else "P")
    image.fromarray(mask > 0).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(segmentation.read_mask(tmp_path / "bits.png"), mask > 0)
    image.new("RGB", (4, 4)).save(tmp_path / "colour.png")
    with pytest.raises(FormatError, match=r"colour\.png: a mask must have a palette or be grey"):
        segmentation.read_mask(tmp_path / "colour.png")
    image.fromarray(np.full((4, 4), 300, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(FormatError, match=r"deep\.png: classes must be in \[0, 255\], got 300"):
        segmentation.read_mask(tmp_path / "deep.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "mask.png").read_bytes()[:120])
    with pytest.raises(FormatError, match=r"cut\.png"):
        segmentation.read_mask(tmp_path / "cut.png")
