"""MNIST's IDX files, whole and broken."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from convlet.data import idx
from convlet.errors import FormatError
from idx_files import CODES, encoded, write, write_mnist

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("dtype", list(CODES))
@pytest.mark.parametrize("shape", [(7,), (2, 3, 4), (2, 3, 4, 5), (0, 4, 4)], ids=str)
def test_an_array_comes_back_as_it_was_written(
    tmp_path: Path, rng: np.random.Generator, zipped: bool, dtype: str, shape: tuple[int, ...]
) -> None:
    array = rng.integers(0, 100, shape).astype(dtype)
    got = idx.read(write(tmp_path / "array", encoded(array), zipped))
    np.testing.assert_array_equal(got, array)
    assert got.dtype == array.dtype
    assert got.dtype.isnative


WHOLE = encoded(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
HUGE = struct.pack(">BBBB4I", 0, 0, 0x0E, 4, *[2**32 - 1] * 4)
BROKEN = {
    "empty": b"",
    "three bytes": WHOLE[:3],
    "header cut": WHOLE[:9],
    "values cut": WHOLE[:-1],
    "one byte more": WHOLE + b"\0",
    "doubled": WHOLE * 2,
    "wrong magic": b"\1" + WHOLE[1:],
    "unknown type": b"\0\0\x0a" + WHOLE[3:],
    "no dimensions": b"\0\0\x08\0" + b"\0",
    "five dimensions": b"\0\0\x08\5" + bytes(20),
    "255 dimensions": b"\0\0\x08\xff" + bytes(2000),
    "size beyond 64 bits": HUGE,
    "4 GiB promised": struct.pack(">BBBB2I", 0, 0, 8, 2, 2**16, 2**16),
    "a text": b"images,labels\n1,2\n",
    "a zip file": b"PK\3\4" + bytes(100),
    "a pickle": b"\x80\x04\x95\x0b\0\0\0\0\0\0\0\x8c\x07builtins",
}


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_a_format_error_that_names_it(
    tmp_path: Path, data: bytes, zipped: bool
) -> None:
    with pytest.raises(FormatError, match="digits-file: "):
        idx.read(write(tmp_path / "digits-file", data, zipped))


@pytest.mark.parametrize("kept", [3, 12, 30, -9, -1])
def test_a_gzip_file_cut_anywhere_is_a_format_error(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(gzip.compress(WHOLE)[:kept])
    with pytest.raises(FormatError, match=r"cut\.gz: "):
        idx.read(path)


def test_a_flipped_bit_in_a_gzip_file_is_a_format_error(tmp_path: Path) -> None:
    whole = gzip.compress(WHOLE)
    for position in range(10, len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 4
        path = write(tmp_path / "flipped.gz", bytes(flipped))
        with pytest.raises(FormatError, match=r"flipped\.gz: "):
            idx.read(path)


def test_a_bomb_is_refused_for_its_claim_before_it_is_unpacked(tmp_path: Path) -> None:
    claim = struct.pack(">BBBB3I", 0, 0, 8, 3, 1000, 1000, 1000)
    with pytest.raises(FormatError, match="promises 1000000000 bytes"):
        idx.read(write(tmp_path / "bomb", claim + bytes(1000), zipped=True))


def test_a_folder_gives_both_parts(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", 6)
    write_mnist(tmp_path, "t10k", 4)
    train, test = idx.load_folder(tmp_path)
    assert test is not None
    assert train.images.shape == (6, 1, 5, 5)
    assert test.images.shape == (4, 1, 5, 5)
    assert train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert train.labels.dtype == np.int64


def test_a_folder_may_lack_the_test_part(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", 6)
    assert idx.load_folder(tmp_path)[1] is None


def test_one_file_finds_its_labels(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", 6)
    images, labels = idx.load_file(tmp_path / "train-images-idx3-ubyte")
    assert images.shape == (6, 1, 5, 5)
    assert len(labels) == 6


def test_a_folder_without_training_images_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="found no train-images-idx3-ubyte"):
        idx.load_folder(tmp_path)


def test_images_without_labels_are_a_value_error(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", 6)
    (tmp_path / "train-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(ValueError, match="train-images-idx3-ubyte: found no labels"):
        idx.load_folder(tmp_path)


def test_fewer_labels_than_images_are_a_format_error(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", 6)
    path = tmp_path / "train-labels-idx1-ubyte.gz"
    write(path, encoded(np.zeros(5, np.uint8)), zipped=True)
    with pytest.raises(FormatError, match=r"labels must be \(6,\) as there are 6 images"):
        idx.load_folder(tmp_path)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 1], np.float32), "must be integers"),
        (np.array([0, -1], np.int32), r"must be in \[0, 65536\)"),
    ],
    ids=str,
)
def test_labels_that_are_no_class_numbers_are_a_format_error(
    tmp_path: Path, labels: npt.NDArray[Any], message: str
) -> None:
    write_mnist(tmp_path, "train", 2)
    write(tmp_path / "train-labels-idx1-ubyte.gz", encoded(labels))
    with pytest.raises(FormatError, match=message):
        idx.load_folder(tmp_path)


def test_parts_with_pictures_of_different_size_are_a_format_error(tmp_path: Path) -> None:
    write_mnist(tmp_path, "train", 6, side=5)
    write_mnist(tmp_path, "t10k", 6, side=4)
    with pytest.raises(FormatError, match="t10k-images-idx3-ubyte: pictures must be"):
        idx.load_folder(tmp_path)
