"""Histories and metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from convlet.errors import FormatError
from convlet.train import (
    Accuracy,
    History,
    TopKAccuracy,
    Trainer,
    confusion_matrix,
    recall_per_class,
)
from convlet.train.metrics import make_metrics

if TYPE_CHECKING:
    from pathlib import Path


def test_csv_round_trip_keeps_every_bit(tmp_path: Path) -> None:
    rows = [
        {"epoch": 1, "loss": 1 / 3, "lr": 1e-300},
        {"epoch": 2, "loss": math.inf, "val_loss": 0.1},
    ]
    history = History(rows)
    history.to_csv(tmp_path / "h.csv")
    again = History.from_csv(tmp_path / "h.csv")
    assert list(again) == rows
    assert type(again[0]["epoch"]) is int


def test_numpy_numbers_are_written_as_numbers(tmp_path: Path) -> None:
    History([{"epoch": 1, "loss": np.float64(0.5)}]).to_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text() == "epoch,loss\n1,0.5\n"


def test_a_column_has_a_value_per_epoch() -> None:
    history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25, "val_loss": 1.0}])
    assert history.column("loss") == [0.5, 0.25]
    assert math.isnan(history.column("val_loss")[0])
    with pytest.raises(KeyError, match="no epoch has 'f1', there is epoch, loss, val_loss"):
        history.column("f1")


@pytest.mark.parametrize(
    "text", ["epoch,loss\n1\n", "epoch\n1,2\n", "epoch\nx\n", 'epoch\n"1\n', "\udcff"]
)
def test_a_csv_that_is_no_history_is_a_format_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(FormatError, match="cannot be read"):
        History.from_csv(tmp_path / "h.csv")


def test_plot_draws_the_curves() -> None:
    pytest.importorskip("matplotlib").use("agg")
    figure = History(
        [{"epoch": 1, "loss": 0.5, "accuracy": 0.5}, {"epoch": 2, "loss": 0.2, "accuracy": 0.9}]
    ).plot()
    assert figure.axes


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
