"""`data.load` on folders and tables of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import data
from convlet.cli import datasets
from convlet.cli.errors import CommandError
from convlet.errors import FormatError
from image_fixtures import picture, write, write_classes
from test_cifar import files
from test_cifar import write as write_files

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("PIL.Image")


def test_a_folder_per_class_is_divided(tmp_path: Path) -> None:
    write_classes(tmp_path, {"cat": 10, "dog": 10})
    loaded = data.load(tmp_path)
    assert loaded.train.images.shape == (16, 3, 12, 16)
    assert np.bincount(loaded.test.labels).tolist() == [2, 2]
    assert loaded.class_names == ("cat", "dog")


def test_parts_that_are_there_are_kept(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", {"cat": 3, "dog": 2, "emu": 1}, channels=1)
    write_classes(tmp_path / "val", {"emu": 2}, channels=1)
    loaded = data.load(tmp_path)
    assert loaded.train.images.shape == (6, 1, 12, 16)
    assert loaded.test.labels.tolist() == [2, 2]
    np.testing.assert_array_equal(loaded.test.images[1, 0], picture(1, channels=1))
    write_classes(tmp_path / "val", {"fox": 1})
    with pytest.raises(FormatError, match=r"without a picture to train on: \['fox'\]"):
        data.load(tmp_path)


def test_a_training_part_alone_is_divided(tmp_path: Path) -> None:
    write_classes(tmp_path / "train", {"cat": 5, "dog": 5})
    assert len(data.load(tmp_path).test.labels) == 2


@pytest.mark.parametrize(
    ("size", "shape"), [(None, (64, 64)), (9, (9, 9)), ((8, 20), (8, 20))], ids=str
)
def test_pictures_are_brought_to_one_size(
    tmp_path: Path, size: int | tuple[int, int] | None, shape: tuple[int, int]
) -> None:
    write_classes(tmp_path, {"cat": 5, "dog": 5})
    write(tmp_path / "dog" / "wide.png", picture(1, 20, 60))
    assert data.load(tmp_path, size=size).train.images.shape[2:] == shape


def test_large_pictures_of_one_size_get_the_usual_one(tmp_path: Path) -> None:
    write_classes(tmp_path, {"cat": 5, "dog": 5}, height=150, width=130)
    assert data.load(tmp_path).train.images.shape[2:] == (64, 64)


@pytest.mark.parametrize("size", [0, 5000, (1, 2, 3), "64", (64, 2.5)])
def test_other_sizes_are_told(tmp_path: Path, size: Any) -> None:
    write_classes(tmp_path, {"cat": 5, "dog": 5})
    with pytest.raises((ValueError, TypeError), match="load: size must be"):
        data.load(tmp_path, size=size)


def test_a_damaged_picture_is_named_with_its_index(tmp_path: Path) -> None:
    write_classes(tmp_path, {"cat": 5, "dog": 5})
    path = tmp_path / "dog" / "006.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FormatError, match=r"006\.png: damaged or cut short .*\(index 6\)"):
        data.load(tmp_path)


def test_a_table_is_loaded(tmp_path: Path) -> None:
    write_classes(tmp_path, {"a": 10})
    lines = [f"a/{n:03}.png,{'even' if n % 2 == 0 else 'odd'}" for n in range(10)]
    (tmp_path / "table.csv").write_text("\n".join(["path,label", *lines]))
    loaded = data.load(tmp_path / "table.csv")
    assert loaded.class_names == ("even", "odd")
    assert loaded.train.images.shape == (8, 3, 12, 16)


def test_the_commands_take_folders_and_tables(tmp_path: Path) -> None:
    write_classes(tmp_path, {"cat": 20, "dog": 20}, channels=1)
    (tmp_path / "table.csv").write_text("".join(f"cat/{n:03}.png,{n % 2}\n" for n in range(20)))
    parts = datasets.load(str(tmp_path))
    assert [len(part.labels) for part in (parts.train, parts.validation, parts.test)] == [29, 3, 8]
    assert (parts.classes, parts.train.images.shape[1:]) == (["cat", "dog"], (1, 12, 16))
    assert datasets.load(str(tmp_path / "table.csv")).classes == ["0", "1"]
    (tmp_path / "dog" / "020.png").write_bytes(b"damaged")
    with pytest.raises(CommandError, match=r"--data: .*020\.png"):
        datasets.load(str(tmp_path))


def test_folders_of_arrays_and_of_cifar_are_known(tmp_path: Path) -> None:
    (tmp_path / "arrays").mkdir()
    np.save(tmp_path / "arrays" / "images.npy", np.zeros((10, 4, 4), np.uint8))
    np.save(tmp_path / "arrays" / "labels.npy", np.arange(10) % 2)
    assert data.load(tmp_path / "arrays").train.images.shape == (8, 1, 4, 4)
    write_files(tmp_path / "cifar", files(10, "binary"))
    loaded = data.load(tmp_path / "cifar")
    assert loaded.train.images.shape == (20, 3, 32, 32)
    assert loaded.class_names[0] == "kind0"


def test_a_folder_of_nothing_known_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no folders with pictures"):
        data.load(tmp_path)
