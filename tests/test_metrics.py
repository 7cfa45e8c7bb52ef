"""What is measured of predictions, against counts by hand and scikit-learn's."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from convlet.train import (
    F1,
    Accuracy,
    MeanIoU,
    Precision,
    Recall,
    TopKAccuracy,
    Trainer,
    confusion_matrix,
    f1_per_class,
    iou_per_class,
    precision_per_class,
    recall_per_class,
)
from convlet.train.metrics import make_metrics


def test_accuracy_counts_over_batches() -> None:
    metric = Accuracy()
    assert math.isnan(metric.compute())
    metric.update(np.array([[0, 1], [1, 0]], np.float32), np.array([1, 1]))
    metric.update(np.array([[0, 1]], np.float32), np.array([1]))
    assert metric.compute() == pytest.approx(2 / 3)
    metric.reset()
    assert math.isnan(metric.compute())


def test_top_k_counts_labels_among_the_best(rng: np.random.Generator) -> None:
    outputs, labels = rng.normal(size=(50, 8)).astype(np.float32), rng.integers(0, 8, 50)
    metric = TopKAccuracy(3)
    metric.update(outputs, labels)
    best = np.argsort(-outputs, axis=1)[:, :3]
    assert metric.compute() == np.mean(
        [label in row for label, row in zip(labels, best, strict=True)]
    )


def test_metrics_are_made_of_names_and_objects() -> None:
    assert [m.name for m in make_metrics(["accuracy", "top5", TopKAccuracy(2)])] == [
        "accuracy",
        "top5",
        "top2",
    ]
    assert [m.name for m in make_metrics("accuracy")] == ["accuracy"]
    for bad, error in (
        (["f7"], ValueError),
        ([3], TypeError),
        (["accuracy", "accuracy"], ValueError),
    ):
        with pytest.raises(error, match="metrics"):
            make_metrics(bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="metrics"):
        Trainer(None, None, None, metrics=["x"])  # type: ignore[arg-type]


def test_confusion_matrix_counts_rows_as_truth() -> None:
    matrix = confusion_matrix([0, 0, 1, 2, 2, 2], [0, 1, 1, 2, 2, 0], classes=4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [1, 0, 2, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(recall_per_class(matrix), [0.5, 1.0, 2 / 3, np.nan])
    assert confusion_matrix(np.zeros(0, int), np.zeros(0, int)).shape == (0, 0)


@pytest.mark.parametrize(
    ("labels", "predictions", "error"),
    [
        ([0, 1], [0], ValueError),
        ([0, 3], [0, 1], ValueError),
        ([0, -1], [0, 1], ValueError),
        ([0.0], [0], TypeError),
    ],
)
def test_confusion_matrix_refuses_what_is_no_class(
    labels: list[int], predictions: list[int], error: type[Exception]
) -> None:
    with pytest.raises(error, match="confusion_matrix: "):
        confusion_matrix(labels, predictions, classes=3)


def scores_of(classes: np.ndarray, count: int) -> np.ndarray:
    """Scores whose greatest is at the class."""
    return np.moveaxis(np.eye(count, dtype=np.float32)[classes], -1, 1)


@pytest.mark.parametrize("average", ["macro", "micro"])
@pytest.mark.parametrize("kind", [Precision, Recall, F1])
def test_averages_are_those_of_scikit_learn(
    kind: type[Any], average: str, rng: np.random.Generator
) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    reference = {Precision: "precision", Recall: "recall", F1: "f1"}[kind]
    score = getattr(sklearn, f"{reference}_score")
    for classes in (3, 9):
        labels = rng.integers(0, classes - 1, 40)  # the last class never occurs …
        said = np.where(rng.random(40) < 0.5, labels, rng.integers(1, classes, 40))
        metric = kind(average)
        metric.update(scores_of(said[:25], classes), labels[:25])
        metric.update(scores_of(said[25:], classes), labels[25:])
        wanted = score(labels, said, average=average, zero_division=0)
        assert metric.compute() == pytest.approx(wanted)
        every = score(labels, said, average=None, labels=range(classes), zero_division=np.nan)
        if kind is not F1:
            np.testing.assert_allclose(metric.per_class(), every)
        else:
            np.testing.assert_allclose(np.nan_to_num(metric.per_class()), np.nan_to_num(every))


def test_per_class_values_follow_from_the_matrix() -> None:
    matrix = np.array([[3, 1, 0], [2, 2, 0], [0, 0, 0]])
    np.testing.assert_allclose(recall_per_class(matrix), [0.75, 0.5, np.nan])
    np.testing.assert_allclose(precision_per_class(matrix), [0.6, 2 / 3, np.nan])
    np.testing.assert_allclose(f1_per_class(matrix), [2 / 3, 4 / 7, np.nan])
    np.testing.assert_allclose(iou_per_class(matrix), [0.5, 0.4, np.nan])


def test_mean_iou_of_maps_leaves_out_what_is_ignored(rng: np.random.Generator) -> None:
    truth, said = rng.integers(0, 3, (2, 4, 5)), rng.integers(0, 3, (2, 4, 5))
    truth[0, 0] = 255
    metric = MeanIoU(ignore_index=255)
    metric.update(scores_of(said, 4), truth)
    counted = truth != 255
    wanted = [
        np.sum((truth == c) & (said == c)) / np.sum(((truth == c) | (said == c)) & counted)
        for c in range(3)
    ]
    np.testing.assert_allclose(metric.per_class(), [*wanted, np.nan])
    assert metric.compute() == pytest.approx(np.mean(wanted))
    with pytest.raises(ValueError, match=r"labels must be in \[0, 4\), got 255"):
        MeanIoU().update(scores_of(said, 4), truth)


def test_accuracy_of_maps_counts_pixels_and_of_shares_the_greatest() -> None:
    said = np.array([[[0, 1], [1, 1]]])
    for metric, wanted in ((Accuracy(), 0.75), (TopKAccuracy(2), 1.0)):
        metric.update(scores_of(said, 2), np.array([[[0, 1], [1, 0]]]))
        assert metric.compute() == wanted
    shares = np.array([[0.3, 0.7], [0.9, 0.1]], np.float32)
    for kind in (Accuracy, Recall):
        mixed = kind()
        mixed.update(scores_of(np.array([1, 1]), 2), shares)
        assert mixed.compute() == 0.5


@pytest.mark.parametrize("name", ["accuracy", "top2", "precision", "recall", "f1", "miou"])
def test_a_metric_goes_on_counting_from_its_state(name: str, rng: np.random.Generator) -> None:
    outputs, labels = rng.normal(size=(30, 4)).astype(np.float32), rng.integers(0, 4, 30)
    whole, first, second = (make_metrics([name])[0] for _ in range(3))
    whole.update(outputs, labels)
    first.update(outputs[:11], labels[:11])
    state: Any = json.loads(json.dumps(first.state_dict()))  # type: ignore[attr-defined]
    second.load_state_dict(state)  # type: ignore[attr-defined]
    second.update(outputs[11:], labels[11:])
    assert second.compute() == whole.compute()
    assert second.name == name
    second.reset()
    assert math.isnan(second.compute())


def test_an_average_of_another_name_is_refused() -> None:
    with pytest.raises(ValueError, match='F1: average must be "macro" or "micro", got \'all\''):
        F1("all")
    with pytest.raises(TypeError, match="MeanIoU: ignore_index must be an int"):
        MeanIoU(0.5)  # type: ignore[arg-type]
    assert [m.name for m in make_metrics([F1(), F1("micro")])] == ["f1", "f1_micro"]
