"""Masks from files: COCO's polygons and run-length codes, folders of PNG, a microscope's nuclei."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from commands import inside, one_line_error
from convlet.data import detection, nuclei, segmentation
from convlet.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_codes_of_random_masks_are_read_back(rng: np.random.Generator) -> None:
    for share in (0.0, 0.02, 0.5, 0.98, 1.0):
        for height, width in ((1, 1), (7, 5), (1, 90), (64, 41)):
            mask = rng.random((height, width)) < share
            code = segmentation.encode_rle(mask)
            np.testing.assert_array_equal(segmentation.decode_rle(code), mask)
            text = {**code, "counts": code["counts"].encode()}
            np.testing.assert_array_equal(segmentation.decode_rle(text), mask)


def test_codes_and_polygons_are_those_of_pycocotools(rng: np.random.Generator) -> None:
    """As its definition in faster-coco-eval computes them."""
    core = pytest.importorskip("faster_coco_eval.core")
    for turn in range(200):
        height, width = (int(side) for side in rng.integers(1, 60, 2))
        mask = rng.random((height, width)) < rng.random()
        theirs = core.mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        assert segmentation.encode_rle(mask)["counts"].encode() == theirs["counts"]
        np.testing.assert_array_equal(segmentation.decode_rle(theirs), mask)
        points = rng.uniform(-0.3, 1.3, (2, 5, 2)) * [width, height]
        if turn % 2:  # of whole pixels, inside
            points = np.rint(np.clip(points, 0, [width, height]))
        polygons = points.reshape(2, -1).tolist()
        codes = core.mask.frPyObjects(polygons, height, width)
        wanted = core.mask.decode(codes).any(axis=2)
        got = segmentation.polygon_mask(polygons, height, width)
        np.testing.assert_array_equal(got, wanted, err_msg=str((height, width, polygons)))


def test_a_polygon_is_what_its_corners_enclose() -> None:
    mask = segmentation.polygon_mask([[2, 3, 8, 3, 8, 9, 2, 9]], 12, 10)
    wanted = np.zeros((12, 10), bool)
    wanted[3:9, 2:8] = True
    np.testing.assert_array_equal(mask, wanted)
    backwards = segmentation.polygon_mask([[2, 9, 8, 9, 8, 3, 2, 3]], 12, 10)
    np.testing.assert_array_equal(backwards, wanted)
    both = segmentation.polygon_mask([[0, 0, 3, 0, 3, 3, 0, 3], [1, 1, 5, 1, 5, 5, 1, 5]], 6, 6)
    assert both.sum() == 9 + 16 - 4
    round_one = np.linspace(0, 2 * np.pi, 200)
    circle = np.stack([50 + 30 * np.cos(round_one), 50 + 30 * np.sin(round_one)], 1).ravel()
    area = segmentation.polygon_mask([circle.tolist()], 100, 100).sum()
    assert area == pytest.approx(np.pi * 900, rel=0.005)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ({"counts": [1]}, '"size" and "counts"'),
        ({"size": [2], "counts": [1]}, '"size" and "counts"'),
        ({"size": [0, 2], "counts": []}, "must have 1 to"),
        ({"size": [2**20, 2**20], "counts": [0]}, "must have 1 to"),
        ({"size": [2, 2], "counts": [1, 2]}, "add up to 4, got 3"),
        ({"size": [2, 2], "counts": [5, -1]}, "add up to 4, got 4, the least -1"),
        ({"size": [2, 2], "counts": [1.5, 2.5]}, "whole numbers"),
        ({"size": [2, 2], "counts": "1~"}, "damaged at '~'"),
        ({"size": [2, 2], "counts": "Q"}, "cut short"),
        ({"size": [2, 2], "counts": "Q" * 60}, "damaged"),
        ({"size": [2, 2], "counts": None}, "whole numbers"),
    ],
    ids=str,
)
def test_damaged_codes_are_refused(code: dict[str, Any], message: str) -> None:
    with pytest.raises(FormatError, match=message):
        segmentation.decode_rle(code)


@pytest.mark.parametrize("polygon", [[1, 2, 3, 4], [1, 2, 3, 4, 5], [0, 0, 1, 1, float("nan"), 2],
                                     [0, 0, 1, 1, 1e9, 2], ["a"] * 6, [[1, 2], [3, 4], [5, 6]]], ids=str)  # fmt: skip
def test_wrong_polygons_are_refused(polygon: Any) -> None:
    with pytest.raises(FormatError, match="polygon"):
        segmentation.polygon_mask([polygon], 10, 10)


def coco(**changes: Any) -> dict[str, Any]:
    square = {"id": 1, "image_id": 7, "category_id": 4, "segmentation": [[1, 1, 5, 1, 5, 4, 1, 4]]}
    runs = {"size": [6, 8], "counts": [13, 3, 32]}
    other = {"id": 2, "image_id": 7, "category_id": 2, "segmentation": runs, "iscrowd": 1}
    return {
        "images": [
            {"id": 7, "file_name": "a.png", "height": 6, "width": 8},
            {"id": 3, "file_name": "b.png", "height": 2, "width": 3},
        ],
        "annotations": [square, other],
        "categories": [{"id": 4, "name": "dog"}, {"id": 2, "name": "cat"}],
        **changes,
    }


def test_areas_of_coco_become_classes_of_pixels(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_text(json.dumps(coco()))
    paths, masks, names = segmentation.read_coco_masks(tmp_path / "all.json", tmp_path)
    assert paths == [tmp_path / "a.png", tmp_path / "b.png"]
    assert names == ("background", "cat", "dog")
    wanted = np.zeros((6, 8), np.uint8)
    wanted[1:4, 1:5] = 2
    wanted[1:4, 2] = 255  # the run down the third column is of a cat
    np.testing.assert_array_equal(masks[0], wanted)
    np.testing.assert_array_equal(masks[1], np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": 3}, '"images" must be a list'),
        ({"annotations": [{"image_id": 9}]}, "image 9, which is not there"),
        ({"annotations": [{"image_id": 7, "category_id": 5}]}, "a.png: there is no class 5"),
        ({"annotations": [{"image_id": 7, "category_id": 4}]}, "a.png: an area must be"),
        (
            {"annotations": [{"image_id": 7, "category_id": 4, "segmentation": [[1, 2]]}]},
            "a.png: a polygon",
        ),
        (
            {
                "annotations": [
                    {
                        "image_id": 3,
                        "category_id": 4,
                        "segmentation": {"size": [6, 8], "counts": [48]},
                    }
                ]
            },
            r"b.png: a mask's size must be \[2, 3\], got \[6, 8\]",
        ),
        (
            {"images": [{"id": 7, "file_name": "../a.png", "height": 6, "width": 8}]},
            "lies outside of",
        ),
        (
            {"images": [{"id": 7, "file_name": "a.png", "height": 0, "width": 8}]},
            r"a.png: a mask must have 1 to 89,000,000 pixels, got 0 x 8",
        ),
        (
            {"images": [{"id": 7, "file_name": "a.png", "height": 10**30, "width": 8}]},
            "a.png: a mask must have 1 to 89,000,000 pixels",
        ),
        ({"annotations": [{"image_id": 7, "category_id": [4]}]}, r"a.png: there is no class \[4"),
        (
            {"annotations": [{"image_id": 7, "category_id": 4, "segmentation": {"size": 6}}]},
            "a.png: a mask's size must be",
        ),
        (
            {
                "annotations": [
                    {"image_id": 7, "category_id": 4, "segmentation": [[10**400, 1, 2, 3, 4, 5]]}
                ]
            },
            "a.png: a polygon must be numbers",
        ),
        ({"images": [{"id": 7, "file_name": "a.png", "width": 8}]}, '"height" must be a whole'),
        ({"categories": [{"id": "x"}]}, '"id" must be a whole number'),
    ],
    ids=str,
)
def test_what_is_wrong_in_coco_names_the_image(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    (tmp_path / "all.json").write_text(json.dumps(coco(**change)))
    with pytest.raises(FormatError, match=message):
        segmentation.read_coco_masks(tmp_path / "all.json", tmp_path)


def write_folder(folder: Path, count: int = 5, size: tuple[int, int] = (20, 24)) -> np.ndarray:
    """Pictures whose red is 80 times the class of the mask, which is given."""
    image = pytest.importorskip("PIL.Image")
    masks = np.random.default_rng(len(str(folder))).integers(0, 3, (count, *size)).astype(np.uint8)
    masks[:, 0, 0] = 255
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for number, mask in enumerate(masks):
        pixels = np.stack([np.where(mask == 255, 0, mask) * 80] * 3, axis=2).astype(np.uint8)
        image.fromarray(pixels).save(folder / "images" / f"{number}.png")
        segmentation.write_mask(folder / "masks" / f"{number}.png", mask)
    return masks


def test_a_folder_of_pictures_and_masks(tmp_path: Path) -> None:
    masks = write_folder(tmp_path / "own")
    found = segmentation.load(tmp_path / "own")
    assert found.class_names == ("0", "1", "2")
    assert (len(found.train.images), len(found.test.images)) == (4, 1)
    both = np.concatenate([found.train.masks, found.test.masks])
    assert sorted(map(bytes, both)) == sorted(map(bytes, masks))
    for images, truth in (found.train, found.test):
        np.testing.assert_array_equal(images[:, 0], np.where(truth == 255, 0, truth) * 80)


def test_a_folder_with_a_part_to_test_on_and_names(tmp_path: Path) -> None:
    train, test = write_folder(tmp_path / "train"), write_folder(tmp_path / "val", 2)
    (tmp_path / "classes.txt").write_text("sky\nroad\n\ncar\n")
    found = segmentation.load(tmp_path)
    assert found.class_names == ("sky", "road", "car")
    np.testing.assert_array_equal(found.train.masks, train)
    np.testing.assert_array_equal(found.test.masks, test)


def test_pictures_of_many_sizes_are_cut_with_their_masks(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number, (height, width) in enumerate(((150, 150), (300, 200), (60, 256))):
        mask = np.zeros((height, width), np.uint8)
        mask[:, width // 2 :] = 1
        image.fromarray(mask * 255).save(tmp_path / "images" / f"{number}.png")
        segmentation.write_mask(tmp_path / "masks" / f"{number}.png", mask)
    found = segmentation.load(tmp_path)
    images = np.concatenate([found.train.images, found.test.images])
    masks = np.concatenate([found.train.masks, found.test.masks])
    assert images.shape == (3, 1, 128, 128)
    assert ((images[:, 0] > 127) == masks).mean() > 0.99
    assert (masks.mean(axis=(1, 2)) == 0.5).all()


def other_size(folder: Path) -> None:
    segmentation.write_mask(folder / "masks" / "3.png", np.zeros((20, 25), np.uint8))


def other_class(folder: Path) -> None:
    (folder / "classes.txt").write_text("a\nb\n")


def no_mask(folder: Path) -> None:
    (folder / "masks" / "2.png").unlink()


def damaged_mask(folder: Path) -> None:
    (folder / "masks" / "1.png").write_bytes((folder / "masks" / "1.png").read_bytes()[:60])


def empty_image(folder: Path) -> None:
    (folder / "images" / "4.png").write_bytes(b"")


def no_images(folder: Path) -> None:
    for path in (folder / "images").iterdir():
        path.unlink()


def twice_a_name(folder: Path) -> None:
    (folder / "classes.txt").write_text("a\na\nb\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other_size, "3.png: must be 20x24 pixels as 3.png, got 20x25"),
        (other_class, "0.png: has the class 2; there are 2 classes"),
        (no_mask, "2.png: there is no mask"),
        (damaged_mask, "1.png: damaged"),
        (empty_image, "4.png: not a picture"),
        (no_images, "images has no pictures"),
        (twice_a_name, "classes.txt: must have 2 to 255 different names"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_wrong_in_a_folder_is_one_sentence_that_names_the_file(
    spoil: Callable[[Path], None],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_folder(tmp_path / "set")
    spoil(tmp_path / "set")
    done = inside("train", "--task", "segment", "--data", "set", cwd=tmp_path, capsys=capsys)
    assert message in one_line_error(done, 2)


def test_train_on_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_folder(tmp_path / "set", 6, (32, 32))
    train = ("train", "--task", "segment", "--data", "set", "--model", "unet", "--epochs", "1")
    more = ("--base-channels", "2", "--out", "run")
    done = inside(*train, *more, cwd=tmp_path, capsys=capsys)
    assert (done.returncode, done.stderr) == (0, "")
    assert "IoU of 2" in done.stdout
    done = inside("evaluate", "run", "--json", cwd=tmp_path, capsys=capsys)
    assert json.loads(done.stdout)["iou"].keys() == {"0", "1", "2"}


@pytest.fixture
def _microscope(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files as stardist's: nuclei of 16x16 pixels, 32 apart; the left ones are brighter."""
    image = pytest.importorskip("PIL.Image")
    numbers = np.zeros((512, 512), np.uint16)
    for number, place in enumerate(np.ndindex(11, 11), 1):
        y, x = 40 * place[0] + 8, 40 * place[1] + 8
        numbers[y : y + 16, x : x + 16] = number
    bright = np.where(np.arange(512) < 256, 200, 100).astype(np.uint16)
    image.fromarray(np.where(numbers > 0, bright, 7).astype(np.uint16)).save(tmp_path / "img2d.tif")
    image.fromarray(numbers).save(tmp_path / "mask2d.tif")
    monkeypatch.setattr(nuclei, "find", lambda _, name: tmp_path / name.rpartition("/")[2])


