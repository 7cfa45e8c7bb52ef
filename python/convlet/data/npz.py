"""NumPy's .npz files that hold pictures and labels; nothing in them is unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from convlet.data.labelled import LabelledImages, checked
from convlet.errors import FormatError
from convlet.io.npz import opened, read_member

if TYPE_CHECKING:
    import os
    import zipfile

__all__ = ["load"]

_MOST_BYTES = 1 << 32

# The names in use: ours, MedMNIST's, and those of Keras' mnist.npz.
_TRAIN_NAMES = (("images", "labels"), ("train_images", "train_labels"), ("x_train", "y_train"))
_TEST_NAMES = (("test_images", "test_labels"), ("x_test", "y_test"))


def load(path: str | os.PathLike[str]) -> tuple[LabelledImages, LabelledImages | None]:
    """Read a .npz file of pictures and labels.

    Args:
        path: Holds `images` (N, H, W), (N, C, H, W) or (N, H, W, C) and `labels` (N,), and
            perhaps `test_images` and `test_labels`. `train_images` and `x_train`, with the
            labels' names alike, serve too.

    Returns:
        The part to train on, and the part to test on or None.

    Raises:
        FormatError: The file is damaged, lacks an array, or holds another kind of data.
        OSError: The file cannot be opened.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> path = Path(tempfile.mkdtemp()) / "my.npz"
        >>> np.savez(path, images=np.zeros((2, 8, 8), np.uint8), labels=[3, 1])
        >>> train, test = load(path)
        >>> train.images.shape, train.labels.tolist(), test
        ((2, 1, 8, 8), [3, 1], None)
    """
    path = Path(path)
    with opened(path) as archive:
        members = {info.filename: info for info in archive.infolist()}
        train = _part(archive, members, _TRAIN_NAMES, path)
        test = _part(archive, members, _TEST_NAMES, path)
    if train is None:
        names = ", ".join(sorted(members)) or "nothing"
        raise FormatError(f"{path}: must hold arrays named images and labels, it holds {names}")
    if test is not None and test.images.shape[1:] != train.images.shape[1:]:
        raise FormatError(
            f"{path}: pictures to test on must be {train.images.shape[1:]} as those to train on, "
            f"got {test.images.shape[1:]}"
        )
    return train, test


def _part(
    archive: zipfile.ZipFile,
    members: dict[str, zipfile.ZipInfo],
    candidates: tuple[tuple[str, str], ...],
    path: Path,
) -> LabelledImages | None:
    for names in candidates:
        found = [members[f"{name}.npy"] for name in names if f"{name}.npy" in members]
        if len(found) == len(names):
            images, labels = (
                read_member(archive, info, path, most_bytes=_MOST_BYTES) for info in found
            )
            return checked(images, labels, path)
    return None
