"""Pictures with boxes in files and folders, as users keep them."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from commands import inside, one_line_error
from convlet.data import detection
from convlet.data.detection import fit
from convlet.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ("cat", "dog")
SIZE = (64, 96)  # height and width
COUNT = 10


def box(number: int) -> tuple[int, int, int, int]:
    return (4 + number, 8, 40 + number, 60 - number)


def picture(path: Path, number: int, size: tuple[int, int] = SIZE) -> None:
    """Dark, but for one bright box."""
    pixels = np.full((*size, 3), 20, np.uint8)
    x1, y1, x2, y2 = box(number)
    pixels[y1:y2, x1:x2, number % 2] = 220
    path.parent.mkdir(parents=True, exist_ok=True)
    pytest.importorskip("PIL.Image").fromarray(pixels).save(path)


def pictures(folder: Path, numbers: range) -> None:
    for number in numbers:
        picture(folder / f"{number}.png", number)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def coco(path: Path, numbers: range, prefix: str = "", **changes: Any) -> None:
    boxes = []
    for number in numbers:
        x1, y1, x2, y2 = box(number)
        one = {"image_id": number, "category_id": number % 2, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        boxes.append({**one, **changes} if number == numbers[-1] else one)
    whole = {
        "images": [{"id": number, "file_name": f"{prefix}{number}.png"} for number in numbers],
        "annotations": boxes,
        "categories": [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}],
    }
    write(path, json.dumps(whole))


def voc(folder: Path, numbers: range) -> None:
    for number in numbers:
        x1, y1, x2, y2 = box(number)
        edges = f"<xmin>{x1 + 1}</xmin><ymin>{y1 + 1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax>"
        one = f"<object><name>{NAMES[number % 2]}</name><bndbox>{edges}</bndbox></object>"
        text = f"<annotation><filename>{number}.png</filename>{one}</annotation>"
        write(folder / f"{number}.xml", text)


def yolo(folder: Path, numbers: range) -> None:
    height, width = SIZE
    for number in numbers:
        x1, y1, x2, y2 = box(number)
        shares = ((x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width)
        line = " ".join([str(number % 2), *map(str, shares), str((y2 - y1) / height)])
        write(folder / f"{number}.txt", line + "\n")


TRAIN, TEST, ALL = range(8), range(8, COUNT), range(COUNT)


def coco_file(top: Path) -> Path:
    pictures(top, ALL)
    coco(top / "boxes.json", ALL)
    return top / "boxes.json"


def coco_of_labelling(top: Path) -> Path:
    pictures(top / "images", ALL)
    coco(top / "result.json", ALL, prefix="images/")
    return top


def coco_as_published(top: Path) -> Path:
    for part, numbers in (("train2017", TRAIN), ("val2017", TEST)):
        pictures(top / part, numbers)
        coco(top / "annotations" / f"instances_{part}.json", numbers)
    write(top / "annotations" / "captions_train2017.json", "{}")
    return top


def coco_by_part(top: Path) -> Path:
    for part, numbers in (("train", TRAIN), ("valid", TEST)):
        pictures(top / part, numbers)
        coco(top / part / "_annotations.coco.json", numbers)
    return top


def voc_as_published(top: Path) -> Path:
    pictures(top / "JPEGImages", ALL)
    voc(top / "Annotations", ALL)
    for part, numbers in (("train", TRAIN), ("val", TEST)):
        write(top / "ImageSets" / "Main" / f"{part}.txt", "\n".join(map(str, numbers)))
    return top


def voc_by_part(top: Path) -> Path:
    for part, numbers in (("train", TRAIN), ("test", TEST)):
        pictures(top / part, numbers)
        voc(top / part, numbers)
    return top


def voc_together(top: Path) -> Path:
    pictures(top, ALL)
    voc(top, ALL)
    return top


def yolo_as_published(top: Path) -> Path:
    for part, numbers in (("train", TRAIN), ("val", TEST)):
        pictures(top / "images" / part, numbers)
        yolo(top / "labels" / part, numbers)
    write(top / "data.yaml", "path: .  # of all\nnames:\n  1: 'dog'\n  0: cat\n\nnc: 2\n")
    return top


def yolo_by_part(top: Path) -> Path:
    for part, numbers in (("train", TRAIN), ("test", TEST)):
        pictures(top / part / "images", numbers)
        yolo(top / part / "labels", numbers)
    write(top / "data.yaml", "nc: 2\nnames: ['cat',\n  'dog']\n")
    return top


def yolo_together(top: Path) -> Path:
    pictures(top / "images", ALL)
    yolo(top / "labels", ALL)
    write(top / "classes.txt", "cat\ndog\n")
    return top


LAYOUTS: list[Callable[[Path], Path]] = [
    *(coco_file, coco_of_labelling, coco_as_published, coco_by_part),
    *(voc_as_published, voc_by_part, voc_together),
    *(yolo_as_published, yolo_by_part, yolo_together),
]


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_each_layout_gives_the_same_pictures_and_boxes(
    tmp_path: Path, layout: Callable[[Path], Path]
) -> None:
    found = detection.load(layout(tmp_path))
    assert found.class_names == NAMES
    assert not found.fitted
    assert (len(found.train.images), len(found.test.images)) == (8, 2)
    for images, objects in (found.train, found.test):
        assert images.shape[1:] == (3, *SIZE)
        for image, one in zip(images, objects, strict=True):
            (label,), (edges,) = one.labels.tolist(), one.boxes
            x1, y1, x2, y2 = np.rint(edges).astype(int)
            np.testing.assert_allclose(edges, [x1, y1, x2, y2], atol=1e-3)
            bright = np.zeros(SIZE, bool)
            bright[y1:y2, x1:x2] = True
            np.testing.assert_array_equal(image[label] > 100, bright)
    if layout not in (coco_file, coco_of_labelling, voc_together, yolo_together):
        assert found.test.annotations[0].boxes[0, 0] == pytest.approx(box(8)[0], abs=1e-3)


def test_pictures_of_many_sizes_are_shrunk_or_laid_on_grey_with_their_boxes(tmp_path: Path) -> None:
    picture(tmp_path / "0.png", 0, (512, 256))
    picture(tmp_path / "1.png", 1, (64, 96))
    coco(tmp_path / "boxes.json", range(2))
    found = detection.load(tmp_path)
    assert found.fitted
    assert found.train.images.shape[1:] == (3, 256, 256)
    parts = zip((*found.train.images, *found.test.images),
                (*found.train.annotations, *found.test.annotations), strict=True)  # fmt: skip
    large, small = sorted(parts, key=lambda part: part[1].labels[0])
    np.testing.assert_allclose(large[1].boxes[0], np.array(box(0)) / 2)
    assert large[1].areas[0] == pytest.approx(36 * 52 / 4)
    assert (large[0][:, :, 128:] == 114).all()
    np.testing.assert_allclose(small[1].boxes[0], box(1))
    assert (small[0][:, 64:] == 114).all()
    assert detection.load(tmp_path, size=(96, 64)).train.images.shape[2:] == (96, 64)


@pytest.mark.parametrize(
    ("image", "size", "message"),
    [
        (None, (8, 8), "fit: image must be an array of uint8, got NoneType"),
        (np.zeros((3, 4, 4)), (8, 8), "got float64"),
        (np.zeros((3, 0, 4), np.uint8), (8, 8), r"\(C, H, W\) with pixels, got shape \(3, 0, 4\)"),
        (np.zeros((3, 4, 4), np.uint8), (8, 0), "size must be at least 1, got 0"),
        (np.zeros((3, 4, 4), np.uint8), (8, 8, 8), r"size must be \(height, width\), got"),
        (np.zeros((3, 4, 4), np.uint8), "8", r"size must be \(height, width\), got"),
    ],
    ids=str,
)
def test_what_cannot_be_fitted_is_told(image: Any, size: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        fit(image, size)


def test_a_picture_is_fitted_without_enlarging_it() -> None:
    image = np.full((1, 20, 40), 200, np.uint8)
    shown, factor = fit(image, (40, 20))
    assert factor == 0.5
    assert (shown[0, :10] == 200).all()
    assert (shown[0, 10:] == 114).all()
    same, one = fit(image, (64, 64))
    assert one == 1
    np.testing.assert_array_equal(same[0, :20, :40], image[0])


FAULTS: dict[str, tuple[Callable[[Path], Path], Callable[[Path], Any], str]] = {
    "outside": (
        coco_file,
        lambda top: coco(top / "boxes.json", ALL, bbox=[80, 8, 40, 20]),
        r"9\.png: box 0 must lie in the image of 96x64 pixels",
    ),
    "inverted": (
        coco_file,
        lambda top: coco(top / "boxes.json", ALL, bbox=[9, 8, -4, 20]),
        r"9\.png: box 0 must have x1 < x2 and y1 < y2",
    ),
    "damaged": (
        yolo_together,
        lambda top: (top / "images" / "3.png").write_bytes(b"\x89PNG\r\n\x1a\n"),
        r"3\.png: (not a picture|damaged or cut short)",
    ),
    "missing": (
        voc_together,
        lambda top: (top / "5.png").unlink(),
        r"no file .*5\.png",
    ),
    "no such class": (
        yolo_together,
        lambda top: write(top / "labels" / "2.txt", "7 0.5 0.5 0.1 0.1"),
        r"2\.txt: box 0 must have a class of at least 0 and below 2, got 7",
    ),
    "unknown class to test on": (
        voc_by_part,
        lambda top: write(
            top / "test" / "8.xml", (top / "test" / "8.xml").read_text().replace("cat", "cow")
        ),
        r"8\.xml: there is no class 'cow'",
    ),
    "other classes": (
        coco_by_part,
        lambda top: write(
            top / "valid" / "_annotations.coco.json",
            (top / "valid" / "_annotations.coco.json").read_text().replace('"cat"', '"cow"'),
        ),
        r"its classes are not those of",
    ),
    "listed": (
        voc_as_published,
        lambda top: write(top / "ImageSets" / "Main" / "val.txt", "77"),
        r"val\.txt: there is no \.xml file of 77",
    ),
    "names": (
        yolo_by_part,
        lambda top: write(top / "data.yaml", "nc: 2"),
        r"data\.yaml: must name the classes",
    ),
    "numbers": (
        yolo_by_part,
        lambda top: write(top / "data.yaml", "names:\n  1: cat\n  2: dog\n"),
        r"data\.yaml: must number the classes from 0 on, got \[1, 2\]",
    ),
    "elsewhere": (
        coco_file,
        lambda top: coco(top / "boxes.json", ALL, prefix="none/"),
        r"boxes\.json: its picture 0\.png is not in",
    ),
    "empty": (
        coco_file,
        lambda top: write(
            top / "boxes.json", '{"images": [], "annotations": [], "categories": []}'
        ),
        r"boxes\.json: there is no picture in it",
    ),
    "without boxes": (
        yolo_together,
        lambda top: shutil.rmtree(top / "labels"),
        r"no picture to train on has an object",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_file_is_refused_in_one_line_that_names_it(
    tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    layout, damage, message = FAULTS[fault]
    path = layout(tmp_path / "data")
    damage(tmp_path / "data")
    with pytest.raises((FormatError, OSError), match=message):
        detection.load(path)
    done = inside("train", "--task", "detect", "--data", path, cwd=tmp_path, capsys=capsys)
    assert re.search(f"--data: .*{message}", one_line_error(done, 2))
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["a.txt", "nothing", "."])
def test_other_paths_are_told_what_is_wanted(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").touch()
    words = ["train", "--task", "detect", "--data", str(tmp_path / name)]
    done = inside(*words, cwd=tmp_path, capsys=capsys)
    assert "--data: " in one_line_error(done, 2)


def test_the_size_of_pictures_is_for_tasks_that_have_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = inside("train", "--image-size", "64", cwd=tmp_path, capsys=capsys)
    assert "--image-size: it is for --pretrained and" in one_line_error(done, 2)
    words = ("train", "--task", "detect", "--data", "shapes", "--image-size", "64")
    done = inside(*words, cwd=tmp_path, capsys=capsys)
    assert "size is for pictures in files, shapes has its own; got 64" in one_line_error(done, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layout", "more"),
    [(coco_as_published, ["--image-size", "64"]), (voc_together, []), (yolo_by_part, [])],
)
def test_a_detector_is_trained_on_files(
    tmp_path: Path,
    layout: Callable[[Path], Path],
    more: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = layout(tmp_path / "data")
    words = [
        "train",
        "--task",
        "detect",
        "--data",
        str(path),
        "--epochs",
        "1",
        "--out",
        "run",
        *more,
    ]
    done = inside(*words, cwd=tmp_path, capsys=capsys)
    assert done.returncode == 0, done.stderr
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["classes"] == list(NAMES)
    assert (config["height"], config["width"]) == ((64, 64) if more else SIZE)
    done = inside("evaluate", "run", "--json", cwd=tmp_path, capsys=capsys)
    assert json.loads(done.stdout)["images"] == 2
    one = next(tmp_path.rglob("8.png"))
    done = inside("predict", "run", one, "--json", cwd=tmp_path, capsys=capsys)
    (said,) = json.loads(done.stdout)["images"]
    assert (said["height"], said["width"]) == SIZE
    done = inside("summary", "run", cwd=tmp_path, capsys=capsys)
    assert done.returncode == 0
