"""CIFAR-10 and CIFAR-100 as published: binary records, and pickles that are read without running.

A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009;
https://www.cs.toronto.edu/~kriz/cifar.html describes both. A binary record is one label (two in
CIFAR-100: coarse, fine) and 3,072 bytes, red, green, blue, each in rows. A python batch is a pickle
of a dictionary with an array `data` (N, 3072) and a list `labels` (`coarse_labels`, `fine_labels`).
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.data.labelled import LabelledImages
from convlet.errors import FormatError
from convlet.io.pickled_arrays import load_arrays

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

__all__ = ["find", "load_archive", "load_folder", "read_batch"]

PIXELS = 3 * 32 * 32
MOST_BYTES = 1 << 28  # of one file; the largest that there is has 154 MB
TRAIN_10 = tuple(f"data_batch_{n}" for n in range(1, 6))

# The files of a training part, of the test part, and of the names of classes, by kind.
LAYOUTS = (
    (tuple(f"{name}.bin" for name in TRAIN_10), "test_batch.bin", "batches.meta.txt"),
    (TRAIN_10, "test_batch", "batches.meta"),
    (("train.bin",), "test.bin", "fine_label_names.txt"),
    (("train",), "test", "meta"),
)
FOLDERS = ("cifar-10-batches-bin", "cifar-10-batches-py", "cifar-100-binary", "cifar-100-python")

Parts = tuple[LabelledImages, LabelledImages, tuple[str, ...]]


def find(folder: str | os.PathLike[str]) -> Path | None:
    """The folder itself, or the one in it that has CIFAR's usual name; None if neither has files."""
    for place in (Path(folder), *(Path(folder) / name for name in FOLDERS)):
        for train, test, _ in LAYOUTS:
            if all((place / name).is_file() for name in (*train, test)):
                return place
    return None


def load_folder(folder: str | os.PathLike[str]) -> Parts:
    """Read the files of CIFAR-10 or CIFAR-100 in a folder.

    Args:
        folder: Holds the files as published, or the folder with them.

    Returns:
        The part to train on, the part to test on, and the names of the classes; CIFAR-100 gives
        its 100 fine ones. Images are uint8 (N, 3, 32, 32).

    Raises:
        FormatError: A file is damaged or holds something else.
        ValueError: The files are not there.
    """
    place = find(folder)
    if place is None:
        raise ValueError(f"{folder}: found no files of CIFAR-10 or CIFAR-100, such as data_batch_1")

    def content(name: str) -> bytes | None:
        path = place / name
        if not path.is_file():
            return None
        if path.stat().st_size > MOST_BYTES:
            raise FormatError(f"{path}: is larger than {MOST_BYTES} bytes")
        return path.read_bytes()

    return _parts(content, str(place))


def load_archive(path: str | os.PathLike[str]) -> Parts:
    """Read CIFAR out of its .tar.gz, of which nothing is unpacked to the disk.

    Raises:
        FormatError: The archive is damaged or holds something else.
        OSError: It cannot be opened.
    """
    path = Path(path)
    wanted = {name for train, test, names in LAYOUTS for name in (*train, test, names)}
    contents: dict[str, bytes] = {}
    unpacked = 0
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r:") as archive:
            for member in archive:
                unpacked += member.size
                if unpacked > 2 * MOST_BYTES:
                    raise FormatError(f"{path}: unpacks to more than {2 * MOST_BYTES} bytes")
                name = member.name.rpartition("/")[2]
                file = archive.extractfile(member) if member.isreg() and name in wanted else None
                if file is not None:
                    contents[name] = file.read()
            while stream.read(1 << 20):  # to the very end, where gzip compares its checksum
                pass
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: not a whole archive ({error})") from error
    return _parts(contents.get, str(path))


def read_batch(data: bytes, name: str) -> LabelledImages:
    """The images and labels of one file.

    Args:
        data: The file's bytes: a pickle, or binary records.
        name: The file to name in errors; of its ending .bin and the words data_batch and test_batch
            the kind is known.

    Raises:
        FormatError: The bytes are not what they should be.
    """
    if not name.endswith(".bin"):
        return _read_pickle(data, name)
    labels = 1 if "_batch" in name.rpartition("/")[2] else 2
    size = labels + PIXELS
    if not data or len(data) % size:
        raise FormatError(f"{name}: must be records of {size} bytes, got {len(data)} bytes")
    records = np.frombuffer(data, np.uint8).reshape(-1, size)
    return _checked(records[:, labels:], records[:, labels - 1], name, 10 if labels == 1 else 100)


def _parts(content: Callable[[str], bytes | None], where: str) -> Parts:
    for layout in LAYOUTS:
        (*train, test), names = (*layout[0], layout[1]), layout[2]
        files = {name: content(name) for name in (*train, test)}
        if any(data is None for data in files.values()):
            continue
        batches = [read_batch(data or b"", f"{where}/{name}") for name, data in files.items()]
        images = np.concatenate([batch.images for batch in batches[:-1]])
        labels = np.concatenate([batch.labels for batch in batches[:-1]])
        count = 10 if "_batch" in test else 100
        return (
            LabelledImages(images, labels),
            batches[-1],
            _class_names(content(names), f"{where}/{names}", count),
        )
    raise FormatError(f"{where}: found no files of CIFAR-10 or CIFAR-100, such as data_batch_1")


def _read_pickle(data: bytes, name: str) -> LabelledImages:
    content = _unpickled(data, name)
    for key, count in (("labels", 10), ("fine_labels", 100)):
        if key in content:
            return _checked(content.get("data"), content[key], name, count)
    raise FormatError(f"{name}: must have data and labels, it has {sorted(content)!r:.80}")


def _unpickled(data: bytes, name: str) -> dict[str, Any]:
    """A dictionary whose keys are text, whichever Python wrote it."""
    try:
        content = load_arrays(data)
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from error
    if not isinstance(content, dict):
        raise FormatError(f"{name}: must hold a dictionary, got {type(content).__name__}")
    return {
        key.decode("latin-1") if isinstance(key, bytes) else str(key): value
        for key, value in content.items()
    }


def _checked(pixels: Any, labels: Any, name: str, classes: int) -> LabelledImages:
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2:
        raise FormatError(f"{name}: data must be a uint8 array (N, {PIXELS})")
    numbers = labels if isinstance(labels, (list, np.ndarray)) else []
    if pixels.shape != (len(numbers), PIXELS) or not len(numbers):
        raise FormatError(
            f"{name}: data must be ({len(numbers)}, {PIXELS}) as there are {len(numbers)} labels, "
            f"got {pixels.shape}"
        )
    array = np.asarray(numbers)
    if (
        array.dtype.kind not in "iu"
        or array.ndim != 1
        or not (0 <= array.min() <= array.max() < classes)
    ):
        raise FormatError(f"{name}: labels must be integers in [0, {classes})")
    return LabelledImages(pixels.reshape(-1, 3, 32, 32), array.astype(np.int64))


def _class_names(data: bytes | None, name: str, count: int) -> tuple[str, ...]:
    if data is None:
        return tuple(str(n) for n in range(count))
    if name.endswith(".txt"):
        names: Any = data.decode("utf-8", "replace").split()
    else:
        content = _unpickled(data, name)
        names = content.get("fine_label_names", content.get("label_names"))
    if not isinstance(names, list) or len(names) != count:
        raise FormatError(f"{name}: must name {count} classes")
    return tuple(n.decode("latin-1") if isinstance(n, bytes) else str(n) for n in names)
