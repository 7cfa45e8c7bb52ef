"""Pictures in files: read when a batch wants them, by threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import _transforms
from convlet.data._arguments import UINT32_MAX, UINT64_MAX, threads, whole
from convlet.data._indices import chosen, place_of
from convlet.data.decoding import read_image
from convlet.data.samplers import index_array
from convlet.data.transforms import Transform
from convlet.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Images = npt.NDArray[np.float32]

__all__ = ["ImageFiles", "ImageFolder"]

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)


class ImageFiles:
    """Labelled pictures in files, decoded as batches are gathered.

    Pillow reads them (extra [image]), turned upright by their EXIF data. A batch needs pictures of
    one size: give a `transform` that resizes or crops.

    Args:
        paths: The files.
        labels: Integers from 0, one for each file.
        classes: The names of the classes; the labels' numbers unless given.
        transform: What to do to each picture, such as `transforms.Resize`.
        channels: 3 for colour, 1 for grey.
        on_error: "raise" ends the epoch at a file that cannot be read, with a FormatError that
            names it and its index; "skip" leaves it out and notes it in `skipped`.
        least_side: JPEG files of twice as many pixels on their shorter side, or more, are decoded at
            a half, quarter or eighth of their size, as long as this many are left: several times as
            fast for photographs. None decodes all pixels.

    Raises:
        ValueError: Arguments do not fit each other.
        TypeError: An argument has the wrong type.

    Attributes:
        paths: The files.
        targets: The labels, int64 (N,).
        classes: The names of the classes.
        class_to_idx: The label of each name.
        skipped: Why a file was left out, by its index.
    """

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        labels: npt.ArrayLike,
        *,
        classes: Sequence[str] | None = None,
        transform: Transform | None = None,
        channels: int = 3,
        on_error: str = "raise",
        least_side: int | None = None,
    ) -> None:
        """Check the arguments; no file is opened before the first batch."""
        name = type(self).__name__
        self.paths = [Path(path) for path in paths]
        self.targets = index_array(labels, f"{name}: labels as")
        if len(self.targets) != len(self.paths):
            raise ValueError(
                f"{name}: labels must be as many as the {len(self.paths)} files, "
                f"got {len(self.targets)}"
            )
        most = int(self.targets.max(initial=-1))
        self.classes = [str(n) for n in range(most + 1)] if classes is None else list(classes)
        least = int(self.targets.min(initial=0))
        if not 0 <= least <= most < max(len(self.classes), 1):
            raise ValueError(
                f"{name}: labels must be in [0, {len(self.classes)}) as there are so many classes, "
                f"got {least if least < 0 else most}"
            )
        self.class_to_idx = {label: index for index, label in enumerate(self.classes)}
        if transform is not None and not isinstance(transform, Transform):
            raise TypeError(
                f"{name}: transform must be one of convlet.data.transforms, "
                f"got {type(transform).__name__}"
            )
        if channels not in (1, 3):
            raise ValueError(f"{name}: channels must be 1 or 3, got {channels!r}")
        if on_error not in ("raise", "skip"):
            raise ValueError(f'{name}: on_error must be "raise" or "skip", got {on_error!r}')
        self.transform = transform
        self.channels = channels
        self.on_error = on_error
        self.least_side = (
            None if least_side is None else whole(least_side, name, "least_side", minimum=1)
        )
        self.skipped: dict[int, str] = {}
        self._steps = [] if transform is None else transform.steps(channels)

    def __len__(self) -> int:
        """How many files there are."""
        return len(self.paths)

    def __repr__(self) -> str:
        """The number of files and classes."""
        return f"{type(self).__name__}({len(self)} files, {len(self.classes)} classes)"

    @property
    def samples(self) -> list[tuple[str, int]]:
        """The path and the label of each file, as torchvision has them."""
        return [(str(p), int(n)) for p, n in zip(self.paths, self.targets, strict=True)]

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float32], int]:
        """One picture (C, H, W) and its label, as in epoch 0 of seed 0.

        Raises:
            FormatError: The file cannot be read.
        """
        place = place_of(index, len(self), type(self).__name__, "files")
        image = _transforms.transform([self._read(place)], [place], self._steps)[0]
        return image, int(self.targets[place])

    def batch(
        self,
        indices: npt.ArrayLike,
        *,
        seed: int = 0,
        epoch: int = 0,
        num_threads: int | None = None,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Read the files named by indices.

        Args:
            indices: Integers in [0, N), (B,); a file may occur more than once.
            seed: With epoch and each index, decides all that is random.
            epoch: Which draw of the augmentation; below 2^32.
            num_threads: How many threads read and augment; as `convlet.get_num_threads()` unless
                given.

        Returns:
            float32 (B, C, H, W) in NHWC memory, and int64 (B,); without the files that were skipped.

        Raises:
            FormatError: A file cannot be read, and is not to be skipped.
            ValueError: An index is outside [0, N), or the pictures end with different sizes.
        """
        order = chosen(indices, len(self))
        draw = {
            "seed": whole(seed, "batch", "seed", maximum=UINT64_MAX),
            "epoch": whole(epoch, "batch", "epoch", maximum=UINT32_MAX),
        }

        def prepared(index: int) -> Images | None:
            # At once, so that a thread holds one decoded picture: of a photograph it is large.
            picture = self._read_or_skip(index)
            if picture is None:
                return None
            return _transforms.transform([picture], [index], self._steps, **draw)

        workers = threads(num_threads, "batch")
        if workers > 1 and len(order) > 1:
            with ThreadPoolExecutor(workers, thread_name_prefix="convlet-images") as pool:
                found = list(pool.map(prepared, order.tolist()))
        else:
            found = [prepared(index) for index in order.tolist()]
        kept = [place for place, image in enumerate(found) if image is not None]
        images = _joined([image for image in found if image is not None], self.channels)
        return images, self.targets[order[kept]]

    def _read(self, index: int) -> npt.NDArray[np.uint8]:
        try:
            return read_image(self.paths[index], channels=self.channels, least_side=self.least_side)
        except FormatError as error:
            raise FormatError(f"{error} (index {index})") from error
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{error} (index {index})") from error

    def _read_or_skip(self, index: int) -> npt.NDArray[Any] | None:
        try:
            return self._read(index)
        except (FormatError, OSError) as error:
            if self.on_error == "raise":
                raise
            self.skipped[index] = str(error)
            return None


