"""`convlet show`: which pictures it draws of a run, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from commands import bright_corner, convlet, inside, one_line_error, trained
from convlet import nn
from convlet.cli import pictures, run_folder

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a small data set, and a run trained on it."""
    path = tmp_path_factory.mktemp("cli")
    trained(path)
    images, _ = bright_corner(2, seed=1)
    for number, image in enumerate(images):
        np.save(path / f"image{number}.npy", image)
    return path


@pytest.fixture
def run(folder: Path) -> Path:
    return folder / "runs" / "lenet5-corners-001"


def test_show_draws_all_of_a_run_into_a_folder_of_it(folder: Path, run: Path) -> None:
    done = convlet("show", run, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    names = {path.name for path in (run / "pictures-001").iterdir()}
    assert names == {
        *("curves.png", "kernels.png", "confusion.png", "patches.png", "grad-cam.png"),
        *("occlusion.png", "saliency.png", "receptive-field.png"),
        *(f"feature-maps-0{number}.png" for number in (1, 2, 3)),
    }
    for path in (run / "pictures-001").iterdir():
        assert str(path) in done.stdout
        assert path.read_bytes().startswith(b"\x89PNG")


def test_curves_mark_the_epoch_whose_weights_a_run_keeps(run: Path, tmp_path: Path) -> None:
    kept = json.loads((run / "metrics.json").read_text())["best_epoch"]
    assert run_folder.kept_epoch(run) == kept > 0
    model = nn.Linear(1, 1)
    subject = pictures.Subject(run, model, [], np.zeros(0, np.float32), None, None)
    ((_, figure),) = pictures.figures("curves", subject)
    words = " ".join(text.get_text() for text in figure.texts)
    assert f"at epoch {kept} of 6" in words
    assert "Dashed: the epoch whose weights are kept" in words
    for text in ("", "[]", "{}", '{"best_epoch": 0}', '{"best_epoch": "3"}', "[" * 9999, "\udcff"):
        (tmp_path / "metrics.json").write_bytes(text.encode(errors="surrogateescape"))
        assert run_folder.kept_epoch(tmp_path) is None


def test_show_takes_images_and_names_of_pictures(
    folder: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("image0.npy", "image1.npy", "--only", "saliency", "grad-cam", "--layer", "conv1")
    done = inside("show", run, *arguments, "--out", "seen", "--json", cwd=folder, capsys=capsys)
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert [entry["picture"] for entry in told["pictures"]] == ["grad-cam", "saliency"]
    assert {path.name for path in (folder / "seen").iterdir()} == {"grad-cam.png", "saliency.png"}


def test_show_names_bad_images_and_does_the_others(
    folder: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("missing.png", "image0.npy", "--only", "saliency", "--out", "some")
    done = inside("show", run, *arguments, cwd=folder, capsys=capsys)
    assert "missing.png: there is no such file" in one_line_error(done, 1)
    assert (folder / "some" / "saliency.png").is_file()
    done = inside("show", run, "missing.png", "--only", "saliency", cwd=folder, capsys=capsys)
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--layer", "conv9"), "layer must be one of conv1"),
        (("--layer", "fc1", "--only", "patches"), "'fc1' gives"),
        (("--only", "everything"), "invalid choice"),
        (("--data", "nowhere.npz"), "nowhere.npz"),
        (("--out", "."), "is not empty"),
    ],
    ids=" ".join,
)
def test_show_refuses_in_one_line(
    folder: Path,
    run: Path,
    arguments: tuple[str, ...],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {path.name for path in run.iterdir()}
    only = () if "--only" in arguments else ("--only", "grad-cam")
    done = inside("show", run, *only, *arguments, cwd=folder, capsys=capsys)
    assert words in one_line_error(done, 2)
    assert {path.name for path in run.iterdir()} == before, "nothing is left behind"
