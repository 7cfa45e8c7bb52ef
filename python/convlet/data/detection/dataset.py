"""Pictures with boxes, changed at random together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convlet import _pipeline
from convlet.data._arguments import UINT32_MAX, UINT64_MAX, threads, whole
from convlet.data._indices import chosen, place_of
from convlet.data.detection.annotation import Annotation, annotation

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.data.detection.changes import Change

__all__ = ["BoxedImages", "DetectionDataset", "target_rows"]


class BoxedImages(NamedTuple):
    """Pictures and the objects on them.

    Attributes:
        images: uint8 (N, C, H, W).
        annotations: N of them.
    """

    images: npt.NDArray[np.uint8]
    annotations: Sequence[Annotation]


class DetectionDataset:
    """Pictures with boxes, normalised and changed at random together.

    Args:
        images: uint8, (N, C, H, W).
        annotations: an `Annotation` for each picture, checked here against its size.
        classes: how many classes there are; unchecked unless given.
        mean: per channel, or one number for all; none by default.
        std: per channel, or one number for all, positive; none by default.
        changes: what to do to a picture and its boxes, one after the other, before mean and std;
            see `convlet.data.detection.changes`.
        names: what errors call the pictures; their numbers unless given.

    Raises:
        ValueError: a box or a class does not fit; the message names the picture.
        TypeError: the pictures are not uint8, or what belongs to them is no `Annotation`.

    Example:
        >>> from convlet.data import detection, shapes
        >>> drawn = shapes.scenes(4, size=64)
        >>> dataset = DetectionDataset(*detection.from_scenes(drawn), classes=10)
        >>> images, targets = dataset.batch([0, 3])
        >>> images.shape, targets.shape[0], targets.shape[2]
        ((2, 3, 64, 64), 2, 6)
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8],
        annotations: Sequence[Annotation],
        classes: int | None = None,
        *,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        changes: Sequence[Change] = (),
        names: Sequence[str] | None = None,
    ) -> None:
        """Check everything once."""
        name = "DetectionDataset"
        given: Any = images
        if not isinstance(given, np.ndarray) or given.dtype != np.uint8:
            kind = getattr(images, "dtype", type(images).__name__)
            raise TypeError(f"{name}: images must be an array of uint8, got {kind}")
        if images.ndim != 4 or 0 in images.shape[1:]:
            raise ValueError(f"{name}: images must be (N, C, H, W), got shape {images.shape}")
        if len(annotations) != len(images):
            raise ValueError(
                f"{name}: annotations must be {len(images)}, one for each image, "
                f"got {len(annotations)}"
            )
        kinds: list[Any] = [type(one) for one in annotations if type(one) is not Annotation]
        if kinds:
            raise TypeError(f"{name}: annotations must be Annotation, got {kinds[0].__name__}")
        if names is not None and len(names) != len(images):
            raise ValueError(
                f"{name}: names must be {len(images)}, one for each image, got {len(names)}"
            )
        self.images = images
        self.annotations = tuple(
            annotation(
                one.boxes,
                one.labels,
                crowd=one.crowd,
                ignored=one.ignored,
                areas=one.areas,
                classes=classes,
                size=images.shape[2:],
                image=f"image {number}" if names is None else names[number],
            )
            for number, one in enumerate(annotations)
        )
        self.classes = classes
        self.changes = tuple(changes)
        channels = images.shape[1]
        self.mean = np.broadcast_to(np.array(0 if mean is None else mean, np.float32), (channels,))
        self.std = np.broadcast_to(np.array(1 if std is None else std, np.float32), (channels,))
        if not (np.isfinite(self.mean).all() and (self.std > 0).all()):
            raise ValueError(f"{name}: mean must be finite and std positive, got {mean} and {std}")

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.images)

    def __repr__(self) -> str:
        """The size of the pictures."""
        channels, height, width = self.images.shape[1:]
        return f"DetectionDataset({len(self)} images of {channels}x{height}x{width})"

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """One picture (C, H, W) and its rows (M, 6), as in epoch 0 of seed 0."""
        place = place_of(index, len(self), "DetectionDataset", "images")
        images, targets = self.batch([place], num_threads=1)
        return images[0], targets[0]

    def batch(
        self,
        indices: npt.ArrayLike,
        *,
        seed: int = 0,
        epoch: int = 0,
        num_threads: int | None = None,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Gather the samples named by indices.

        Args:
            indices: integers in [0, N), (B,).
            seed: with epoch and each index, decides how a picture and its boxes change.
            epoch: which draw of the changes; below 2^32.
            num_threads: how many threads normalise the pictures; as `convlet.get_num_threads()`
                unless given. The result does not depend on it.

        Returns:
            float32 (B, C, H, W) in NHWC memory, and float32 (B, M, 6): x1, y1, x2, y2, class, whether to ignore
            it; M is the greatest number of objects, rows that are none have class -1.

        Raises:
            ValueError: an index is outside [0, N), or an argument is out of range.
            TypeError: the indices are not integers.
        """
        order = chosen(indices, len(self))
        key = whole(seed, "batch", "seed", maximum=UINT64_MAX)
        draw = whole(epoch, "batch", "epoch", maximum=UINT32_MAX)
        pictures = np.empty((len(order), *self.images.shape[1:]), np.uint8)
        objects = []
        for place, index in enumerate(order):
            rng = np.random.default_rng([key, draw, int(index)])
            image, one = self.images[index], self.annotations[index]
            for change in self.changes:
                image, one = change(image, one, rng, self)
            pictures[place] = image
            objects.append(one)
        images = _pipeline.gather(
            pictures,
            np.arange(len(order)),
            (1 / (255 * self.std)).astype(np.float32),
            (-self.mean / self.std).astype(np.float32),
            num_threads=threads(num_threads, "batch"),
        )
        return images, target_rows(objects)

    @staticmethod
    def joined(
        batches: Sequence[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]],
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Several batches as one, with as many rows for each picture as the fullest needs.

        Raises:
            ValueError: pictures have different sizes.

        Example:
            >>> images, few = np.zeros((1, 3, 8, 8), np.float32), np.zeros((1, 2, 6), np.float32)
            >>> DetectionDataset.joined([(images, few), (images, few[:, :1])])[1][:, :, 4].tolist()
            [[0.0, 0.0], [0.0, -1.0]]
        """
        sizes = {images.shape[1:] for images, _ in batches}
        if len(sizes) > 1:
            raise ValueError(f"joined: pictures must have one size, got {sorted(sizes)}")
        most = max(targets.shape[1] for _, targets in batches)
        return (
            np.concatenate([images for images, _ in batches]),
            np.concatenate([_filled_up(targets, most) for _, targets in batches]),
        )


def _filled_up(targets: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.float32]:
    """Targets (B, M, 6) with rows that are none, up to `most` of them."""
    rows = np.zeros((len(targets), most, 6), np.float32)
    rows[:, :, 4] = -1
    rows[:, : targets.shape[1]] = targets
    return rows


def target_rows(annotations: Sequence[Annotation]) -> npt.NDArray[np.float32]:
    """Objects of a batch in one array (B, M, 6), as `DetectionDataset.batch` gives them.

    Example:
        >>> target_rows([annotation([[0, 0, 2, 2]], [3]), annotation([], [])])[:, 0, 4].tolist()
        [3.0, -1.0]
    """
    most = max([len(one.labels) for one in annotations], default=0)
    rows = np.zeros((len(annotations), most, 6), np.float32)
    rows[:, :, 4] = -1
    for row, one in zip(rows, annotations, strict=True):
        count = len(one.labels)
        row[:count, :4], row[:count, 4], row[:count, 5] = one.boxes, one.labels, one.ignored
    return rows
