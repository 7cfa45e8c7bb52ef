"""`convlet train --task detect`, end to end on few scenes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from convlet.cli.main import main
from convlet.data.detection import sources

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.parametrize("model", ["fcos", "ssdlite320_mobilenet_v3_large"])
def test_a_detector_is_trained_tested_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(sources, "_TRAIN", 40)
    monkeypatch.setattr(sources, "_TEST", 8)
    run = tmp_path / "run"
    words = [
        "train",
        "--task",
        "detect",
        "--data",
        "shapes-easy",
        "--epochs",
        "1",
        "--model",
        model,
    ]
    assert main([*words, "--out", str(run)]) == 0
    drawn = {path.name for path in run.glob("*.png")}
    assert {"boxes.png", "classes.png", "errors.png", "precision_recall.png"} <= drawn
    facts = json.loads((run / "metrics.json").read_text())
    assert {"AP", "AP50", "errors", "per_class"} <= set(facts["test"])
    assert main(["evaluate", str(run)]) == 0
    image.new("RGB", (90, 100)).save(tmp_path / "black.png")
    capsys.readouterr()
    assert main(["predict", str(run), str(tmp_path / "black.png"), "--json"]) == 0
    (said,) = json.loads(capsys.readouterr().out)["images"]
    assert (said["height"], said["width"]) == (100, 90)


def test_the_layers_of_a_detector_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "fcos", "--input", "3", "64", "64", "--classes", "4", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["layers"][-1]["output_shape"] == [1, 84, 12]
