"""CIFAR's binary records and pickles, from folders and archives, and what is refused."""

from __future__ import annotations

import io
import pickle
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest

from convlet.data import cifar
from convlet.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

TRAIN = [f"data_batch_{n}" for n in range(1, 6)]
NAMES_10 = [f"kind{n}" for n in range(10)]
NAMES_100 = [f"fine{n}" for n in range(100)]


def part(number: int, classes: int, count: int = 4) -> tuple[npt.NDArray[Any], list[int]]:
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
    return pixels, rng.integers(0, classes, count).tolist()


def records(number: int, classes: int) -> bytes:
    pixels, labels = part(number, classes)
    fine = np.array(labels, np.uint8)[:, None]
    coarse = [fine // 5] if classes == 100 else []
    return np.hstack([*coarse, fine, pixels]).tobytes()


def batch(number: int, classes: int, protocol: int) -> bytes:
    pixels, labels = part(number, classes)
    content: dict[Any, Any] = {b"batch_label": b"a batch", b"data": pixels, b"filenames": [b"a"]}
    content[b"labels" if classes == 10 else b"fine_labels"] = labels
    return pickle.dumps(content, protocol)


def files(classes: int, kind: str) -> dict[str, bytes]:
    train = TRAIN if classes == 10 else ["train"]
    test = "test_batch" if classes == 10 else "test"
    names = NAMES_10 if classes == 10 else NAMES_100
    if kind == "binary":
        found = {f"{name}.bin": records(n, classes) for n, name in enumerate([*train, test])}
        listing = "batches.meta.txt" if classes == 10 else "fine_label_names.txt"
        return {**found, listing: "\n".join(names).encode() + b"\n\n"}
    found = {name: batch(n, classes, int(kind)) for n, name in enumerate([*train, test])}
    key = b"label_names" if classes == 10 else b"fine_label_names"
    meta = pickle.dumps({key: [name.encode() for name in names]}, int(kind))
    return {**found, "batches.meta" if classes == 10 else "meta": meta}


def write(folder: Path, contents: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in contents.items():
        (folder / name).write_bytes(data)
    return folder


def archive(path: Path, contents: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, data in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize("kind", ["binary", "2", "4"])
@pytest.mark.parametrize("classes", [10, 100])
def test_folders_and_archives_give_the_pixels_and_labels(
    tmp_path: Path, classes: int, kind: str
) -> None:
    contents = files(classes, kind)
    write(tmp_path / "a" / "cifar-10-batches-py", contents)
    packed = archive(tmp_path / "a.tar.gz", {f"top/{k}": v for k, v in contents.items()})
    count = 5 if classes == 10 else 1
    wanted = [part(n, classes) for n in range(count + 1)]
    for train, test, names in (
        cifar.load_folder(tmp_path / "a"),
        cifar.load_folder(tmp_path / "a" / "cifar-10-batches-py"),
        cifar.load_archive(packed),
    ):
        pixels = np.concatenate([p for p, _ in wanted[:-1]]).reshape(-1, 3, 32, 32)
        np.testing.assert_array_equal(train.images, pixels)
        assert train.labels.tolist() == [n for _, labels in wanted[:-1] for n in labels]
        np.testing.assert_array_equal(test.images, wanted[-1][0].reshape(-1, 3, 32, 32))
        assert test.labels.tolist() == wanted[-1][1]
        assert names == tuple(NAMES_10 if classes == 10 else NAMES_100)


def test_names_of_classes_may_be_missing(tmp_path: Path) -> None:
    contents = files(10, "2")
    del contents["batches.meta"]
    assert cifar.load_folder(write(tmp_path, contents))[2] == tuple("0123456789")


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return print, ("a pickle was run",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pickle.dumps({b"data": Evil(), b"labels": [0]}), "asks for builtins.print"),
        (pickle.dumps([1, 2]), "must hold a dictionary, got list"),
        (pickle.dumps({b"data": part(0, 10)[0]}), r"must have data and labels, it has \['data'\]"),
        (pickle.dumps({b"data": part(0, 10)[0], b"labels": [1]}), r"data must be \(1, 3072\)"),
        (pickle.dumps({b"data": np.zeros((1, 9), np.uint8), b"labels": [1]}), "data must be"),
        (
            pickle.dumps({b"data": np.zeros((1, 3072)), b"labels": [1]}),
            "data must be a uint8 array",
        ),
        (pickle.dumps({b"data": part(0, 10)[0], b"labels": [1, 2, 3, 10]}), r"in \[0, 10\)"),
        (pickle.dumps({b"data": part(0, 10)[0], b"labels": ["a"] * 4}), r"in \[0, 10\)"),
        (pickle.dumps({b"data": b"", b"labels": []}), "data must be a uint8 array"),
        (b"", "no whole pickle|empty stack"),
        (files(10, "2")["test_batch"][:-30], "test_batch"),
    ],
)
def test_other_pickles_are_a_format_error_that_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    write(tmp_path, {**files(10, "2"), "test_batch": content})
    with pytest.raises(FormatError, match=rf"test_batch: .*(?:{words})|{words}"):
        cifar.load_folder(tmp_path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("size", [0, 1, 3072, 3074])
def test_records_of_another_size_are_a_format_error(tmp_path: Path, size: int) -> None:
    write(tmp_path, {**files(10, "binary"), "data_batch_3.bin": bytes(size)})
    with pytest.raises(FormatError, match=rf"data_batch_3\.bin: must be records.*got {size} bytes"):
        cifar.load_folder(tmp_path)


def test_a_label_beyond_its_classes_is_a_format_error(tmp_path: Path) -> None:
    write(tmp_path, {**files(10, "binary"), "test_batch.bin": bytes([10]) + bytes(3072)})
    with pytest.raises(FormatError, match=r"test_batch\.bin: labels must be integers in \[0, 10\)"):
        cifar.load_folder(tmp_path)


def test_archives_write_nothing_and_leave_other_members_alone(tmp_path: Path) -> None:
    contents = {f"../../{name}": data for name, data in files(10, "2").items()}
    path = archive(tmp_path / "a.tar.gz", {**contents, "/etc/other": b"x", "deep/more": b"y"})
    assert len(cifar.load_archive(path)[0].labels) == 20
    assert [each.name for each in tmp_path.iterdir()] == ["a.tar.gz"]


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "flip"])
def test_a_damaged_archive_is_a_format_error(tmp_path: Path, damage: str) -> None:
    path = archive(tmp_path / "a.tar.gz", files(10, "2"))
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    path.write_bytes({"cut": whole[:middle], "text": b"no", "empty": b"", "flip": flipped}[damage])
    with pytest.raises(FormatError, match=r"a\.tar\.gz"):
        cifar.load_archive(path)


def test_folders_and_archives_without_the_files_say_so(tmp_path: Path) -> None:
    assert cifar.find(tmp_path) is None
    with pytest.raises(ValueError, match="found no files of CIFAR-10 or CIFAR-100"):
        cifar.load_folder(tmp_path)
    with pytest.raises(FormatError, match="found no files of CIFAR-10"):
        cifar.load_archive(archive(tmp_path / "a.tar.gz", {"x": b""}))
