"""Pictures and labels from .npz files, whole and broken."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet.data import npz
from convlet.errors import FormatError
from convlet.io.npz import read_member

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)
LABELS = np.array([0, 1, 2, 1])


def save(path: Path, **arrays: Any) -> Path:
    np.savez_compressed(path, **arrays)
    return path


def save_raw(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def npy(array: Any) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (IMAGES, (4, 1, 5, 6)),
        (np.zeros((4, 3, 5, 6), np.uint8), (4, 3, 5, 6)),
        (np.zeros((4, 5, 6, 3), np.uint8), (4, 3, 5, 6)),
        (np.zeros((4, 5, 6, 1), np.float64), (4, 1, 5, 6)),
        (np.asfortranarray(IMAGES), (4, 1, 5, 6)),
        (IMAGES.astype(">f4"), (4, 1, 5, 6)),
    ],
    ids=["grey", "channels first", "channels last", "float64", "Fortran", "byte-swapped"],
)
def test_every_usual_form_of_pictures_is_understood(
    tmp_path: Path, images: Any, shape: tuple[int, ...]
) -> None:
    got, test = npz.load(save(tmp_path / "a.npz", images=images, labels=LABELS))
    assert got.images.shape == shape
    assert got.images.dtype == (np.uint8 if images.dtype == np.uint8 else np.float32)
    assert got.labels.tolist() == [0, 1, 2, 1]
    assert test is None
    if images.ndim == 3:
        np.testing.assert_array_equal(got.images[:, 0], IMAGES)


@pytest.mark.parametrize(
    "names",
    [
        ("images", "labels", "test_images", "test_labels"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("x_train", "y_train", "x_test", "y_test"),
    ],
)
def test_the_names_of_others_are_understood(tmp_path: Path, names: tuple[str, ...]) -> None:
    arrays = (IMAGES, LABELS[:, None], IMAGES[:2], LABELS[:2])
    train, test = npz.load(save(tmp_path / "a.npz", **dict(zip(names, arrays, strict=True))))
    assert test is not None
    assert len(train.labels) == 4
    assert len(test.labels) == 2


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return (exec, ("raise SystemExit('unpickled')",))

    objects = np.empty(4, object)
    objects[:] = [Bomb() for _ in range(4)]
    path = save(tmp_path / "bad.npz", images=objects, labels=LABELS)
    with pytest.raises(FormatError, match=r"bad\.npz: images\.npy must hold plain numbers"):
        npz.load(path)


BAD_ARRAYS = {
    "no labels": ({"images": IMAGES}, "must hold arrays named images and labels"),
    "nothing known": ({"a": IMAGES}, "it holds a.npy"),
    "two dimensions": ({"images": IMAGES[0], "labels": LABELS}, "images must be"),
    "no pictures": ({"images": IMAGES[:0], "labels": LABELS[:0]}, "not empty"),
    "int32": ({"images": IMAGES.astype(np.int32), "labels": LABELS}, "uint8 or floating point"),
    "text": ({"images": IMAGES.astype("U3"), "labels": LABELS}, "plain numbers"),
    "complex": ({"images": IMAGES.astype(complex), "labels": LABELS}, "plain numbers"),
    "fewer labels": ({"images": IMAGES, "labels": LABELS[:3]}, r"labels must be \(4,\)"),
    "negative label": ({"images": IMAGES, "labels": LABELS - 1}, r"labels must be in \[0"),
    "huge label": ({"images": IMAGES, "labels": LABELS + 2**40}, r"labels must be in \[0"),
    "float labels": ({"images": IMAGES, "labels": LABELS / 2}, "labels must be integers"),
    "other test size": (
        {"images": IMAGES, "labels": LABELS, "test_images": IMAGES[:, :4], "test_labels": LABELS},
        "pictures to test on must be",
    ),
}


@pytest.mark.parametrize(("arrays", "message"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_other_contents_are_a_format_error_that_names_the_file(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(FormatError, match=rf"bad\.npz.*{message}"):
        npz.load(save(tmp_path / "bad.npz", **arrays))


HEADER = npy(IMAGES)
BAD_MEMBERS = {
    "empty": b"",
    "no magic": b"\0" * 200,
    "header cut": HEADER[:40],
    "values cut": HEADER[:-1],
    "one byte more": HEADER + b"\0",
    "negative shape": HEADER.replace(b"(4, 5, 6), ", b"(-4, -5, 6)"),
    "huge shape": HEADER.replace(b"(4, 5, 6), }" + b" " * 30, b"(" + b"9" * 30 + b", 5, 6)}"[:12]),
    "header is code": HEADER.replace(b"'descr': '|u1'", b"'descr': exit()"),
    "deep header": HEADER.replace(b"{'descr'", b"[[[[[[[["),
    "many dimensions": HEADER.replace(b"(4, 5, 6), }" + b" " * 30, b"(" + b"1, " * 12 + b")}   "),
    "endless number": HEADER[:8] + b"\xff\x20" + HEADER[10:60] + b"9" * 9000 + b"}",
    "unknown version": b"\x93NUMPY\x09\x00" + HEADER[8:],
}


@pytest.mark.parametrize("member", BAD_MEMBERS.values(), ids=BAD_MEMBERS)
def test_a_broken_member_is_a_format_error_that_names_it(tmp_path: Path, member: bytes) -> None:
    assert member != HEADER
    path = save_raw(tmp_path / "bad.npz", {"images.npy": member, "labels.npy": npy(LABELS)})
    with pytest.raises(FormatError, match=r"bad\.npz: images\.npy"):
        npz.load(path)


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"no archive at all" * 9], ids=len)
def test_something_else_than_an_archive_is_a_format_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.npz"
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"bad\.npz is not a whole \.npz file"):
        npz.load(path)


def test_a_flipped_or_cut_archive_never_ends_in_another_error(tmp_path: Path) -> None:
    whole = save(tmp_path / "good.npz", images=IMAGES, labels=LABELS).read_bytes()
    path = tmp_path / "bad.npz"
    refused = 0
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 0x41
        for data in (bytes(flipped), whole[:position]):
            path.write_bytes(data)
            try:
                train, _ = npz.load(path)
            except FormatError:
                refused += 1
            else:
                # A byte that carries nothing, such as a time stamp, may differ.
                np.testing.assert_array_equal(train.images[:, 0], IMAGES)
    assert refused > len(whole)


@pytest.mark.parametrize(
    ("claim", "most", "message"),
    [
        ({"file_size": 2**31}, None, "claims to unpack to 2147483648 bytes"),
        ({}, 100, "claims to unpack to 248 bytes"),
        ({"file_size": 2**50, "compress_size": 2**50}, None, "claims to be packed into"),
        ({"compress_type": zipfile.ZIP_LZMA}, None, "in a way that NumPy does not use"),
    ],
    ids=["beyond deflate", "beyond the limit", "beyond the file", "by another method"],
)
def test_a_claim_too_large_is_refused_before_anything_is_unpacked(
    tmp_path: Path, claim: dict[str, int], most: int | None, message: str
) -> None:
    path = save(tmp_path / "bad.npz", images=IMAGES, labels=LABELS)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("images.npy")
        for field, value in claim.items():
            setattr(info, field, value)
        with pytest.raises(FormatError, match=rf"bad\.npz: images\.npy .*{message}"):
            read_member(archive, info, path, most_bytes=most)
