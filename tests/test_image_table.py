"""Pictures named in a CSV file: columns, classes, and paths that stay in their folder."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from convlet.data import ImageTable, transforms
from convlet.errors import FormatError
from image_fixtures import picture, write

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("PIL.Image")


def table(folder: Path, text: str) -> Path:
    for number in range(3):
        write(folder / "pictures" / f"{number}.png", picture(number))
    path = folder / "table.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "path,label\npictures/0.png,emu\npictures/1.png,cat\npictures/2.png,emu\n",
        "pictures/0.png,emu\npictures/1.png,cat\n\npictures/2.png,emu",
        "id,Class,File\n7,emu,pictures/0.png\n8,cat,pictures/1.png\n9,emu,pictures/2.png\n",
        '\ufeffimage,target\n"pictures/0.png"," emu"\npictures\\1.png,cat\npictures/2.png,emu\n',
    ],
)
def test_paths_and_labels_are_found(tmp_path: Path, text: str) -> None:
    dataset = ImageTable(table(tmp_path, text))
    assert dataset.classes == ["cat", "emu"]
    assert dataset.targets.tolist() == [1, 0, 1]
    images, labels = dataset.batch([2, 1])
    assert images.shape == (2, 3, 12, 16)
    assert labels.tolist() == [1, 0]


def test_numbers_are_classes_in_their_order(tmp_path: Path) -> None:
    text = "a,b\npictures/0.png,10\npictures/1.png,9\npictures/2.png,-1\n"
    dataset = ImageTable(table(tmp_path, text), path_column="a", label_column="B")
    assert dataset.classes == ["-1", "9", "10"]
    assert dataset.targets.tolist() == [2, 1, 0]


def test_texts_of_one_number_are_classes_in_one_order(tmp_path: Path) -> None:
    lines = [f"{number}.png,{text}" for number, text in enumerate(["01", "1", "001", "-2", "0"])]
    (tmp_path / "table.csv").write_text("\n".join(["path,label", *lines]))
    assert ImageTable(tmp_path / "table.csv").classes == ["-2", "0", "001", "01", "1"]
    (tmp_path / "table.csv").write_text("path,label\n1.png,--2\n2.png,1\n")
    assert ImageTable(tmp_path / "table.csv").classes == ["--2", "1"]


def test_paths_may_begin_elsewhere(tmp_path: Path) -> None:
    path = table(tmp_path / "data", "0.png,a\n1.png,b\n")
    dataset = ImageTable(path, transforms.Resize(4), root=tmp_path / "data" / "pictures")
    assert dataset[1][0].shape == (3, 4, 5)


@pytest.mark.parametrize(
    "bad",
    ["../x.png", "pictures/../../x.png", "/etc/passwd", "C:\\x.png", "..\\x.png", "//host/x", ""],
)
def test_paths_never_leave_their_folder(tmp_path: Path, bad: str) -> None:
    path = table(tmp_path, f"pictures/0.png,a\n{bad},b\n")
    with pytest.raises(FormatError, match=r"table\.csv, line 2: paths must stay in their folder"):
        ImageTable(path)


@pytest.mark.skipif(sys.platform == "win32", reason="links want rights on Windows")
def test_a_link_that_leads_out_is_refused(tmp_path: Path, tmp_path_factory: Any) -> None:
    outside = write(tmp_path_factory.mktemp("outside") / "x.png", picture(1))
    path = table(tmp_path, "path,label\npictures/link.png,a\n")
    (tmp_path / "pictures" / "link.png").symlink_to(outside)
    with pytest.raises(FormatError, match=r"line 2: 'pictures/link\.png' leads out of its folder"):
        ImageTable(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("path,label\n", "names no picture"),
        ("path,what\n0.png,1\n", "must name a column of paths and one of labels"),
        ("path,label\n0.png\n", "line 2: too few columns"),
        ('path,label\n"0.png,a\n', "not a CSV file"),
        ("path,label\n\0,a\n", "paths must stay in their folder|not a CSV file"),
    ],
)
def test_tables_that_cannot_be_read_are_told(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ImageTable(table(tmp_path, text))


def test_other_text_and_other_columns_are_told(tmp_path: Path) -> None:
    path = table(tmp_path, "path,label\n0.png,1\n")
    with pytest.raises(ValueError, match="has no column 'kind'"):
        ImageTable(path, label_column="kind")
    path.write_bytes(b"path,label\n\xff\xfe,1\n")
    with pytest.raises(FormatError, match="not a CSV file in UTF-8"):
        ImageTable(path)