@pytest.mark.usefixtures("_microscope")
def test_nuclei_are_tiles_of_two_halves() -> None:
    found = segmentation.load("nuclei")
    assert found.train.images.shape == (65, 1, 128, 128)
    assert found.test.images.shape == (8, 1, 128, 128)
    assert set(np.unique(found.train.images)) == {7, 200}  # nothing of the other half
    assert set(np.unique(found.test.images)) == {7, 100}
    for images, masks in (found.train, found.test):
        np.testing.assert_array_equal(images[:, 0] > 7, masks == 1)


@pytest.mark.usefixtures("_microscope")
def test_nuclei_have_boxes() -> None:
    tiles, plain = detection.load("nuclei"), nuclei.masks()
    assert (tiles.name, tiles.class_names, tiles.fitted) == ("nuclei", ("nucleus",), False)
    assert len(tiles.train.images) == len(tiles.train.annotations) == 65
    np.testing.assert_array_equal(tiles.test.images, plain.test.images)
    for mask, seen in zip(plain.test.masks, tiles.test.annotations, strict=True):
        assert seen.areas.sum() == mask.sum()
        for (x1, y1, x2, y2), area, ignored in zip(
            seen.boxes.astype(int), seen.areas, seen.ignored, strict=True
        ):
            assert mask[y1:y2, x1:x2].sum() == area
            assert ignored == (area < 0.4 * 256)
    assert any(seen.ignored.any() for seen in tiles.test.annotations)


def test_nuclei_that_are_not_there_say_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nuclei, "find", lambda *_: None)
    assert not nuclei.available()
    with pytest.raises(ImportError, match="pip install --no-deps stardist"):
        nuclei.load()


@pytest.mark.parametrize("task", ["detect", "segment"])
def test_the_command_says_how_to_get_nuclei(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], task: str
) -> None:
    monkeypatch.setattr(nuclei, "find", lambda *_: None)
    done = inside("train", "--task", task, "--data", "nuclei", cwd=tmp_path, capsys=capsys)
    assert "--data: the nuclei come with stardist: pip install" in one_line_error(done, 2)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("wrong", [{"tile": 31}, {"tile": 257}, {"step": 0}], ids=str)
@pytest.mark.usefixtures("_microscope")
def test_tiles_have_sizes_that_fit(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        nuclei.masks(**wrong)


def test_the_real_nuclei() -> None:
    if not nuclei.available():
        pytest.skip("stardist is not installed")
    pytest.importorskip("PIL.Image")
    image, instances = nuclei.load()
    assert image.shape == instances.shape == (512, 512)
    assert len(np.unique(instances)) == 126
    assert image[instances > 0].mean() > 2 * image[instances == 0].mean()
