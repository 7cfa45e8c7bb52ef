"""`convlet evaluate` and `convlet predict`: what they make of good runs and images, and of bad ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from commands import SIDE, bright_corner, convlet, inside, one_line_error, trained

if TYPE_CHECKING:
    from pathlib import Path

ARGUMENTS = {"classes": 3, "in_channels": 1, "image_size": [SIDE, SIDE]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a small data set, and a run trained on it."""
    path = tmp_path_factory.mktemp("cli")
    trained(path)
    return path


@pytest.fixture
def run(folder: Path) -> Path:
    return folder / "runs" / "lenet5-corners-001"


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
