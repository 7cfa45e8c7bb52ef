"""Average precision and recall: pycocotools' definition, by hand and against a package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet.data.detection import Annotation, annotation
from convlet.detection import Detections, coco_scores, error_types

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = (
    *("AP", "AP50", "AP75", "APsmall", "APmedium", "APlarge"),
    *("AR1", "AR10", "AR100", "ARsmall", "ARmedium", "ARlarge"),
)


def f32(numbers: Any) -> Any:
    return np.array(numbers, np.float32)


def case(
    seed: int, images: int = 40, classes: int = 4
) -> tuple[list[Annotation], list[Detections]]:
    """Objects of all sizes, crowds and empty images; detections near them, doubled, and stray."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(images):
        count = int(rng.integers(0, 7))
        corner, side = rng.uniform(0, 200, (count, 2)), rng.uniform(5, 150, (count, 2))
        boxes = np.concatenate([corner, corner + side], axis=1).astype(np.float32)
        labels = rng.integers(0, classes - 1, count)  # the last class has no object
        areas = (side.prod(axis=1) * rng.uniform(0.5, 1, count)).astype(np.float32)
        truth.append(annotation(boxes, labels, crowd=rng.random(count) < 0.2, areas=areas))
        near = np.repeat(boxes, 3, axis=0) + rng.normal(0, 6, (3 * count, 4)).astype(np.float32)
        stray = rng.uniform(0, 200, (5, 2))
        far = np.concatenate([stray, stray + rng.uniform(5, 90, (5, 2))], axis=1)
        placed = np.concatenate([near, far]).astype(np.float32)
        placed[:, 2:] = np.maximum(placed[:, 2:], placed[:, :2] + 1)
        names = np.concatenate([np.repeat(labels, 3), rng.integers(0, classes, 5)])
        wrong = rng.random(len(names)) < 0.1
        names[wrong] = rng.integers(0, classes, int(wrong.sum()))
        # Few different scores, so that equal ones occur.
        scores = (rng.integers(1, 20, len(names)) / 20).astype(np.float32)
        found.append(Detections(placed, scores, names.astype(np.int64)))
    return truth, found


def by_package(
    truth: list[Annotation], found: list[Detections], classes: int, folder: Path
) -> list[float]:
    """The twelve numbers of faster-coco-eval."""
    package = pytest.importorskip("faster_coco_eval")
    objects: list[dict[str, Any]] = []
    for image, one in enumerate(truth):
        for box, label, crowd, area in zip(
            one.boxes.tolist(), one.labels, one.crowd, one.areas, strict=True
        ):
            objects.append(
                {
                    "id": len(objects) + 1,
                    "image_id": image + 1,
                    "category_id": int(label) + 1,
                    "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
                    "area": float(area),
                    "iscrowd": int(crowd),
                }
            )
    described = {
        "images": [{"id": i + 1, "width": 400, "height": 400} for i in range(len(truth))],
        "categories": [{"id": i + 1, "name": str(i)} for i in range(classes)],
        "annotations": objects,
    }
    (folder / "truth.json").write_text(json.dumps(described))
    results = [
        {
            "image_id": image + 1,
            "category_id": int(label) + 1,
            "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
            "score": float(score),
        }
        for image, one in enumerate(found)
        for box, score, label in zip(one.boxes.tolist(), one.scores, one.labels, strict=True)
    ]
    coco = package.COCO(str(folder / "truth.json"))
    judge = package.COCOeval_faster(coco, coco.loadRes(results), "bbox", print_function=len)
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    return [float(number) for number in judge.stats[:12]]


@pytest.mark.parametrize("seed", range(4))
def test_numbers_are_those_of_a_package(seed: int, tmp_path: Path) -> None:
    truth, found = case(seed)
    ours = coco_scores(truth, found, 4).numbers
    theirs = by_package(truth, found, 4, tmp_path)
    assert tuple(ours) == NAMES
    np.testing.assert_allclose([ours[name] for name in NAMES], theirs, rtol=0, atol=1e-6)


def one(box: list[float], score: float, label: int = 0) -> Detections:
    return Detections(f32([box]), f32([score]), np.array([label]))


def test_numbers_stay_what_a_package_gave_once() -> None:
    # faster-coco-eval 1.8.0 on the same case.
    kept = (
        *(0.227517648, 0.464003064, 0.239763052, 0.036996568, 0.256118252, 0.61259972),
        *(0.243662186, 0.595219108, 0.598249411, 0.192592593, 0.639035088, 0.801111111),
    )
    ours = coco_scores(*case(0), 4).numbers
    np.testing.assert_allclose([ours[name] for name in NAMES], kept, rtol=0, atol=1e-6)


def test_a_perfect_detector_has_one_and_an_empty_set_nan() -> None:
    truth, _ = case(1)
    perfect = [Detections(t.boxes, np.ones(len(t.labels), np.float32), t.labels) for t in truth]
    scores = coco_scores(truth, perfect, 4)
    assert scores.ap == pytest.approx(1, abs=1e-12)
    assert np.isnan(scores.per_class["AP"][3])  # a class without objects
    empty = [annotation([], [])]
    nothing = [Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, int))]
    assert np.isnan(coco_scores(empty, nothing, 2).ap)
    assert coco_scores(empty, nothing, 2).objects.tolist() == [0, 0]


def test_objects_to_be_ignored_are_neither_found_nor_missed() -> None:
    truth = [annotation([[0, 0, 10, 10], [50, 50, 60, 60]], [0, 0], ignored=[False, True])]
    both = Detections(f32([[0, 0, 10, 10], [50, 50, 60, 60]]), f32([0.5, 0.9]), np.array([0, 0]))
    assert coco_scores(truth, [both], 1).ap == pytest.approx(1)
    assert coco_scores(truth, [one([0, 0, 10, 10], 0.5)], 1).ap == pytest.approx(1)
    assert coco_scores(truth, [one([50, 50, 60, 60], 0.5)], 1).ap == 0


@pytest.mark.parametrize("measure", [lambda t, f: coco_scores(t, f, 1), error_types])
def test_other_things_than_boxes_are_told(measure: Callable[[Any, Any], Any]) -> None:
    truth = [annotation([[0, 0, 2, 2]], [0])]
    with pytest.raises(TypeError, match="found must be Detections, got list"):
        measure(truth, [[]])
    with pytest.raises(TypeError, match="truth must be Annotation, got dict"):
        measure([{}], [[]])
    with pytest.raises(ValueError, match="found must be 1, one for each image, got 0"):
        measure(truth, [])


def test_bad_input_names_the_image() -> None:
    truth = [annotation([[0, 0, 10, 10]], [0])]
    with pytest.raises(ValueError, match="one for each image, got 0"):
        coco_scores(truth, [], 1)
    with pytest.raises(ValueError, match=r"found of image 0 must have classes in \[0, 1\), got 3"):
        coco_scores(truth, [one([0, 0, 1, 1], 0.5, 3)], 1)
    with pytest.raises(ValueError, match="found of image 0 must be finite"):
        coco_scores(truth, [one([0, 0, float("nan"), 1], 0.5)], 1)
