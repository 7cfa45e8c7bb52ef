"""`convlet train --task segment`, and what follows from its run folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

import convlet as cl
from commands import inside, one_line_error
from convlet import nn
from convlet.cli.errors import CommandError
from convlet.cli.segment_scores import Mirrored
from convlet.cli.tasks import TASKS
from convlet.data import segmentation, shapes

if TYPE_CHECKING:
    from pathlib import Path

SCENES = shapes.scenes(24, size=32, difficulty="easy")
PICTURES = {"curves.png", "predictions.png", "classes.png"}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small data set in place of the drawn one."""
    found = segmentation.SegmentationData(
        "shapes",
        segmentation.MaskedImages(SCENES.images[:16], SCENES.semantic[:16]),
        segmentation.MaskedImages(SCENES.images[16:], SCENES.semantic[16:]),
        ("background", *shapes.CLASS_NAMES),
    )
    monkeypatch.setattr(segmentation, "load", lambda source: found)


def test_train_evaluate_predict(
    small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ("train", "--task", "segment", "--epochs", "2", "--base-channels", "2", "--out", "run")
    done = inside(*train, cwd=tmp_path, capsys=capsys)
    assert (done.returncode, done.stderr) == (0, "")
    for words in ("mean IoU", "boundary F1", "IoU of background", "15 images"):
        assert words.removeprefix("15 ") in done.stdout
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["task"], config["model"], config["training"]["batch_size"]) == (
        "segment",
        "resunet",
        8,
    )
    chosen = config["training"]
    assert (chosen["schedule"], chosen["warm_up"], chosen["lr"]) == ("cosine", 1, 0.004)
    assert (chosen["augment"], chosen["optimizer"]) == ("affine", "adamw")
    assert config["arguments"]["base_channels"] == 2
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())["test"]

    done = inside("evaluate", "run", "--json", cwd=tmp_path, capsys=capsys)
    again = json.loads(done.stdout)
    assert again["mean_iou"] == pytest.approx(metrics["mean_iou"])
    assert again["iou"].keys() == {"background", *shapes.CLASS_NAMES}

    np.save(tmp_path / "wide.npy", np.concatenate([SCENES.images[16], SCENES.images[17]], axis=2))
    arguments = ("predict", "run", "wide.npy", "missing.png", "--json")
    done = inside(*arguments, cwd=tmp_path, capsys=capsys)
    assert done.returncode == 1
    assert "missing.png" in done.stderr
    (said,) = json.loads(done.stdout)["images"]
    assert (said["height"], said["width"]) == (32, 64)
    assert sum(entry["pixels"] for entry in said["classes"]) == 32 * 64

    error = one_line_error(inside("show", "run", cwd=tmp_path, capsys=capsys), 2)
    assert "matplotlib" in error or "is a run of --task segment" in error


def test_mirror_images_are_asked_about_as_well(
    small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ("train", "--task", "segment", "--epochs", "1", "--base-channels", "2", "--out", "run")
    assert inside(*train, cwd=tmp_path, capsys=capsys).returncode == 0
    done = inside("evaluate", "run", "--flip", "--json", cwd=tmp_path, capsys=capsys)
    assert 0 < json.loads(done.stdout)["pixel_accuracy"] <= 1
    # Of an image that is its own mirror image so is the mask.
    image = SCENES.images[20].copy()
    image[:, :, 16:] = image[:, :, 15::-1]
    np.save(tmp_path / "a.npy", image)
    done = inside("predict", "run", "a.npy", "--flip", "--json", cwd=tmp_path, capsys=capsys)
    assert done.returncode == 0
    model = nn.Conv2d(3, 4, (1, 2), padding="same")
    scores = Mirrored(model)(cl.Tensor(image[None].astype(np.float32))).numpy()
    np.testing.assert_allclose(scores, scores[..., ::-1], rtol=1e-5)
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1, rtol=1e-5)
    for name in ("classify", "detect"):
        with pytest.raises(CommandError, match=f"--flip: it is for --task segment, not {name}"):
            TASKS[name].mirrored(model)


def test_pictures(small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    image = pytest.importorskip("PIL.Image")
    train = ("train", "--task", "segment", "--epochs", "1", "--base-channels", "2", "--out", "run")
    assert inside(*train, cwd=tmp_path, capsys=capsys).returncode == 0
    assert {path.name for path in (tmp_path / "run").glob("*.png")} == PICTURES
    image.fromarray(SCENES.images[20].transpose(1, 2, 0)).resize((50, 70)).save(tmp_path / "a.png")
    done = inside("predict", "run", "a.png", "--out", "found", cwd=tmp_path, capsys=capsys)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads((tmp_path / "found" / "predictions.json").read_text())["images"][0]
    mask = segmentation.read_mask(tmp_path / "found" / "001-a-mask.png")
    counts = {entry["class"]: entry["pixels"] for entry in told["classes"]}
    names = ["background", *shapes.CLASS_NAMES]
    assert counts == {names[i]: n for i, n in enumerate(np.bincount(mask.ravel())) if n}
    with image.open(tmp_path / "found" / "001-a-overlay.png") as opened:
        assert opened.size == (50, 70)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "lenet5"), "not scores of 11 classes at each pixel"),
        (("--augment", "shift"), "--augment: --task segment has none, flip, affine, got shift"),
        (
            ("--pretrained", "resnet18"),
            "--pretrained: it is for --task classify and detect, not segment",
        ),
        (("--kernel-size", "3"), "--kernel-size: resunet has no such argument"),
        (("--schedule", "staged", "--warm-up", "1"), "--warm-up: needs --schedule cosine or"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    arguments: tuple[str, ...],
    words: str,
    small: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    done = inside("train", "--task", "segment", *arguments, cwd=tmp_path, capsys=capsys)
    assert words in one_line_error(done, 2)


def test_a_warm_up_of_the_task_gives_way_to_other_schedules_and_single_epochs(
    small: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ("train", "--task", "segment", "--base-channels", "2", "--out")
    for name, options in (
        ("one", ("--epochs", "1")),
        ("cycle", ("--epochs", "2", "--schedule", "onecycle")),
        ("unet", ("--epochs", "2", "--model", "unet", "--warm-up", "0")),
    ):
        done = inside(*train, name, *options, cwd=tmp_path, capsys=capsys)
        assert (done.returncode, done.stderr) == (0, "")
        config = json.loads((tmp_path / name / "config.json").read_text())
        assert config["training"]["warm_up"] == 0


def test_a_source_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = inside("train", "--task", "segment", "--data", "nothing", cwd=tmp_path, capsys=capsys)
    assert "--data: load: there is no folder nothing" in one_line_error(done, 2)
