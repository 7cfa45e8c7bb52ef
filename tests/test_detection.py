"""The detector FCOS: places, assignment, loss, boxes, training; and kinds of errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import detection, models, optim, viz
from convlet.data import DataLoader, shapes
from convlet.data.detection import DetectionDataset, annotation, from_scenes
from convlet.detection import Detections, FCOSLoss, assign_points, decode_fcos, point_grid
from convlet.train import Trainer


def f32(numbers: Any) -> Any:
    return np.array(numbers, np.float32)


def grid(height: int = 4, width: int = 4) -> tuple[Any, Any]:
    points = [point_grid((height, width), 8), point_grid((height // 2, width // 2), 16)]
    strides = np.repeat(f32([8, 16]), [len(part) for part in points])
    return np.concatenate(points), strides


def rows_for(boxes: Any, labels: Any, classes: int) -> Any:
    """Outputs of a network that answers without an error."""
    points, strides = grid(16, 16)
    found = assign_points(points, strides, boxes, np.zeros(len(boxes), bool))
    rows = np.zeros((1, len(points), 8 + classes), np.float32)
    rows[0, :, :2], rows[0, :, 2] = points, strides
    rows[0, :, 3:7] = np.maximum(found.distances, 0.1)
    rows[0, :, 7:] = -20
    own = found.matched >= 0
    rows[0, own, 7] = 8
    rows[0, own, 8 + labels[found.matched[own]]] = 20
    return rows


def test_places_of_the_network_are_the_grids_of_its_levels() -> None:
    model = models.fcos(num_classes=3, seed=0).eval()
    with cl.no_grad():
        rows = model(cl.Tensor(np.zeros((2, 3, 64, 96), np.float32))).numpy()
    levels = [point_grid((64 // s, 96 // s), s) for s in (8, 16, 32)]
    assert rows.shape == (2, sum(len(level) for level in levels), 11)
    np.testing.assert_array_equal(rows[1, :, :2], np.concatenate(levels))
    assert (rows[..., 3:7] > 0).all()


@pytest.mark.parametrize("backbone", ["resnet18", "mobilenet_v2", "efficientnet_lite0"])
def test_backbones_give_the_same_places(backbone: str) -> None:
    model = models.fcos(2, backbone, channels=16, depth=1, seed=0).eval()
    with cl.no_grad():
        assert model(cl.Tensor(np.zeros((1, 3, 64, 64), np.float32))).shape == (1, 84, 10)


def test_a_place_answers_for_the_smallest_box_about_it_on_the_level_of_its_size() -> None:
    points, strides = grid()
    boxes = f32([[0, 0, 32, 32], [2, 2, 14, 14]])
    found = assign_points(points, strides, boxes, np.zeros(2, bool))
    assert found.matched[0] == 1  # (4, 4) lies in both
    assert found.distances[0].tolist() == [2, 2, 10, 10]
    assert 0 in found.matched
    assert (found.matched[strides == 16] == -1).all()  # both are small enough for the finest
    large = assign_points(*grid(16, 16), f32([[0, 0, 128, 120]]), np.zeros(1, bool))
    assert (large.matched[:256] == -1).all()  # its sides are at least 60 pixels from the middle
    assert (large.matched[256:] == 0).any()


def test_inside_of_ignored_boxes_no_answer_is_wrong() -> None:
    points, strides = grid()
    box = f32([[0, 0, 16, 16]])
    found = assign_points(points, strides, box, np.array([True]))
    assert (found.matched == -1).all()
    assert (~found.counted).sum() == 5  # four of the finest level and one of the other
    rows = np.zeros((1, len(points), 9), np.float32)
    rows[0, :, :2], rows[0, :, 2], rows[0, :, 3:7] = points, strides, 1
    outputs = cl.Tensor(rows, requires_grad=True)
    FCOSLoss()(outputs, f32([[[0, 0, 16, 16, 0, 1]]])).backward()
    assert outputs.grad is not None
    assert (outputs.grad.numpy()[0, ~found.counted, 8] == 0).all()
    assert (outputs.grad.numpy()[0, found.counted, 8] > 0).all()


def test_the_gradient_of_the_loss_is_its_slope() -> None:
    rng = np.random.default_rng(0)
    points, strides = grid(8, 8)
    rows = rng.normal(0, 1, (2, len(points), 11)).astype(np.float32)
    rows[..., :2], rows[..., 2] = points, strides
    rows[..., 3:7] = rng.uniform(4, 20, rows[..., 3:7].shape)
    targets = f32(
        [
            [[5, 5, 30, 28, 0, 0], [30, 30, 62, 60, 2, 0]],
            [[0, 0, 0, 0, -1, 0], [9, 9, 20, 20, 1, 1]],
        ]
    )
    outputs = cl.Tensor(rows, requires_grad=True)
    FCOSLoss()(outputs, targets).backward()
    assert outputs.grad is not None
    slope = outputs.grad.numpy()
    assert (slope[..., :3] == 0).all()
    for _ in range(8):
        step = np.zeros_like(rows)
        step[..., 3:] = rng.normal(0, 1, rows[..., 3:].shape)
        step *= 2e-3
        up, down = (FCOSLoss()(cl.Tensor(rows + sign * step), targets).item() for sign in (1, -1))
        assert up - down == pytest.approx(2 * float((slope * step).sum()), rel=0.02, abs=2e-5)


def test_right_answers_become_the_boxes_and_cost_little() -> None:
    boxes = f32([[10, 12, 50, 44], [70, 70, 120, 124]])
    labels = np.array([2, 0])
    rows = rows_for(boxes, labels, 3)
    found = decode_fcos(rows, (128, 128))[0]
    order = np.argsort(found.boxes[:, 0])
    np.testing.assert_allclose(found.boxes[order], boxes, atol=1e-4)
    assert found.labels[order].tolist() == [2, 0]
    targets = np.concatenate([boxes, labels[:, None], np.zeros((2, 1))], axis=1)[None]
    right = FCOSLoss()(cl.Tensor(rows), targets).item()
    wrong = FCOSLoss()(cl.Tensor(rows), targets + f32([9, 0, 9, 0, 0, 0])).item()
    assert right < wrong - 0.2


def test_one_class_is_kept_where_classes_compete() -> None:
    boxes = f32([[0, 0, 20, 20], [0, 1, 20, 20], [0, 0, 9, 20], [40, 40, 60, 60]])
    scores = f32([[0.6, 0.5], [0.0, 0.8], [0.7, 0.0], [0.0, 0.3]])
    each = detection.keep_best(boxes, scores, (64, 64))
    assert each.labels.tolist() == [1, 0, 0, 1]  # the second class once more at (0, 0) goes
    one = detection.keep_best(boxes, scores, (64, 64), across_classes=True)
    assert one.labels.tolist() == [1, 0, 1]
    np.testing.assert_array_equal(one.scores, f32([0.8, 0.7, 0.3]))
    assert detection.keep_one_class(each, 0.99).scores.tolist() == each.scores.tolist()
    first = detection.keep_best(boxes, scores, (64, 64), across_classes=True, most=1)
    assert first.labels.tolist() == [1]
    rows = rows_for(f32([[10, 12, 50, 44]]), np.array([0]), 2)
    rows[..., 9] = rows[..., 8] - 1  # the other class is nearly as sure everywhere
    assert len(decode_fcos(rows, (128, 128))[0].labels) == 2
    assert decode_fcos(rows, (128, 128), across_classes=True)[0].labels.tolist() == [0]


def test_boxes_and_scores_that_do_not_fit_are_told() -> None:
    boxes, scores = np.zeros((2, 4), np.float32), np.zeros((2, 3), np.float32)
    for some, sure in ((boxes[:1], scores), (boxes[:, :3], scores), (boxes, scores[0])):
        with pytest.raises(ValueError, match=r"boxes must be \(P, 4\) and scores \(P, K\), got"):
            detection.keep_best(some, sure, (8, 8))
    with pytest.raises(ValueError, match=r"size must be \(height, width\), got \(3, 8, 8\)"):
        detection.keep_best(boxes, scores, (3, 8, 8))


def test_images_without_objects_cost_what_is_seen_on_them() -> None:
    rows = rows_for(f32([[10, 12, 50, 44]]), np.array([0]), 1)
    loss = FCOSLoss()
    none = np.zeros((1, 0, 6), np.float32)
    assert loss(cl.Tensor(rows), none).item() > 10
    rows[..., 8] = -20
    assert loss(cl.Tensor(rows), none).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "row",
    [
        [float("nan"), 0, 9, 9, 0, 0],
        [9, 0, 0, 9, 0, 0],
        [0, 0, 9, 0, 0, 0],
        [0, 0, 9, 9, 3, 0],
    ],
)
def test_a_bad_box_is_an_error_that_names_the_image(row: list[float]) -> None:
    rows = cl.Tensor(np.zeros((2, 5, 11), np.float32))
    targets = f32([[[0, 0, 9, 9, -1, 0]], [row]])
    with pytest.raises(ValueError, match="image 1 of the batch has the box"):
        FCOSLoss()(rows, targets)


def test_shapes_that_do_not_fit_are_named() -> None:
    with pytest.raises(ValueError, match=r"outputs must be \(N, P, 8 \+ classes\)"):
        FCOSLoss()(cl.Tensor(np.zeros((2, 5, 8))), np.zeros((2, 1, 6)))
    with pytest.raises(ValueError, match=r"targets must be \(2, M, 6\) for 2 images"):
        FCOSLoss()(cl.Tensor(np.zeros((2, 5, 9))), np.zeros((1, 1, 6)))
    with pytest.raises(ValueError, match="backbone must be"):
        models.fcos(backbone="none")
    with pytest.raises(
        ValueError, match='backbone_weights: there are none of the backbone "small"'
    ):
        models.fcos(backbone_weights="imagenet")
    with pytest.raises(ValueError, match="in_channels must be 3 with backbone_weights, got 1"):
        models.fcos(backbone="resnet18", in_channels=1, backbone_weights="imagenet")
    with pytest.raises(ValueError, match="stride must be at least 1"):
        point_grid(2, 0)
    with pytest.raises(ValueError, match="finite and positive"):
        detection.anchor_grid(2, 8, [(0, 1)])


def test_a_few_steps_lower_the_loss_and_repeat_bit_for_bit() -> None:
    drawn = shapes.scenes(16, size=64, difficulty="easy")
    dataset = DetectionDataset(*from_scenes(drawn), classes=10, mean=0.5, std=0.25)

    def losses() -> list[float]:
        model = models.fcos(10, channels=16, depth=1, seed=0)
        trainer = Trainer(model, FCOSLoss(), optim.AdamW(model.parameters(), lr=2e-3), ())
        loader = DataLoader(dataset, batch_size=8, shuffle=True, seed=0)
        return [row["loss"] for row in trainer.fit(loader, epochs=3)]

    first = losses()
    assert first[-1] < 0.95 * first[0]
    assert losses() == first


def test_kinds_of_errors_are_told_apart() -> None:
    truth = annotation(
        [[0, 0, 20, 20], [40, 0, 60, 20], [80, 0, 100, 20], [0, 50, 20, 70]],
        [0, 0, 1, 1],
        ignored=[False, False, False, True],
    )
    boxes = [[0, 0, 20, 20], [1, 0, 21, 20], [40, 0, 60, 20], [92, 0, 112, 20], [40, 90, 60, 110]]
    found = Detections(
        f32([*boxes, [0, 50, 20, 70], [0, 0, 20, 20]]),
        f32([0.9, 0.8, 0.9, 0.9, 0.9, 0.9, 0.1]),
        np.array([0, 0, 1, 1, 0, 1, 0]),
    )
    kinds = detection.error_types([truth], [found])
    assert kinds.kinds[0].tolist() == [0, 1, 2, 3, 4, -1, -1]
    assert kinds.missed[0].tolist() == [1, 2]
    assert list(kinds.counts) == list(detection.KINDS)
    assert list(kinds.counts.values()) == [1, 1, 1, 1, 1, 2]


def test_pictures_are_drawn() -> None:
    pytest.importorskip("matplotlib")
    truth = [annotation([[2, 2, 20, 20]], [0]), annotation([], [])]
    found = [
        Detections(f32([[2, 2, 19, 20]]), f32([0.9]), np.array([0])),
        Detections(f32([[5, 5, 19, 20]]), f32([0.8]), np.array([1])),
    ]
    scores = detection.coco_scores(truth, found, 2)
    kinds = detection.error_types(truth, found)
    names = ["cat", "dog"]
    images = np.zeros((2, 3, 32, 32), np.uint8)
    drawn = viz.detections(images, truth, found, names, kinds=kinds.kinds, missed=kinds.missed)
    assert len(drawn.axes) == 4
    texts = [text.get_text() for axes in drawn.axes for text in axes.texts]
    assert "cat 0.90" in texts
    assert "dog 0.80" in texts
    curve = viz.precision_recall(scores.precision[0], names, values=scores.per_class["AP50"])
    words = curve.axes[0].get_legend_handles_labels()[1]
    assert words == ["cat 1.000", "mean"]
    bars = viz.error_kinds(kinds.counts).axes[0].patches
    assert len(bars) == len(kinds.counts)
    points = np.zeros((1, 5, 2))
    assert len(viz.boxes(images[0], found[0], names, points=points).axes) == 1
    with pytest.raises(ValueError, match="one for each of at least 1 image"):
        viz.detections(images, truth, [], names)
    with pytest.raises(ValueError, match="names must be at least 2, one per class, got 1"):
        viz.detections(images, truth, found, ["cat"])
    with pytest.raises(ValueError, match="missed must be 2, one for each, got 1"):
        viz.detections(images, truth, found, names, missed=kinds.missed[:1])
    with pytest.raises(TypeError, match="boxes must come with labels, got list"):
        viz.detections(images, truth, [[], []], names)
    with pytest.raises(ValueError, match="names must be at least 1, one per class, got 0"):
        viz.boxes(images[0], found[0], [])
    with pytest.raises(ValueError, match=r"values must be \(2,\), one per name, got \(1,\)"):
        viz.precision_recall(scores.precision[0], names, values=[1.0])
    with pytest.raises(ValueError, match="curves must be"):
        viz.precision_recall(np.zeros((101, 3)), names)
    with pytest.raises(ValueError, match="counts must not be empty"):
        viz.error_kinds({})
