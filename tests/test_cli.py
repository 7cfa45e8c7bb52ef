"""The command line as a user calls it: exit codes, one-line errors, files written, answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 16
ARGUMENTS = {"classes": 3, "in_channels": 1, "image_size": [SIDE, SIDE]}
PATIENCE = 60
OPTIONS = (
    "data",
    "epochs",
    "batch-size",
    "lr",
    "dropout",
    "kernel-size",
    "seed",
    "threads",
    "out",
)


def convlet(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m convlet` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "convlet", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def inside(
    *arguments: str | Path, cwd: Path, capsys: pytest.CaptureFixture[str]
) -> subprocess.CompletedProcess[str]:
    """Run the entry point in this process, where starting costs nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        try:
            code = main(list(map(str, arguments)))
        except SystemExit as end:
            code = int(str(end.code))
    return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())


def one_line_error(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The error of a command that must fail in one line with this exit code."""
    assert done.returncode == code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def bright_corner(count: int, seed: int) -> tuple[Any, Any]:
    """Dark images whose class is the corner that is bright: learnt in seconds."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.integers(0, 20, (count, SIDE, SIDE)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = divmod(int(label), 2)
        image[1 + 8 * top : 7 + 8 * top, 1 + 8 * left : 7 + 8 * left] = 230
    return images, labels


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a small data set, and a run trained on it."""
    path = tmp_path_factory.mktemp("cli")
    images, labels = bright_corner(240, seed=0)
    np.savez(path / "corners.npz", images=images, labels=labels)
    done = convlet("train", "--data", "corners.npz", "--epochs", "6", "--lr", "0.01", cwd=path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    (path / "said.txt").write_text(done.stdout)
    return path


@pytest.fixture
def run(folder: Path) -> Path:
    return folder / "runs" / "lenet5-corners-001"


def test_version_and_help_name_the_commands(tmp_path: Path) -> None:
    assert convlet("--version", cwd=tmp_path).stdout.strip() == f"convlet {cl.__version__}"
    help_text = convlet("--help", cwd=tmp_path).stdout
    for command in ("train", "evaluate", "predict", "info"):
        assert command in help_text
    train = convlet("train", "--help", cwd=tmp_path).stdout
    for option in OPTIONS:
        assert f"--{option}" in train
    assert train.count("default") >= 9, "every argument names its default"


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
    arguments = ("--data", "corners.npz", "--lr", "1e6", "--out", "exploded", "--epochs", "3")
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


def test_evaluate_gives_the_figures_of_the_training(folder: Path, run: Path) -> None:
    trained = json.loads((run / "metrics.json").read_text())["test"]
    told = json.loads(convlet("evaluate", run, "--json", cwd=folder).stdout)
    assert {key: told[key] for key in trained} == trained
    table = convlet("evaluate", run, cwd=folder)
    assert table.returncode == 0
    assert "recall of 2" in table.stdout


def test_evaluate_takes_other_data_that_fit(folder: Path, run: Path) -> None:
    images, labels = bright_corner(60, seed=1)
    np.savez(folder / "more.npz", images=images, labels=labels)
    told = json.loads(convlet("evaluate", run, "--data", "more.npz", "--json", cwd=folder).stdout)
    assert (told["data"], told["images"]) == ("more.npz", 12)
    np.savez(folder / "larger.npz", images=np.zeros((60, 20, 20), np.uint8), labels=labels)
    done = convlet("evaluate", run, "--data", "larger.npz", cwd=folder)
    assert "images of 1x16x16, larger.npz has 1x20x20" in one_line_error(done, 2)
    np.savez(folder / "classes.npz", images=images, labels=labels + 5)
    assert "3 classes" in one_line_error(
        convlet("evaluate", run, "--data", "classes.npz", cwd=folder), 2
    )


def write_images(folder: Path) -> list[str]:
    """One image of class 1 in all that predict takes: as it is, inverted, larger, as an array."""
    image = pytest.importorskip("PIL.Image")
    pixels = bright_corner(2, seed=2)[0][1]
    pictures = {
        "plain.png": image.fromarray(pixels),
        "inverted.png": image.fromarray(255 - pixels),
        "colour.jpg": image.fromarray(pixels).convert("RGB"),
        "clear.png": image.merge("LA", [image.new("L", (SIDE, SIDE), 0), image.fromarray(pixels)]),
    }
    for name, picture in pictures.items():
        picture.save(folder / name)
    np.save(folder / "array.npy", pixels)
    np.save(folder / "floats.npy", pixels[None] / 255)
    return [*pictures, "array.npy", "floats.npy"]


def test_predict_finds_the_class_in_every_format(folder: Path, run: Path) -> None:
    names = write_images(folder)
    done = convlet("predict", run, *names, "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    answers = json.loads(done.stdout)["images"]
    assert [answer["file"] for answer in answers] == names
    for answer in answers:
        assert answer["predictions"][0]["class"] == "1", answer
        assert len(answer["predictions"]) == 3
        assert sum(entry["probability"] for entry in answer["predictions"]) == pytest.approx(1)
    plain = convlet("predict", run, "array.npy", cwd=folder).stdout
    assert plain.startswith("array.npy: 1 (")


def test_predict_names_bad_files_and_does_the_others(folder: Path, run: Path) -> None:
    good = write_images(folder)[0]
    whole = (folder / good).read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("no picture")
    np.save(folder / "large.npy", np.zeros((40, 40), np.uint8))
    np.save(folder / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    np.save(folder / "range.npy", np.full((SIDE, SIDE), 7.0))
    bad = ["cut.png", "text.png", "missing.png", "large.npy", "object.npy", "range.npy", "."]
    done = convlet("predict", run, *bad, good, cwd=folder)
    assert done.returncode == 1
    assert done.stdout.startswith(f"{good}: 1 (")
    errors = done.stderr.splitlines()
    assert len(errors) == len(bad), done.stderr
    for name, error in zip(bad, errors, strict=True):
        assert error.startswith(f"convlet predict: {name}: "), error


@pytest.mark.parametrize(
    "command", [["evaluate"], ["predict", "array.npy"]], ids=["evaluate", "predict"]
)
@pytest.mark.parametrize(
    ("config", "words"),
    [
        (None, "no config.json"),
        ("{", "config.json"),
        ("[" * 10_000, "config.json"),
        ('{"a": 1, "a": 2}', "occurs twice"),
        ('{"version": "1"}', "missing keys"),
        ({"model": "../../x"}, "name must be one of"),
        ({"channels": 0}, "channels must be"),
        ({"std": [0.0]}, "std must be"),
        ({"arguments": {"image_size": [4096, 4096]}}, "arguments.classes must be 3"),
        ({"height": 4096, "width": 4096}, "1,048,576 values"),
        ({"arguments": {**ARGUMENTS, "surprise": 1}}, "surprise"),
        ({"arguments": {**ARGUMENTS, "kernel_size": 3}}, "weights"),
        ({"arguments": {**ARGUMENTS, "kernel_size": "3"}}, "kernel_size"),
    ],
    ids=str,
)
def test_a_damaged_run_is_one_line(
    folder: Path,
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
    config: Any,
    words: str,
) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for path in run.iterdir():
        if path.stem == "model":
            (damaged / path.name).write_bytes(path.read_bytes())
    whole = json.loads((run / "config.json").read_text())
    if isinstance(config, dict):
        config = json.dumps({**whole, **config})
    if config is not None:
        (damaged / "config.json").write_text(config)
    done = inside(command[0], damaged, *command[1:], cwd=folder, capsys=capsys)
    assert done.returncode in {1, 2}
    assert words in one_line_error(done, done.returncode)


def test_damaged_weights_are_one_line(folder: Path, run: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "config.json").write_bytes((run / "config.json").read_bytes())
    assert "has no model" in one_line_error(convlet("evaluate", damaged, cwd=folder), 1)
    weights = next(path for path in run.iterdir() if path.stem == "model")
    flipped = bytearray(weights.read_bytes())
    flipped[-5] ^= 0x40
    (damaged / weights.name).write_bytes(flipped)
    assert "damaged" in one_line_error(convlet("evaluate", damaged, cwd=folder), 1)
    (damaged / weights.name).write_bytes(flipped[:1000])
    assert weights.name in one_line_error(convlet("evaluate", damaged, cwd=folder), 1)


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
