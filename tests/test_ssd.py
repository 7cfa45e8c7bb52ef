"""SSDLite: default boxes, which object they answer for, loss, boxes, training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import detection, models, nn, optim
from convlet.data import DataLoader, shapes
from convlet.data.detection import DetectionDataset, from_scenes
from convlet.detection import SSDLoss, decode_ssd, default_boxes, match_boxes
from convlet.train import Trainer


def f32(numbers: Any) -> Any:
    return np.array(numbers, np.float32)


def test_the_published_layout_is_kept() -> None:
    """Keys, shapes and the count that torchvision publishes for 91 classes with the background."""
    model = models.ssdlite320_mobilenet_v3_large(90, seed=0)
    assert sum(parameter.numel() for parameter in model.parameters()) == 3_440_060
    shapes_of = {key: value.shape for key, value in model.state_dict().items()}
    assert shapes_of["backbone.features.0.0.0.weight"] == (16, 3, 3, 3)
    assert shapes_of["backbone.features.0.13.0.weight"] == (672, 112, 1, 1)
    assert shapes_of["backbone.features.1.0.1.0.weight"] == (672, 1, 5, 5)
    assert shapes_of["backbone.features.1.0.2.fc1.weight"] == (168, 672, 1, 1)
    assert shapes_of["backbone.features.1.0.3.1.running_mean"] == (80,)
    assert shapes_of["backbone.features.1.3.0.weight"] == (480, 80, 1, 1)
    assert shapes_of["backbone.extra.3.2.0.weight"] == (128, 64, 1, 1)
    assert shapes_of["head.classification_head.module_list.0.1.weight"] == (546, 672, 1, 1)
    assert shapes_of["head.regression_head.module_list.5.0.0.weight"] == (128, 1, 3, 3)
    assert shapes_of["head.regression_head.module_list.5.1.bias"] == (24,)
    with cl.no_grad():
        rows = model.eval()(cl.Tensor(np.zeros((1, 3, 320, 320), np.float32)))
    assert rows.shape == (1, 3234, 9 + 90)  # six boxes of 20, 10, 5, 3, 2 and 1 cells squared


def test_default_boxes_lie_about_their_cells_and_grow_with_the_grids() -> None:
    boxes = default_boxes([(4, 8), (2, 4), (1, 2)], (64, 128))
    assert boxes.shape == (6 * (32 + 8 + 2), 4)
    assert boxes[0].tolist() == pytest.approx([8, 8, 0.2 * 128, 0.2 * 64])
    assert boxes[6, :2].tolist() == [24, 8]
    assert boxes[6 * 8, :2].tolist() == [8, 24]
    finest, coarsest = boxes[:6, 2:] / (128, 64), boxes[-6:, 2:] / (128, 64)
    between = np.sqrt(0.2 * 0.575)
    root = np.sqrt(f32([2, 3]))
    np.testing.assert_allclose(finest[:2], [[0.2] * 2, [between] * 2], rtol=1e-6)
    np.testing.assert_allclose(finest[2:, 0] / finest[2:, 1], [2, 0.5, 3, 1 / 3], rtol=1e-5)
    np.testing.assert_allclose(
        finest[2:, 0], 0.2 * np.stack([root, 1 / root], 1).ravel(), rtol=1e-5
    )
    assert (coarsest <= 1).all()
    assert coarsest[0, 0] == pytest.approx(0.95)
    with pytest.raises(ValueError, match="grids must be at least two, got 1"):
        default_boxes([(1, 1)], (8, 8))


DEFAULTS = f32([[5, 5, 10, 10], [6, 5, 10, 10], [25, 5, 10, 10], [45, 5, 10, 10], [5, 5, 4, 4]])


def test_each_object_has_the_default_box_that_overlaps_it_most() -> None:
    boxes = f32([[0, 0, 10, 10], [24, 4, 26, 6]])
    matched, counted = match_boxes(DEFAULTS, boxes, np.zeros(2, bool))
    assert matched.tolist() == [0, 0, 1, -1, -1]  # the second by being the best, though poor
    assert counted.all()
    none, _ = match_boxes(DEFAULTS, boxes[:0], np.zeros(0, bool))
    assert (none == -1).all()


def test_default_boxes_in_a_region_to_be_ignored_cost_nothing() -> None:
    boxes = f32([[0, 0, 10, 10], [40, 0, 46, 10]])
    matched, counted = match_boxes(DEFAULTS, boxes, np.array([False, True]))
    assert matched.tolist() == [0, 0, -1, -1, -1]
    assert counted.tolist() == [True, True, True, False, True]


def outputs(images: int = 2, classes: int = 3, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    boxes = default_boxes([(4, 4), (2, 2)], (64, 64))
    rows = rng.normal(0, 1, (images, len(boxes), 9 + classes)).astype(np.float32)
    rows[..., :4] = boxes
    return rows


TARGETS = f32(
    [
        [[5, 5, 30, 28, 0, 0], [30, 30, 62, 60, 2, 0]],
        [[0, 0, 0, 0, -1, 0], [9, 9, 20, 20, 1, 1]],
    ]
)


def test_the_gradient_of_the_loss_is_its_slope() -> None:
    rows = outputs()
    rows[..., 8:] *= 6  # far apart, so that small steps do not change which are the worst
    x = cl.Tensor(rows, requires_grad=True)
    SSDLoss()(x, TARGETS).backward()
    assert x.grad is not None
    slope = x.grad.numpy()
    assert (slope[..., :4] == 0).all()
    assert (slope[1, :, 4:8] == 0).all()
    rng = np.random.default_rng(1)
    for _ in range(8):
        step = np.zeros_like(rows)
        step[..., 4:] = 1e-3 * rng.normal(0, 1, rows[..., 4:].shape)
        up, down = (SSDLoss()(cl.Tensor(rows + sign * step), TARGETS).item() for sign in (1, -1))
        assert up - down == pytest.approx(2 * float((slope * step).sum()), rel=0.02, abs=2e-5)


def test_three_wrong_boxes_are_counted_for_one_right_one() -> None:
    x = cl.Tensor(outputs(), requires_grad=True)
    SSDLoss()(x, TARGETS).backward()
    assert x.grad is not None
    taught = (x.grad.numpy()[..., 8:] != 0).any(axis=2)
    right = match_boxes(x.numpy()[0, :, :4], TARGETS[0, :, :4], np.zeros(2, bool))[0] >= 0
    assert taught[0].sum() == 4 * right.sum()
    assert taught[0, right].all()
    assert taught[1].sum() == 3  # without an object to find


def test_the_loss_is_the_one_of_the_definition() -> None:
    rows = outputs(1)
    own = match_boxes(rows[0, :, :4], TARGETS[0, :, :4], np.zeros(2, bool))[0]
    logits = rows[0, :, 8:].astype(np.float64)
    entropy = (
        np.log(np.exp(logits).sum(1))
        - logits[np.arange(len(own)), np.where(own >= 0, 1 + TARGETS[0, own, 4].astype(int), 0)]
    )
    right = np.flatnonzero(own >= 0)
    worst = np.sort(entropy[own < 0])[::-1][: 3 * len(right)]
    total = entropy[right].sum() + worst.sum()
    for place in right:
        x, y, w, h = rows[0, place, :4]
        x1, y1, x2, y2 = TARGETS[0, own[place], :4]
        wanted = [((x1 + x2) / 2 - x) / w * 10, ((y1 + y2) / 2 - y) / h * 10]
        wanted += [np.log((x2 - x1) / w) * 5, np.log((y2 - y1) / h) * 5]
        far = np.abs(rows[0, place, 4:8] - wanted)
        total += np.where(far < 1, far**2 / 2, far - 0.5).sum()
    found = SSDLoss()(cl.Tensor(rows), TARGETS[:1]).item()
    assert found == pytest.approx(total / len(right), rel=1e-4)


def test_right_answers_become_the_boxes() -> None:
    rows = outputs(1)
    rows[..., 4:] = 0
    rows[..., 8] = 20
    boxes, labels = TARGETS[0, :, :4], [0, 2]
    for number, place in enumerate((3, 20)):
        x, y, w, h = rows[0, place, :4]
        x1, y1, x2, y2 = boxes[number]
        rows[0, place, 4:6] = ((x1 + x2) / 2 - x) / w * 10, ((y1 + y2) / 2 - y) / h * 10
        rows[0, place, 6:8] = np.log((x2 - x1) / w) * 5, np.log((y2 - y1) / h) * 5
        rows[0, place, 9 + labels[number]] = 25 - number
    (found,) = decode_ssd(rows, (64, 64))
    np.testing.assert_allclose(found.boxes, boxes, atol=1e-4)
    assert found.labels.tolist() == labels
    rows[..., 6:8] = 1e9
    assert np.isfinite(decode_ssd(rows, (64, 64))[0].boxes).all()


def test_bad_arguments_are_named() -> None:
    with pytest.raises(ValueError, match=r"SSDLoss: outputs must be \(N, P, 9 \+ classes\)"):
        SSDLoss()(cl.Tensor(np.zeros((2, 5, 9))), np.zeros((2, 1, 6)))
    with pytest.raises(ValueError, match="image 0 of the batch has the box"):
        SSDLoss()(cl.Tensor(outputs(1)), f32([[[0, 0, 9, 9, 3, 0]]]))
    with pytest.raises(ValueError, match=r"decode_ssd: outputs must be \(N, P, 9 \+ classes\)"):
        decode_ssd(f32(np.zeros((2, 9))), (8, 8))
    with pytest.raises(ValueError, match="num_classes must be"):
        models.ssdlite320_mobilenet_v3_large(0)
    with pytest.raises(ValueError, match=r"images must be \(N, 3, H, W\)"):
        models.ssdlite320_mobilenet_v3_large(1)(cl.Tensor(np.zeros((1, 1, 64, 64), np.float32)))


@pytest.mark.slow
def test_it_learns_a_few_scenes_by_heart() -> None:
    drawn = from_scenes(shapes.scenes(8, size=96, difficulty="easy"))
    dataset = DetectionDataset(*drawn, classes=10, mean=0.5, std=0.25)
    model = models.ssdlite320_mobilenet_v3_large(10, seed=0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.3  # 60 steps are few for the published 0.03
    trainer = Trainer(model, SSDLoss(), optim.Adam(model.parameters(), lr=2e-3), ())
    history = trainer.fit(DataLoader(dataset, batch_size=8, shuffle=True, seed=0), epochs=60)
    assert history[-1]["loss"] < 0.25 * history[0]["loss"]
    found = decode_ssd(trainer.predict(dataset.batch(range(8))[0]), (96, 96))
    assert len(found) == 8
    assert detection.coco_scores(dataset.annotations, found, 10).ap50 > 0.3
