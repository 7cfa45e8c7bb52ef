"""Histories."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from convlet.errors import FormatError
from convlet.train import History

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
