"""`convlet train` and `convlet info`: exit codes, one-line errors, files written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

import convlet as cl
from commands import PATIENCE, convlet, inside, one_line_error, trained

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = (
    "task",
    "data",
    "model",
    "backbone",
    "pretrained",
    "fine-tune",
    "image-size",
    "optimizer",
    "schedule",
    "augment",
    "mix",
    "warm-up",
    "epochs",
    "batch-size",
    "lr",
    "dropout",
    "kernel-size",
    "base-channels",
    "seed",
    "threads",
    "out",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a small data set, and a run trained on it."""
    path = tmp_path_factory.mktemp("cli")
    (path / "said.txt").write_text(trained(path))
    return path


@pytest.fixture
def run(folder: Path) -> Path:
    return folder / "runs" / "lenet5-corners-001"


def test_version_and_help_name_the_commands(tmp_path: Path) -> None:
    assert convlet("--version", cwd=tmp_path).stdout.strip() == f"convlet {cl.__version__}"
    help_text = convlet("--help", cwd=tmp_path).stdout
    for command in ("train", "evaluate", "predict", "show", "export", "summary", "bench", "info"):
        assert command in help_text
        assert f"examples:\n  convlet {command}" in convlet(command, "--help", cwd=tmp_path).stdout
    assert "exit codes: 0 done; 1 failed" in help_text
    train = convlet("train", "--help", cwd=tmp_path).stdout
    for option in OPTIONS:
        assert f"--{option}" in train
    assert train.count("(default:") == len(OPTIONS), "every argument names its default"


def test_train_says_each_epoch_in_one_line_and_ends_with_a_table(folder: Path) -> None:
    said = (folder / "said.txt").read_text()
    epochs = [line for line in said.splitlines() if line.startswith("epoch ")]
    assert len(epochs) == 6
    for word in ("loss", "accuracy", "validation", "images/s", "left"):
        assert word in epochs[0]
    for row in ("test accuracy", "recall of 2", "seconds of training", "images per second"):
        assert row in said


