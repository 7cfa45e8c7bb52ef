"""Pictures in folders: order, decoding, threads, and what happens to damaged files."""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convlet.data import DataLoader, ImageFiles, ImageFolder, transforms
from convlet.data.decoding import describe, read_image
from convlet.errors import FormatError
from image_fixtures import picture, write, write_classes

pillow = pytest.importorskip("PIL.Image")

AUGMENT = transforms.Compose(
    [transforms.RandomResizedCrop(8), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_classes(tmp_path, {"dog": 3, "cat": 4, "emu": 2})
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.txt").write_text("no picture")
    (tmp_path / "list.csv").write_text("")
    return tmp_path


def damage(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_folders_are_classes_in_the_order_of_their_names(root: Path) -> None:
    dataset = ImageFolder(root)
    assert dataset.classes == ["cat", "dog", "emu"]
    assert dataset.class_to_idx == {"cat": 0, "dog": 1, "emu": 2}
    assert dataset.targets.tolist() == [0] * 4 + [1] * 3 + [2] * 2
    assert [Path(path).name for path, _ in dataset.samples][:4] == [
        f"{n:03}.png" for n in (3, 4, 5, 6)
    ]
    image, label = dataset[0]
    np.testing.assert_allclose(image, picture(3).transpose(2, 0, 1) / 255, rtol=2e-7)
    assert label == 0
    assert len(dataset) == 9


def test_folders_below_a_class_count_too(root: Path) -> None:
    write(root / "emu" / "old" / "deep" / "x.JPG", picture(50), format="PNG")
    assert len(ImageFolder(root)) == 10


def test_batches_are_the_pictures_for_any_threads_and_workers(root: Path) -> None:
    dataset = ImageFolder(root, AUGMENT)
    wanted = dataset.batch(np.arange(9), seed=4, epoch=2, num_threads=1)
    assert wanted[0].shape == (9, 3, 8, 8)
    for threads in (2, 5):
        got = dataset.batch(np.arange(9)[::-1], seed=4, epoch=2, num_threads=threads)
        np.testing.assert_array_equal(got[0][::-1], wanted[0])
    for workers in (0, 2):
        loader = DataLoader(dataset, 4, num_workers=workers, seed=4)
        loader.set_epoch(2)
        images, labels = (np.concatenate(parts) for parts in zip(*loader, strict=True))
        np.testing.assert_array_equal(images, wanted[0])
        np.testing.assert_array_equal(labels, wanted[1])


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_damaged_file_ends_the_epoch_naming_it_and_its_index(root: Path, workers: int) -> None:
    damage(root / "dog" / "001.png")
    loader = DataLoader(ImageFolder(root, AUGMENT), 2, num_workers=workers)
    with pytest.raises(FormatError, match=r"dog.001\.png: damaged or cut short .*\(index 5\)"):
        list(loader)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_damaged_file_is_skipped_and_counted_if_asked(root: Path, workers: int) -> None:
    damage(root / "dog" / "001.png")
    (root / "emu" / "007.png").write_bytes(b"no picture")
    (root / "emu" / "008.png").unlink()
    (root / "emu" / "008.png").symlink_to(root / "nowhere")
    dataset = ImageFolder(root, AUGMENT, on_error="skip")
    (root / "cat" / "006.png").unlink()
    loader = DataLoader(dataset, 4, num_workers=workers)
    labels = np.concatenate([labels for _, labels in loader])
    assert labels.tolist() == [0, 0, 0, 1, 1]
    assert sorted(dataset.skipped) == [3, 5, 7]
    assert "there is no file" in dataset.skipped[3]
    assert "not a picture that Pillow knows" in dataset.skipped[7]


def test_a_batch_of_skipped_files_alone_is_left_out(root: Path) -> None:
    for path in (root / "cat").iterdir():
        damage(path)
    for workers in (0, 2):
        loader = DataLoader(ImageFolder(root, AUGMENT, on_error="skip"), 4, num_workers=workers)
        assert [labels.tolist() for _, labels in loader] == [[1, 1, 1, 2], [2]]


def test_pictures_of_other_sizes_want_a_transform(root: Path) -> None:
    write(root / "cat" / "000.png", picture(1, height=9))
    with pytest.raises(ValueError, match="must end with one size, got 9x16 of picture 0 and 12x16"):
        ImageFolder(root).batch(np.arange(3))
    assert ImageFolder(root, transforms.Resize((6, 7))).batch([0, 1])[0].shape == (2, 3, 6, 7)


@pytest.mark.skipif(sys.platform == "win32", reason="links want rights on Windows")
def test_a_transform_may_change_the_channels(root: Path) -> None:
    grey = transforms.Compose([transforms.Resize((6, 7)), transforms.Grayscale()])
    images, _ = ImageFolder(root, grey).batch([0, 5])
    assert images.shape == (2, 1, 6, 7)
    assert images.transpose(0, 2, 3, 1).flags.c_contiguous, "NHWC in memory"


def test_a_large_jpeg_is_decoded_at_a_part_of_its_size(tmp_path: Path) -> None:
    rows, columns = np.mgrid[0:600, 0:800]
    pixels = np.stack([rows // 4, columns // 4, 128 + 0 * rows], axis=-1).astype(np.uint8)
    large = write(tmp_path / "a" / "large.jpg", pixels, quality=95)
    write(tmp_path / "a" / "large.png", pixels)
    write(tmp_path / "a" / "small.jpg", pixels[:150, :200], quality=95)
    dataset = ImageFolder(tmp_path, least_side=100)
    shapes = [dataset[index][0].shape for index in range(3)]
    assert shapes == [(3, 150, 200), (3, 600, 800), (3, 150, 200)]
    wanted = pixels.reshape(150, 4, 200, 4, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(255 * dataset[0][0] - wanted).max() < 6
    assert ImageFolder(tmp_path)[0][0].shape == (3, 600, 800)
    sized = read_image(large, size=(30, 40)).astype(float)
    own = pixels.reshape(30, 20, 40, 20, 3).mean(axis=(1, 3)).transpose(2, 0, 1)
    assert np.abs(sized - own).max() < 6
    damage(large)
    with pytest.raises(FormatError, match=r"large\.jpg: damaged or cut short .* \(index 0\)"):
        dataset[0]


def test_links_that_lead_out_are_refused(root: Path, tmp_path_factory: Any) -> None:
    outside = write(tmp_path_factory.mktemp("outside") / "x.png", picture(1))
    link = root / "cat" / "link.png"
    link.symlink_to(outside)
    with pytest.raises(ValueError, match=r"link\.png leads out of"):
        ImageFolder(root)
    link.unlink()
    link.symlink_to(root / "cat" / "003.png")
    assert len(ImageFolder(root)) == 10
    (root / "all").symlink_to(outside.parent)
    with pytest.raises(ValueError, match="all leads out of"):
        ImageFolder(root)


def test_a_link_in_a_circle_is_not_followed(root: Path) -> None:
    (root / "cat" / "again").symlink_to(root)
    assert len(ImageFolder(root)) == 9


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"labels": [0]}, ValueError, "labels must be as many as the 2 files, got 1"),
        ({"labels": [0, 2], "classes": "ab"}, ValueError, r"labels must be in \[0, 2\).*, got 2"),
        ({"labels": [0, -1]}, ValueError, r"labels must be in \[0, 1\).*, got -1"),
        ({"labels": [0.5, 1]}, TypeError, "must be integers"),
        ({"transform": abs}, TypeError, "transform must be one of"),
        ({"channels": 4}, ValueError, "channels must be 1 or 3, got 4"),
        ({"on_error": "ignore"}, ValueError, 'on_error must be "raise" or "skip"'),
        ({"least_side": 0}, ValueError, "least_side must be"),
        ({"least_side": 1.5}, TypeError, "least_side must be"),
    ],
    ids=str,
)
def test_wrong_arguments_are_named(
    arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        ImageFiles(["a.png", "b.png"], **{"labels": [0, 1], **arguments})


def test_a_folder_without_pictures_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no folder with pictures"):
        ImageFolder(tmp_path)
    with pytest.raises(FileNotFoundError):
        ImageFolder(tmp_path / "nowhere")


def test_a_missing_file_is_named_with_its_index(tmp_path: Path) -> None:
    dataset = ImageFiles([tmp_path / "gone.png"], [0], classes=["a"])
    with pytest.raises(FileNotFoundError, match=r"there is no file .*gone\.png \(index 0\)"):
        dataset.batch([0])


@pytest.mark.parametrize("index", [9, -10])
def test_indices_outside_are_refused(root: Path, index: int) -> None:
    with pytest.raises(IndexError):
        ImageFolder(root)[index]
    with pytest.raises(ValueError, match=r"must be in \[0, 9\)"):
        ImageFolder(root).batch([index])
    assert ImageFolder(root).batch([])[1].shape == (0,)


# --- one file --------------------------------------------------------------------------------------


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright(tmp_path: Path, orientation: int) -> None:
    pixels = picture(0, 6, 4)
    image = pillow.fromarray(pixels)
    exif = pillow.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "a.png"
    image.save(path, exif=exif)
    turned = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: np.rot90(pixels, -1),
        7: np.rot90(pixels, -1)[:, ::-1][::-1, ::-1],
        8: np.rot90(pixels),
    }
    upright = read_image(path)
    assert describe(path) == (upright.shape[1:], True)
    if orientation != 7:
        np.testing.assert_array_equal(upright, turned[orientation].transpose(2, 0, 1))
    else:
        np.testing.assert_array_equal(upright, pixels[::-1, ::-1].transpose(2, 1, 0))


def test_modes_become_colour_or_grey(tmp_path: Path) -> None:
    grey = picture(0, 5, 7, channels=1)
    path = write(tmp_path / "grey.png", grey)
    np.testing.assert_array_equal(read_image(path, channels=1), grey[None])
    np.testing.assert_array_equal(read_image(path), np.stack([grey] * 3))
    assert describe(path) == ((5, 7), False)

    deep = grey.astype(np.uint16) * 256 + 77
    np.testing.assert_array_equal(
        read_image(write(tmp_path / "deep.png", deep), channels=1), grey[None]
    )
    clear = np.dstack([picture(1, 5, 7), np.zeros((5, 7), np.uint8)])
    clear[0, 0, 3] = 255
    got = read_image(write(tmp_path / "clear.png", clear))
    np.testing.assert_array_equal(got[:, 0, 0], clear[0, 0, :3])
    assert (got.reshape(3, -1)[:, 1:] == 255).all()
    pillow.fromarray(grey).convert("P").save(tmp_path / "a.gif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.gif", channels=1), grey[None])


def test_a_size_cuts_the_middle_and_resizes(tmp_path: Path) -> None:
    ramp = np.broadcast_to(np.arange(40, dtype=np.uint8), (20, 40))
    got = read_image(write(tmp_path / "a.png", ramp.copy()), channels=1, size=(10, 10))
    np.testing.assert_allclose(got[0, 0], np.arange(10) * 2 + 10.5, atol=0.6)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99)))
    path = tmp_path / "bomb.png"
    path.write_bytes(bomb + chunk(b"IEND", b""))
    with pytest.raises(FormatError, match=r"bomb\.png"):
        read_image(path)


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif", "bmp", "tiff", "webp", "ppm"])
def test_every_cut_and_flipped_bit_is_a_picture_or_a_format_error(
    tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"a.{kind}"
    try:
        pillow.fromarray(picture(0, 9, 9)).save(path)
    except (KeyError, OSError):
        pytest.skip(f"Pillow was built without {kind}")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for turn in range(60):
        damaged = bytearray(whole)
        if turn % 2:
            damaged = damaged[: int(rng.integers(0, len(whole)))]
        else:
            damaged[int(rng.integers(0, min(len(whole), 200)))] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(bytes(damaged))
        try:
            read_image(path)
        except FormatError as error:
            assert path.name in str(error)  # noqa: PT017
