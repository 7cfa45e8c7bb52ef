"""Arrays in .npy files, mapped into memory."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest

from convlet.data import ArrayDataset, npy
from convlet.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = np.arange(6 * 25, dtype=np.uint32).astype(np.uint8).reshape(6, 5, 5)
LABELS = np.arange(6, dtype=np.int32) % 3


def test_a_folder_is_mapped_and_not_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "labels.npy", LABELS)
    assert npy.find(tmp_path)
    train, test = npy.load_folder(tmp_path)
    assert test is None
    assert train.labels.tolist() == LABELS.tolist()
    base: object = train.images
    while not isinstance(base, np.memmap):
        base = base.base  # type: ignore[attr-defined]
    assert not train.images.flags.writeable
    images, _ = ArrayDataset(train.images, train.labels).batch([5, 0])
    np.testing.assert_allclose(images[:, 0] * 255, IMAGES[[5, 0]], rtol=1e-6)


def test_a_test_part_and_other_names(tmp_path: Path) -> None:
    for name, count in (("train", 6), ("test", 3)):
        np.save(tmp_path / f"x_{name}.npy", IMAGES[:count].astype(np.float32))
        np.save(tmp_path / f"y_{name}.npy", LABELS[:count])
    train, test = npy.load_folder(tmp_path)
    assert test is not None
    assert (len(train.labels), len(test.labels)) == (6, 3)
    np.save(tmp_path / "x_test.npy", np.zeros((3, 4, 4), np.uint8))
    with pytest.raises(FormatError, match="pictures to test on must be"):
        npy.load_folder(tmp_path)


def test_what_cannot_be_mapped_is_a_format_error(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, IMAGES)
    whole = path.read_bytes()
    for content in (whole[:100], whole[:-1], b"", b"text", pickle.dumps([1]), b"PK\3\4" + whole):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"a\.npy"):
            npy.read(path)
    np.save(path, np.array([{}]), allow_pickle=True)
    with pytest.raises(FormatError, match=r"a\.npy"):
        npy.read(path)


def test_a_folder_without_arrays_says_so(tmp_path: Path) -> None:
    assert not npy.find(tmp_path)
    with pytest.raises(ValueError, match=r"found no images\.npy with labels\.npy"):
        npy.load_folder(tmp_path)
