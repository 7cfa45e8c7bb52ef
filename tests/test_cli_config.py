"""`convlet train --config`, `--save-config`, `--model` and `--json`; no arguments make a traceback."""

from __future__ import annotations

import json
import random
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from commands import SIDE, bright_corner, inside, one_line_error
from convlet.cli import pictures
from convlet.cli.training import OPTIMIZERS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="tomllib is part of Python from 3.11 on"
)


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than all else here, and has tests of its own."""
    monkeypatch.setattr(pictures, "draw", lambda *arguments: [])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a small data set."""
    path = tmp_path_factory.mktemp("cli")
    images, labels = bright_corner(120, seed=0)
    np.savez(path / "corners.npz", images=images, labels=labels)
    return path


def config_of(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "config.json").read_text()))


def test_a_saved_configuration_gives_the_same_network(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", "corners.npz", "--epochs", "2", "--lr", "0.004", "--dropout", "0.125")
    first = inside(
        *("train", *arguments, "--seed", "3", "--out", "first", "--save-config", "my.toml"),
        cwd=folder,
        capsys=capsys,
    )
    assert (first.returncode, first.stderr) == (0, "")
    text = (folder / "my.toml").read_text()
    for line in ('data = "corners.npz"', "epochs = 2", "batch-size = 64", "dropout = 0.125"):
        assert line in text.splitlines()
    again = inside("train", "--config", "my.toml", "--out", "again", cwd=folder, capsys=capsys)
    assert again.returncode == 0, again.stderr
    weights = next(path for path in (folder / "first").iterdir() if path.stem == "model")
    assert (folder / "again" / weights.name).read_bytes() == weights.read_bytes()
    assert config_of(folder / "first") == config_of(folder / "again")

    other = inside(
        "train", "--config", "my.toml", "--epochs", "1", "--out", "other", cwd=folder, capsys=capsys
    )
    assert other.returncode == 0
    assert config_of(folder / "other")["training"]["epochs"] == 1, "the command line counts more"
    assert config_of(folder / "other")["seed"] == 3

    kept = inside("train", "--save-config", "my.toml", cwd=folder, capsys=capsys)
    assert "my.toml exists, and is never overwritten" in one_line_error(kept, 2)
    assert (folder / "my.toml").read_text() == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("epoch = 3", "unknown key epoch, the keys are task, data, model"),
        ("out = 'x'", "unknown key out"),
        ("[train]\nepochs = 3", "unknown key train"),
        ("epochs = '3'", "epochs must be a number, got '3'"),
        ("epochs = true", "epochs must be a number, got True"),
        ("epochs = 3.5", "epochs must be a whole number"),
        ("epochs = 0", "epochs must be at least 1, got '0'"),
        ("epochs = [3]", "epochs must be a number"),
        ("lr = nan", "lr must be a number above 0"),
        ("data = 7", "data must be text, got 7"),
        ("model = 'lenet6'", "model must be one of"),
        ("schedule = 1", "schedule must be text"),
        ("epochs = 1\nepochs = 2", "my.toml"),
        ("epochs", "my.toml"),
        ("a = " + "[" * 10_000, "my.toml"),
        (b"\xff\xfe", "my.toml"),
        (b"# " + b"x" * 1_000_001, "larger than"),
        (None, "there is no such file"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_bad_configuration_names_the_file_and_the_key(
    tmp_path: Path, text: str | bytes | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "my.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    done = inside("train", "--config", "my.toml", cwd=tmp_path, capsys=capsys)
    error = one_line_error(done, 2)
    assert "cannot use my.toml" in error
    assert words in error


@pytest.mark.parametrize(
    ("text", "options", "lr"),
    [
        ('optimizer = "sgd"\nlr = 0.07', (), 0.07),
        ('optimizer = "sgd"\nlr = 0.07', ("--optimizer", "sgd"), 0.07),
        ('optimizer = "sgd"\nlr = 0.07', ("--optimizer", "lars"), OPTIMIZERS["lars"].lr),
        ('optimizer = "sgd"\nlr = 0.07', ("--optimizer", "lars", "--lr", "0.07"), 0.07),
        ("lr = 0.07", ("--optimizer", "lars"), OPTIMIZERS["lars"].lr),
        ("lr = 0.07", ("--optimizer", "adam"), 0.07),
        ('optimizer = "lars"', ("--optimizer", "sgd"), OPTIMIZERS["sgd"].lr),
    ],
    ids=lambda value: "".join(value) if isinstance(value, tuple) else str(value),
)
def test_a_rate_of_a_file_is_for_the_optimiser_of_the_file(
    folder: Path,
    tmp_path: Path,
    text: str,
    options: tuple[str, ...],
    lr: float,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "my.toml").write_text(text)
    arguments = ("--data", str(folder / "corners.npz"), "--epochs", "1", "--augment", "none")
    done = inside(
        *("train", "--config", "my.toml", *arguments, *options, "--out", "run"),
        cwd=tmp_path,
        capsys=capsys,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert config_of(tmp_path / "run")["training"]["lr"] == lr


def test_train_writes_json_and_nothing_else_on_standard_output(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", "corners.npz", "--epochs", "1", "--out", "json")
    done = inside("train", *arguments, "--json", cwd=folder, capsys=capsys)
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert (told["run"], told["epochs"], told["interrupted"]) == ("json", 1, False)
    assert told["test"] == json.loads((folder / "json" / "metrics.json").read_text())["test"]
    assert "epoch 1/1" in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--model", "mobilenet_v2", "--augment", "flip", "--schedule", "constant"),
        ("--optimizer", "adamw", "--augment", "none", "--schedule", "cosine"),
        ("--optimizer", "sgd", "--schedule", "onecycle"),
        ("--optimizer", "rmsprop", "--mix", "mixup"),
        ("--optimizer", "lars", "--schedule", "cosine", "--warm-up", "1", "--mix", "cutmix"),
        ("--optimizer", "lamb", "--schedule", "constant", "--warm-up", "1"),
    ],
    ids=" ".join,
)
def test_train_takes_other_networks_optimisers_and_schedules(
    folder: Path, tmp_path: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", str(folder / "corners.npz"), "--epochs", "2", "--out", "run")
    done = inside("train", *arguments, *options, cwd=tmp_path, capsys=capsys)
    assert (done.returncode, done.stderr) == (0, "")
    judged = inside("evaluate", "run", "--json", cwd=tmp_path, capsys=capsys)
    trained = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert json.loads(judged.stdout)["accuracy"] == trained["test"]["accuracy"]
    np.save(tmp_path / "one.npy", np.zeros((SIDE, SIDE), np.uint8))
    assert inside("predict", "run", "one.npy", cwd=tmp_path, capsys=capsys).returncode == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--model", "unet"), "not scores of 3 classes"),
        (("--model", "resnet18", "--kernel-size", "3"), "--kernel-size: resnet18 has no such"),
        (("--model", "nothing"), "invalid choice"),
        (("--warm-up", "1"), "--warm-up: needs --schedule cosine or constant, got staged"),
        (("--warm-up", "3", "--epochs", "3", "--schedule", "cosine"), "below --epochs 3, got 3"),
        (("--mix", "mixup", "--pretrained", "efficientnet_lite0"), "--mix: has no effect"),
        (("--epochs", "3", "--pretrained", "efficientnet_lite0"), "--epochs: has no effect"),
        (("--lr", "0.5", "--pretrained", "efficientnet_lite0"), "--lr: has no effect"),
        (("--mix", "mixup", "--task", "segment"), "--mix: it is for --task classify, not segment"),
        (("--mix", "cutmix", "--task", "detect"), "--mix: it is for --task classify, not detect"),
    ],
    ids=" ".join,
)
def test_a_network_that_does_not_fit_is_one_line(
    folder: Path, options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("train", "--data", "corners.npz", "--out", "unfit", *options)
    done = inside(*arguments, cwd=folder, capsys=capsys)
    assert words in one_line_error(done, 2)
    assert not (folder / "unfit").exists()


def test_a_network_too_deep_for_its_images_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, labels = bright_corner(60, seed=0)
    np.savez(folder / "small.npz", images=images[..., 4:, 4:], labels=labels)
    arguments = ("train", "--data", "small.npz", "--model", "vgg11", "--out", "unfit")
    done = inside(*arguments, cwd=folder, capsys=capsys)
    assert "images must be at least 16 x 16 pixels" in one_line_error(done, 2)
    assert not (folder / "unfit").exists()


VALUES = (
    *("", " ", "-", "--", "0", "-1", "1e309", "nan", "-inf", "9" * 30, "0x10", "1_0", "٣", "é\n"),
    *("true", "None", "a" * 5000, "..", "/", "/dev/null", "corners.npz", "%s", "{}", "[]", "\x00"),
)
WORDS = (
    *("train", "evaluate", "predict", "show", "bench", "info", "summary", "--help", "--version"),
    *("--data", "--model", "--optimizer", "--schedule", "--augment", "--epochs", "--batch-size"),
    *("--lr", "--dropout", "--kernel-size", "--seed", "--threads", "--out", "--config", "--json"),
    *("--only", "--layer", "--repeats", "--sides", "--save-config", "--epoch", "--quick=1", "-x"),
)


def fuzzed(seed: int) -> list[str]:
    """A command line of words that exist, in an order and with values that make little sense."""
    draw = random.Random(seed)
    start = [draw.choice(WORDS[:6])] if draw.random() < 0.8 else []
    return start + [
        draw.choice(VALUES if draw.random() < 0.5 else WORDS) for _ in range(draw.randrange(6))
    ]


def test_no_arguments_make_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(400):
        arguments = fuzzed(seed)
        if arguments[:1] in (["bench"], ["train"]):  # nothing valid: it would run for long
            arguments.append("--bogus")
        done = inside(*arguments, cwd=tmp_path, capsys=capsys)
        assert done.returncode in {0, 1, 2}, arguments
        if done.returncode:
            one_line_error(done, done.returncode)
        assert "Traceback" not in done.stdout + done.stderr, arguments
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:12])
def test_each_option_refuses_what_makes_no_sense(
    folder: Path, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # The last two are wrong for sure, and stop what would be valid before it trains.
    stop = ("--data", "nowhere.npz")
    for option in ("--epochs", "--lr", "--dropout", "--seed", "--model", "--config", "--data"):
        done = inside("train", f"{option}={value}", *stop, cwd=folder, capsys=capsys)
        one_line_error(done, 2)
    for command in (["evaluate", value], ["predict", value, value], ["show", value, value]):
        done = inside(*command, cwd=folder, capsys=capsys)
        if done.returncode:
            one_line_error(done, done.returncode)


@pytest.mark.parametrize(
    "arguments",
    [("lenet5",), ("resnet18", "--input", "1", "32", "32", "--classes", "7", "--batch-size", "2")],
    ids=" ".join,
)
def test_summary_lists_the_layers_of_a_network(
    tmp_path: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    done = inside("summary", *arguments, cwd=tmp_path, capsys=capsys)
    assert (done.returncode, done.stderr) == (0, "")
    assert "conv1" in done.stdout
    told = json.loads(inside("summary", *arguments, "--json", cwd=tmp_path, capsys=capsys).stdout)
    assert told["parameters"] > 10_000
    assert told["layers"][0]["name"] == "conv1"
    assert told["layers"][-1]["output_shape"] == ([1, 10] if len(arguments) == 1 else [2, 7])


def test_summary_of_a_run_and_of_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", str(folder / "corners.npz"), "--epochs", "1", "--augment", "affine")
    inside("train", *arguments, "--out", "run", cwd=tmp_path, capsys=capsys)
    told = json.loads(inside("summary", "run", "--json", cwd=tmp_path, capsys=capsys).stdout)
    assert told["layers"][-1]["output_shape"] == [1, 3]
    done = inside("summary", "run", "--classes", "3", cwd=tmp_path, capsys=capsys)
    assert "for a network by name" in one_line_error(done, 2)
    done = inside("summary", "lenet6", cwd=tmp_path, capsys=capsys)
    assert "neither a run folder nor one of" in one_line_error(done, 2)
    done = inside("summary", "lenet5", "--input", "1", "4", "4", cwd=tmp_path, capsys=capsys)
    assert "image_size must be at least" in one_line_error(done, 2)