def test_train_writes_all_that_a_run_has(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert {"config.json", "history.csv", "metrics.json"} <= names
    assert names & {"model.safetensors", "model.npz"}
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["test"]["accuracy"] > 0.9
    assert metrics["epochs"] == 6
    history = (run / "history.csv").read_text().splitlines()
    assert history[0].startswith("epoch,loss,accuracy,val_loss,val_accuracy")
    assert len(history) == 7


def test_train_draws_pictures(run: Path) -> None:
    pytest.importorskip("matplotlib")
    for name in ("curves", "confusion", "kernels", "activations", "mistakes"):
        picture = (run / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 5000


def test_a_run_whose_every_validation_loss_is_nan_is_drawn_and_kept(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib")
    lost = {"loss": float("nan"), "accuracy": 0.5}
    monkeypatch.setattr(cl.Trainer, "evaluate", lambda *_: lost)
    data = ("--data", str(folder / "corners.npz"), "--epochs", "2")
    done = inside("train", *data, "--out", "run", cwd=tmp_path, capsys=capsys)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2, kept the last" in done.stdout
    assert (tmp_path / "run" / "curves.png").stat().st_size > 5000
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["best_epoch"] == 0
    (tmp_path / "run" / "curves.png").unlink()
    done = inside("show", "run", "--only", "curves", cwd=tmp_path, capsys=capsys)
    assert (done.returncode, done.stderr) == (0, "")


def test_train_is_repeatable_by_seed_for_any_number_of_threads(folder: Path, run: Path) -> None:
    again = folder / "again"
    arguments = ("--data", "corners.npz", "--epochs", "6", "--lr", "0.01", "--threads", "1")
    assert convlet("train", *arguments, "--out", again, cwd=folder).returncode == 0
    weights = next(path for path in run.iterdir() if path.stem == "model")
    assert (again / weights.name).read_bytes() == weights.read_bytes()


def test_train_numbers_its_folders_and_overwrites_nothing(folder: Path, run: Path) -> None:
    arguments = ("train", "--data", "corners.npz", "--epochs", "1")
    assert convlet(*arguments, cwd=folder).returncode == 0
    assert (folder / "runs" / "lenet5-corners-002" / "config.json").is_file()
    before = {path: path.read_bytes() for path in run.iterdir()}
    error = one_line_error(convlet(*arguments, "--out", run, cwd=folder), 2)
    assert "is not empty" in error
    assert {path: path.read_bytes() for path in run.iterdir()} == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--epochs", "0"], "--epochs: must be at least 1, got '0'"),
        (["--epochs", "many"], "--epochs: must be a whole number"),
        (["--batch-size", "-3"], "--batch-size: must be at least 1"),
        (["--lr", "0"], "--lr: must be a number above 0"),
        (["--lr", "nan"], "--lr: must be a number above 0"),
        (["--dropout", "1"], "--dropout: must be a number in [0, 1)"),
        (["--kernel-size", "0"], "--kernel-size: must be at least 1"),
        (["--kernel-size", "40"], "kernel_size"),
        (["--seed", "-1"], "--seed: must be at least 0"),
        (["--threads", "0"], "--threads: must be at least 1"),
        (["--data", "nowhere.npz"], "nowhere.npz"),
        (["--data", "text.npz"], "text.npz"),
        (["--data", "tiny.npz"], "too few"),
        (["--data", "nan.npz"], "not finite"),
        (["--bogus"], "--bogus"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_train_refuses_in_one_line(
    folder: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "text.npz").write_text("not a zip file")
    np.savez(folder / "tiny.npz", images=np.zeros((5, 16, 16), np.uint8), labels=np.arange(5))
    np.savez(folder / "nan.npz", images=np.full((40, 16, 16), np.nan), labels=np.arange(40) % 2)
    start = ("train", "--data", "corners.npz", "--out", "refused")
    done = inside(*start, *arguments, cwd=folder, capsys=capsys)
    assert words in one_line_error(done, 2)
    assert not (folder / "refused").exists(), "nothing is left behind"


def test_a_loss_that_explodes_ends_in_one_line(folder: Path) -> None:
    arguments = ("--data", "corners.npz", "--lr", "1e6", "--out", "exploded", "--optimizer", "sgd")
    done = convlet("train", *arguments, cwd=folder)
    assert "--lr" in one_line_error(done, 1)
    assert not (folder / "exploded").exists()


def test_train_on_shapes_needs_no_extra(tmp_path: Path) -> None:
    done = convlet("train", "--data", "shapes-easy", "--epochs", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "runs" / "lenet5-shapes-easy-001" / "config.json").read_text())
    assert (config["channels"], config["classes"][0]) == (3, "circle")


def test_without_extras_train_says_so_and_uses_what_is_there(folder: Path) -> None:
    code = (
        "import importlib.util as u, sys; find = u.find_spec;"
        "hidden = {'mlxtend', 'matplotlib', 'safetensors', 'rich'};"
        "u.find_spec = lambda name, *rest: None if name in hidden else find(name, *rest);"
        "from convlet.cli import datasets; from convlet.cli.main import main;"
        "datasets.FALLBACK = 'corners.npz'; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "--epochs", "1", "--out", "bare"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].count('pip install "convlet[demo]"') == 1
    assert 'pip install "convlet[plot]"' in done.stdout
    names = {path.name for path in (folder / "bare").iterdir()}
    assert names == {"model.npz", "config.json", "history.csv", "metrics.json"}
    assert convlet("evaluate", "bare", cwd=folder).returncode == 0


def test_interrupted_training_keeps_what_it_learnt(folder: Path) -> None:
    arguments = ["--data", "corners.npz", "--epochs", "100000", "--lr", "1e-7", "--out", "stopped"]
    with subprocess.Popen(
        [sys.executable, "-m", "convlet", "train", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch "):
                os.kill(process.pid, signal.SIGINT)
                break
        said, error = process.communicate(timeout=PATIENCE)
    assert (process.returncode, error) == (130, "")
    assert "saved to stopped" in said
    assert convlet("evaluate", "stopped", cwd=folder).returncode == 0


def test_info_tells_what_is_there(tmp_path: Path) -> None:
    facts = json.loads(convlet("info", "--json", cwd=tmp_path).stdout)
    assert facts["convlet"] == cl.__version__
    assert facts["instruction set"] in facts["compiled in"]
    assert facts["threads"] >= 1
    assert set(facts["extras"]) >= {"rich", "matplotlib", "pillow", "safetensors", "mlxtend"}
    lines = convlet("info", cwd=tmp_path).stdout.splitlines()
    assert len(lines) == len(facts)


def test_wrong_use_is_one_line(tmp_path: Path) -> None:
    assert "COMMAND" in one_line_error(convlet(cwd=tmp_path), 2)
    assert "no run folder" in one_line_error(convlet("evaluate", "nowhere", cwd=tmp_path), 2)
    assert "IMAGE" in one_line_error(convlet("predict", "nowhere", cwd=tmp_path), 2)


def test_a_reader_that_leaves_early_sees_no_traceback(tmp_path: Path) -> None:
    command = f'"{sys.executable}" -m convlet info | head -n 1'
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