class ImageFolder(ImageFiles):
    """Pictures in a folder for each class, whose names are the classes' names.

    Args:
        root: Holds one folder per class, in which all files with a picture's ending count, also
            in folders below.
        transform: What to do to each picture.
        channels: 3 for colour, 1 for grey.
        on_error: "raise" or "skip", see `ImageFiles`.
        least_side: How small JPEG files may be decoded, see `ImageFiles`.

    Raises:
        ValueError: There is no folder with pictures, or a link leads out of the root.
        OSError: The folder cannot be read.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("cat", "dog"):
        ...     (folder / name).mkdir()
        ...     _ = (folder / name / "1.ppm").write_bytes(b"P6 2 2 255 " + bytes(12))
        >>> dataset = ImageFolder(folder)
        >>> dataset.classes, dataset.targets.tolist(), dataset[1][0].shape
        (['cat', 'dog'], [0, 1], (3, 2, 2))
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Transform | None = None,
        *,
        channels: int = 3,
        on_error: str = "raise",
        least_side: int | None = None,
    ) -> None:
        """List the files, in the order of their names."""
        self.root = Path(root)
        classes = class_folders(self.root)
        if not classes:
            raise ValueError(f"ImageFolder: {self.root} holds no folder with pictures")
        paths: list[Path] = []
        labels: list[int] = []
        for label, files in enumerate(classes.values()):
            paths += files
            labels += [label] * len(files)
        super().__init__(
            paths,
            labels,
            classes=list(classes),
            transform=transform,
            channels=channels,
            on_error=on_error,
            least_side=least_side,
        )


def _joined(pictures: list[Images], channels: int) -> Images:
    """A batch of pictures (1, C, H, W), NHWC in memory as they are."""
    _, channels, height, width = pictures[0].shape if pictures else (0, channels, 0, 0)
    batch = np.empty((len(pictures), height, width, channels), np.float32).transpose(0, 3, 1, 2)
    for place, picture in enumerate(pictures):
        if picture.shape[2:] != (height, width):
            got = picture.shape[2:]
            raise ValueError(
                f"batch: pictures must end with one size, got {height}x{width} of picture 0 and "
                f"{got[0]}x{got[1]} of picture {place}; resize or crop them"
            )
        batch[place] = picture[0]
    return batch


def class_folders(root: Path) -> dict[str, list[Path]]:
    """The pictures of each folder in a folder, by names in order; folders without are left out."""
    with os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir())
    found = {name: _pictures_below(root / name, root) for name in names if name[0] != "."}
    return {name: files for name, files in found.items() if files}


def _pictures_below(folder: Path, root: Path) -> list[Path]:
    inside = root.resolve()
    found: list[Path] = []
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        _check_inside(here, inside)
        with os.scandir(here) as entries:
            for entry in entries:
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                elif path.suffix.lower() in SUFFIXES and entry.is_file():
                    if entry.is_symlink():
                        _check_inside(path, inside)
                    found.append(path)
    return sorted(found)


def _check_inside(path: Path, inside: Path) -> None:
    if not path.resolve().is_relative_to(inside):
        raise ValueError(f"ImageFolder: {path} leads out of {inside}")
