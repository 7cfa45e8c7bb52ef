"""Boxes (csrc/kernels/boxes.cpp): overlaps, their gradients, suppression."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference_boxes as reference
from convlet import Tensor, ops, vision
from numeric import assert_gradients

ANY: Any = ops  # so that wrong types can be passed on purpose
KINDS = ["iou", "giou", "diou", "ciou"]


def random_boxes(count: int, seed: int, size: float = 20.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, size, (count, 2))
    return np.hstack([corner, corner + rng.uniform(0.5, size, (count, 2))]).astype(np.float32)


# Without an area, inside out, the same, far away, touching.
DEGENERATE = np.array(
    [
        *([1, 1, 1, 1], [2, 2, 2, 5], [5, 5, 3, 3], [0, 0, 4, 4], [0, 0, 4, 4]),
        *([-9, -9, -8, -8], [4, 0, 8, 4], [1e6, 1e6, 1e6 + 1, 1e6 + 1]),
    ],
    np.float32,
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "m"), [(1, 1), (7, 33), (65, 3), (0, 4), (4, 0)])
def test_overlaps_are_those_of_plain_loops(isa: str, kind: Any, n: int, m: int) -> None:
    a, b = random_boxes(n, 1), random_boxes(m, 2)
    got = ops.box_iou(a, b, kind, 1e-7)
    wanted = [[reference.overlap(x, y, kind, 1e-7) for y in b] for x in a]
    np.testing.assert_allclose(got, np.reshape(wanted, (n, m)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_degenerate_boxes_have_finite_overlaps(isa: str, kind: Any) -> None:
    got = ops.box_iou(DEGENERATE, DEGENERATE, kind)
    wanted = [[reference.overlap(x, y, kind) for y in DEGENERATE] for x in DEGENERATE]
    assert np.isfinite(got).all()
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
    assert got[3, 4] == 1  # the same box


@pytest.mark.parametrize("kind", KINDS)
def test_paired_overlaps_are_the_diagonal(isa: str, kind: Any) -> None:
    a, b = random_boxes(37, 3), random_boxes(37, 4)
    paired = ops.paired_box_iou(a, b, kind, 1e-7)
    pairs = np.diagonal(ops.box_iou(a, b, kind, 1e-7))
    np.testing.assert_allclose(paired, pairs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["iou", "giou", "diou"])
def test_gradients_are_central_differences(isa: str, kind: str) -> None:
    losses = {
        "giou": vision.generalized_box_iou_loss,
        "diou": vision.distance_box_iou_loss,
    }
    a, b = random_boxes(9, 5, 3.0), random_boxes(9, 6, 3.0)
    if kind == "iou":
        gradient = ops.paired_box_iou_grad(np.ones(9, np.float32), a, b)
        for which, wanted in enumerate(gradient):
            for i, j in np.ndindex(9, 4):
                moved = [a.astype(np.float64), b.astype(np.float64)]
                values = []
                for sign in (1, -1):
                    moved[which][i, j] += sign * 1e-5 * (1 if sign == 1 else 2)
                    values.append(reference.overlap(moved[0][i], moved[1][i], "iou"))
                assert wanted[i, j] == pytest.approx((values[0] - values[1]) / 2e-5, abs=2e-4)
        return
    assert_gradients(losses[kind], a, b)


def test_the_gradient_of_ciou_leaves_alpha_alone(isa: str) -> None:
    torch = pytest.importorskip("torch")
    a, b = random_boxes(16, 7, 3.0), random_boxes(16, 8, 3.0)
    one, two = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True)
    low, high = torch.max(one[:, :2], two[:, :2]), torch.min(one[:, 2:], two[:, 2:])
    inter = (high - low).clamp(min=0).prod(1)
    sizes = [box[:, 2:] - box[:, :2] for box in (one, two)]
    iou = inter / (sizes[0].prod(1) + sizes[1].prod(1) - inter + 1e-7)
    around = torch.max(one[:, 2:], two[:, 2:]) - torch.min(one[:, :2], two[:, :2])
    apart = ((one[:, :2] + one[:, 2:] - two[:, :2] - two[:, 2:]) / 2).square().sum(1)
    turns = [torch.atan(size[:, 0] / size[:, 1]) for size in sizes]
    v = 4 / np.pi**2 * (turns[0] - turns[1]) ** 2
    alpha = (v / (1 - iou + v + 1e-7)).detach()
    (1 - iou + apart / (around.square().sum(1) + 1e-7) + alpha * v).sum().backward()
    mine, other = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
    vision.complete_box_iou_loss(mine, other, reduction="sum").backward()
    assert mine.grad is not None
    assert other.grad is not None
    np.testing.assert_allclose(mine.grad, one.grad, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(other.grad, two.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
@pytest.mark.parametrize("count", [0, 1, 40, 300])
def test_nms_keeps_what_plain_loops_keep(isa: str, count: int, threshold: float) -> None:
    rng = np.random.default_rng(count)
    boxes = random_boxes(count, count)
    scores = rng.integers(0, 50, count).astype(np.float32)  # with ties
    classes = rng.integers(-2, 3, count)
    for idxs in (None, classes):
        got = ops.nms(boxes, scores, threshold, idxs)
        groups = np.zeros(count, int) if idxs is None else idxs
        assert got.tolist() == reference.nms(boxes, scores, threshold, groups.tolist())
        assert got.dtype == np.int64


def test_nms_does_not_depend_on_threads(set_threads: Any) -> None:
    boxes, scores = random_boxes(5000, 1, 200.0), np.random.default_rng(0).random(5000)
    kept = []
    for threads in (1, 2, 5):
        set_threads(threads)
        idxs = np.arange(5000) % 7
        kept.append(ops.nms(boxes, scores.astype(np.float32), 0.4, idxs))
    assert all(np.array_equal(kept[0], each) for each in kept)


def test_soft_nms_lets_scores_decay(isa: str) -> None:
    boxes, scores = random_boxes(30, 9, 5.0), np.random.default_rng(1).random(30)
    numbers, softened = ops.soft_nms(boxes, scores.astype(np.float32), sigma=0.4)
    wanted = reference.soft_nms(boxes, scores, 0.4, 1e-3)
    assert set(numbers.tolist()) == set(wanted)
    np.testing.assert_allclose(softened, [wanted[i] for i in numbers], rtol=1e-3)
    assert (np.diff(softened) <= 0).all()
    hard, _ = ops.soft_nms(boxes[:2], np.ones(2, np.float32), method="linear", iou_threshold=1.0)
    assert hard.tolist() == [0, 1]


def test_forms_and_filters() -> None:
    boxes = random_boxes(20, 10)
    for form in ("xywh", "cxcywh", "xyxy"):
        there = vision.box_convert(boxes, "xyxy", form)
        np.testing.assert_allclose(vision.box_convert(there, form, "xyxy"), boxes, atol=1e-5)
    np.testing.assert_allclose(
        vision.box_area(boxes), [reference.area(b) for b in boxes], rtol=1e-5
    )
    inside = vision.clip_boxes_to_image(boxes, (10, 12))
    assert inside.min() >= 0
    assert inside[:, [0, 2]].max() <= 12
    assert inside[:, [1, 3]].max() <= 10
    kept = vision.remove_small_boxes(boxes, 6)
    assert kept.tolist() == [
        i for i, b in enumerate(boxes) if b[2] - b[0] >= 6 and b[3] - b[1] >= 6
    ]
    assert vision.box_iou([], boxes).shape == (0, 20)
    assert vision.batched_nms(boxes, np.ones(20), np.arange(20), 0.0).tolist() == list(range(20))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda b: ANY.box_iou(b.astype(float), b), TypeError, "boxes1 must be float32"),
        (lambda b: ops.box_iou(b[:, :3], b), ValueError, "boxes1 .* 4"),
        (lambda b: ops.box_iou(b[0], b), ValueError, "boxes1 must have 2 dimensions"),
        (lambda b: ANY.box_iou(b, b, "jaccard"), ValueError, "kind must be 'iou'"),
        (lambda b: ANY.box_iou(b, b, 3), TypeError, "kind must be a str"),
        (lambda b: ops.paired_box_iou(b, b[:2]), ValueError, "boxes2"),
        (lambda b: ops.nms(b, np.ones(2, np.float32), 0.5), ValueError, "scores"),
        (lambda b: ops.nms(b * np.nan, np.ones(3, np.float32), 0.5), ValueError, "boxes .* row 0"),
        (lambda b: ops.nms(b, np.full(3, np.inf, np.float32), 0.5), ValueError, "scores .*finite"),
        (lambda b: ANY.nms(b, np.ones(3, np.float32), 0.5, np.ones(3)), TypeError, "idxs"),
        (lambda b: ops.nms(b, np.ones(3, np.float32), 0.5, np.ones(2, int)), ValueError, "idxs"),
        (lambda b: ANY.soft_nms(b, b[:, 0], method="hard"), ValueError, "method"),
        (lambda b: ops.soft_nms(b, b[:, 0], sigma=0), ValueError, "sigma must be positive"),
        (lambda b: vision.box_convert(b, "xyxy", "yxyx"), ValueError, "out_fmt must be one of"),
        (lambda b: vision.generalized_box_iou_loss(b, b[:2]), ValueError, "got 3 and 2"),
        (lambda b: vision.generalized_box_iou_loss(b, b, "min"), ValueError, "reduction"),  # type: ignore[arg-type]
    ],
)
def test_wrong_arguments_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(random_boxes(3, 0))
