"""Published data sets by name: read from the cache, of which these tests fill one."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from convlet import data
from convlet.data import published
from convlet.errors import FormatError
from idx_files import encoded
from test_cifar import archive, files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache with small files in place of the real ones, and their checksums in the catalogue."""
    monkeypatch.setenv("CONVLET_CACHE", str(tmp_path))
    catalogue = {}
    for name, known in published.FILES.items():
        (tmp_path / name).mkdir()
        catalogue[name] = tuple(
            dataclasses.replace(
                file,
                size=len(content := make(tmp_path / name / file.name)),
                sha256=hashlib.sha256(content).hexdigest(),
                urls=(),
            )
            for file in known
        )
    monkeypatch.setattr(published, "FILES", catalogue)
    return tmp_path


def make(path: Path) -> bytes:
    if path.suffixes == [".tar", ".gz"]:
        archive(path, files(10 if "-10-" in path.name else 100, "2"))
    else:
        count = 12 if "train" in path.name else 6
        images = np.arange(count * 784, dtype=np.uint32).astype(np.uint8).reshape(count, 28, 28)
        labels = (np.arange(count) % 10).astype(np.uint8)
        path.write_bytes(gzip.compress(encoded(images if "images" in path.name else labels)))
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "shape", "tested", "first"),
    [
        ("mnist", (12, 1, 28, 28), 6, "0"),
        ("fashion-mnist", (12, 1, 28, 28), 6, "T-shirt/top"),
        ("cifar10", (20, 3, 32, 32), 4, "kind0"),
        ("cifar100", (4, 3, 32, 32), 4, "fine0"),
    ],
)
def test_names_are_read_from_the_cache(
    cache: Path, name: str, shape: tuple[int, ...], tested: int, first: str
) -> None:
    loaded = data.load(name)
    assert loaded.train.images.shape == shape
    assert len(loaded.test.labels) == tested
    assert loaded.class_names[0] == first
    assert loaded.name == name


def test_a_damaged_file_of_the_cache_is_named(cache: Path) -> None:
    (cache / "mnist" / "t10k-labels-idx1-ubyte.gz").write_bytes(b"damaged")
    with pytest.raises(FormatError, match=r"t10k-labels-idx1-ubyte\.gz: must have"):
        data.load("mnist")


def test_without_network_and_cache_the_message_says_what_to_do(cache: Path) -> None:
    (cache / "cifar10" / "cifar-10-python.tar.gz").unlink()
    with pytest.raises(OSError, match="put the file there by hand"):
        data.load("cifar10")


def test_the_catalogue_has_sizes_checksums_and_places() -> None:
    everything = [file for files in published.FILES.values() for file in files]
    assert len({file.sha256 for file in everything}) == len(everything) == 10
    for file in everything:
        assert re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert file.size > 4000
        assert all(url.endswith(f"/{file.name}") for url in file.urls)
        assert any(url.startswith("https://") for url in file.urls)
