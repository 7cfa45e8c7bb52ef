"""Boxes in files: COCO, Pascal VOC, YOLO; whole, damaged and hostile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet.data import detection, segmentation
from convlet.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path


def coco(folder: Path, **changes: Any) -> Path:
    whole: dict[str, Any] = {
        "images": [
            {"id": 7, "file_name": "a.png", "width": 40, "height": 30},
            {"id": 9, "file_name": "b.png", "width": 40, "height": 30},
        ],
        "categories": [{"id": 5, "name": "dog"}, {"id": 2, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 5, "bbox": [1, 2, 10, 20], "area": 90},
            {"id": 2, "image_id": 7, "category_id": 2, "bbox": [0, 0, 40, 30], "iscrowd": 1},
        ],
    }
    path = folder / "boxes.json"
    path.write_text(json.dumps({**whole, **changes}))
    return path


def test_coco_is_read(tmp_path: Path) -> None:
    found = detection.read_coco(coco(tmp_path), tmp_path)
    assert found.class_names == ("cat", "dog")
    assert found.paths == [tmp_path / "a.png", tmp_path / "b.png"]
    first, second = found.annotations
    assert first.boxes.tolist() == [[1, 2, 11, 22], [0, 0, 40, 30]]
    assert first.labels.tolist() == [1, 0]
    assert first.areas.tolist() == [90, 1200]
    assert first.crowd.tolist() == [False, True]
    assert len(second.labels) == 0


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"bbox": [1, 2, -3, 4]}, "a.png: box 0 must have x1 < x2"),
        ({"bbox": [1, 2, float("nan"), 4]}, "a.png: box 0 must be finite"),
        ({"bbox": [1, 2, 400, 4]}, "a.png: box 0 must lie in the image of 40x30 pixels"),
        ({"bbox": [1, 2, 3]}, "a.png: an object lacks a bbox"),
        ({"bbox": "1234"}, "a.png: an object lacks a bbox"),
        ({"category_id": 3}, "a.png: there is no category 3"),
        ({"image_id": 1}, "a box is of image 1, which is not there"),
        ({"image_id": None}, '"image_id" must be a whole number, got None'),
        ({"image_id": 7.5}, '"image_id" must be a whole number, got 7.5'),
        ({"category_id": 10**400}, "a.png: there is no category 1000"),
        ({"category_id": 5.5}, "a.png: an object lacks a bbox of four numbers or a class"),
        ({"category_id": [5]}, "a.png: an object lacks a bbox of four numbers or a class"),
        ({"bbox": [10**400, 2, 3, 4]}, "a.png: an object lacks a bbox"),
    ],
)
def test_a_bad_box_of_coco_names_the_picture(
    tmp_path: Path, entry: dict[str, Any], message: str
) -> None:
    good = {"image_id": 7, "category_id": 5, "bbox": [1, 2, 10, 20]}
    path = coco(tmp_path, annotations=[{**good, **entry}])
    with pytest.raises(FormatError, match=message):
        detection.read_coco(path, tmp_path)


@pytest.mark.parametrize(
    ("key", "entries", "message"),
    [
        ("images", [{"id": 7, "file_name": "a.png"}] * 2, "the id 7 occurs twice in one list"),
        ("images", [{"id": "7", "file_name": "a.png"}], "\"id\" must be a whole number, got '7'"),
        ("categories", [{"id": 1, "name": "a"}] * 2, "the id 1 occurs twice in one list"),
        ("categories", [{"id": 1}], "category 1 has no name"),
        ("categories", [{"id": True, "name": "a"}], '"id" must be a whole number, got True'),
    ],
)
def test_images_and_classes_of_coco_are_told_apart(
    tmp_path: Path, key: str, entries: list[Any], message: str
) -> None:
    path = coco(tmp_path, **{key: entries, "annotations": []})
    for read in (detection.read_coco, segmentation.read_coco_masks):
        with pytest.raises(FormatError, match=message):
            read(path, tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"images": 1}', "[" * 100_000])
def test_other_json_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "boxes.json"
    path.write_text(text)
    with pytest.raises(FormatError, match=r"boxes\.json"):
        detection.read_coco(path, tmp_path)


@pytest.mark.parametrize("name", ["../a.png", "/etc/passwd", "", None, "a\0b"])
def test_file_names_stay_in_their_folder(tmp_path: Path, name: Any) -> None:
    path = coco(tmp_path, images=[{"id": 7, "file_name": name}], annotations=[])
    with pytest.raises(FormatError, match=r"lies outside of|has no file name"):
        detection.read_coco(path, tmp_path / "pictures")


VOC = """<annotation><filename>a.png</filename>
<size><width>40</width><height>30</height><depth>3</depth></size>
<object><name>dog</name><difficult>1</difficult>
<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>11</xmax><ymax>22</ymax></bndbox></object>
<object><name>cat</name>
<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>40</xmax><ymax>30</ymax></bndbox></object>
</annotation>"""


def test_voc_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(VOC)
    found = detection.read_voc(tmp_path, tmp_path)
    assert found.class_names == ("cat", "dog")
    assert found.annotations[0].boxes.tolist() == [[1, 2, 11, 22], [0, 0, 40, 30]]
    assert found.annotations[0].ignored.tolist() == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<xmin>2</xmin>", "<xmin>20</xmin>", "box 0 must have x1 < x2"),
        ("<xmin>2</xmin>", "<xmin>nan</xmin>", "<xmin> must be a number, got 'nan'"),
        ("<xmin>2</xmin>", "", "<bndbox> must have a <xmin>"),
        ("<name>dog</name>", "", "<object> must have a <name>"),
        ("<filename>a.png</filename>", "<filename>../a</filename>", "lies outside of"),
        ("</annotation>", "", "not XML"),
        ("<annotation>", '<!DOCTYPE a [<!ENTITY b "c">]><annotation>', "declares a document type"),
        ("<name>dog", "<name>&b;", "not XML"),
    ],
)
def test_a_bad_voc_file_is_named(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "a.xml").write_text(VOC.replace(old, new, 1))
    with pytest.raises(FormatError, match=rf"a\.xml: .*{message}"):
        detection.read_voc(tmp_path, tmp_path)


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    steps = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
    bomb = (
        f'<!DOCTYPE a [<!ENTITY e0 "x">{steps}]><annotation><filename>&e11;</filename></annotation>'
    )
    (tmp_path / "a.xml").write_text(bomb)
    with pytest.raises(FormatError, match="declares a document type"):
        detection.read_voc(tmp_path, tmp_path)


def test_yolo_is_read(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for name in ("a", "b"):
        image.fromarray(np.zeros((30, 40, 3), np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "a.txt").write_text("1 0.5 0.5 0.5 0.2\n\n")
    found = detection.read_yolo(tmp_path, tmp_path, ["cat", "dog"])
    np.testing.assert_allclose(found.annotations[0].boxes, [[10, 12, 30, 18]], atol=1e-4)
    assert found.annotations[0].labels.tolist() == [1]
    assert len(found.annotations[1].labels) == 0
    for line, message in (
        ("1 0.5 0.5 0.5", "line 1 must be a class and four numbers"),
        ("x 0 0 1 1", "line 1 must be a class and four numbers"),
        ("2 0.5 0.5 0.5 0.2", "class of at least 0 and below 2, got 2"),
        ("1 0.5 0.5 nan 0.2", "box 0 must be finite"),
        ("1 0.5 0.5 -0.5 0.2", "box 0 must have x1 < x2"),
        ("1 0.9 0.5 0.9 0.2", "box 0 must lie in the image of 40x30"),
    ):
        (tmp_path / "a.txt").write_text(line)
        with pytest.raises(FormatError, match=rf"a\.txt: .*{message}"):
            detection.read_yolo(tmp_path, tmp_path, ["cat", "dog"])


def test_empty_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"there is no \.xml file in it"):
        detection.read_voc(tmp_path, tmp_path)
    with pytest.raises(FormatError, match="there is no picture in it"):
        detection.read_yolo(tmp_path, tmp_path, ["cat"])
