"""The silhouettes of the package animal-mnist, or a package that looks like it."""

from __future__ import annotations

import gzip
import pickle
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import data
from convlet.data import animals
from convlet.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "animal_mnist" / "data" / "Animal_MNIST"
    folder.mkdir(parents=True)
    (tmp_path / "animal_mnist" / "__init__.py").write_text("raise SystemExit('imported')")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    fill(folder, np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10)
    return folder


def fill(folder: Path, images: Any, labels: Any) -> None:
    for name, value in (("data", images), ("label", labels)):
        content = gzip.compress(pickle.dumps(value, 4))
        (folder / f"animal_{name}_version_3.gz").write_bytes(content)


@pytest.mark.skipif(not animals.available(), reason="animal-mnist is not installed")
def test_the_real_ones_are_ten_thousand() -> None:
    loaded = data.load("animals")
    assert loaded.train.images.shape == (8000, 1, 28, 28)
    assert np.bincount(loaded.test.labels).tolist() == [200] * 10
    assert loaded.class_names[:2] == ("bear", "bird")


def test_the_files_are_read_without_importing_the_package(package: Path) -> None:
    images, labels = animals.load()
    assert images.shape == (20, 1, 28, 28)
    assert labels.tolist() == list(range(10)) * 2
    assert "animal_mnist" not in sys.modules


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (np.zeros((20, 28, 28)), np.arange(20) % 10),
        (np.zeros((20, 28, 27), np.uint8), np.arange(20) % 10),
        (np.zeros((20, 28, 28), np.uint8), np.arange(19) % 10),
        (np.zeros((20, 28, 28), np.uint8), np.arange(20)),
        ([1, 2], np.arange(20)),
        (print, np.arange(20)),
    ],
)
def test_other_content_is_a_format_error(package: Path, images: Any, labels: Any) -> None:
    fill(package, images, labels)
    with pytest.raises(FormatError, match="animal_"):
        animals.load()


def test_a_damaged_file_is_a_format_error(package: Path) -> None:
    path = package / "animal_data_version_3.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FormatError, match="not a whole gzip file"):
        animals.load()


def test_without_the_package_the_message_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(animals, "find", lambda *_: None)
    assert not animals.available()
    with pytest.raises(ImportError, match="pip install --no-deps animal-mnist"):
        animals.load()
