"""Pictures with a class for each pixel, changed at random together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from convlet import _transforms
from convlet.data._arguments import UINT32_MAX, UINT64_MAX, threads, whole
from convlet.data._indices import chosen, place_of
from convlet.data.transforms import Normalize, Transform
from convlet.data.transforms.masks import mask_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.data.labelled import Pixels

__all__ = ["IGNORED", "MaskedImages", "SegmentationDataset", "check_masks"]

IGNORED = 255  # the label of pixels that count for nothing


class MaskedImages(NamedTuple):
    """Pictures and the class of each of their pixels.

    Attributes:
        images: uint8 or float32 (N, C, H, W).
        masks: uint8 (N, H, W): classes from 0, and 255 where none is known.
    """

    images: Pixels
    masks: npt.NDArray[np.uint8]


class SegmentationDataset:
    """Pictures and masks in arrays, normalised and changed at random together.

    Geometric transforms move the pixels of a mask as those of its picture, by the nearest pixel,
    so that no class appears between two others; transforms of colour leave masks alone. What moves
    in from outside of the picture has the label `ignore_index`.

    Args:
        images: uint8 or float32, (N, C, H, W) or (N, H, W), which means one channel.
        masks: The class of each pixel, integers (N, H, W) in [0, classes), or `ignore_index`.
        classes: How many classes there are; 255 unless given.
        mean: Per channel, or one number for all; none by default.
        std: Per channel, or one number for all, positive; none by default.
        transform: What to do to pictures and masks, before mean and std.
        ignore_index: The label of pixels that count for nothing, from `classes` to 255.

    Raises:
        ValueError: Sizes do not fit, or a mask has a class that does not exist; the message names
            the picture.
        TypeError: The pixels are neither uint8 nor float32, or the masks are not integers.

    Example:
        >>> from convlet.data import shapes, transforms
        >>> drawn = shapes.scenes(4, size=64)
        >>> augment = transforms.Compose([
        ...     transforms.RandomHorizontalFlip(),
        ...     transforms.RandomCrop(64, padding=8),
        ...     transforms.ColorJitter(brightness=0.2),
        ... ])
        >>> dataset = SegmentationDataset(drawn.images, drawn.semantic, 11, transform=augment)
        >>> images, masks = dataset.batch([0, 3], epoch=1)
        >>> images.shape, masks.shape, masks.dtype
        ((2, 3, 64, 64), (2, 64, 64), dtype('uint8'))
    """

    def __init__(
        self,
        images: Pixels,
        masks: npt.NDArray[Any] | Sequence[npt.ArrayLike],
        classes: int = 255,
        *,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        transform: Transform | None = None,
        ignore_index: int = IGNORED,
    ) -> None:
        """Check everything once, so that `batch` needs to check only its indices."""
        name = "SegmentationDataset"
        self.classes = whole(classes, name, "classes", 1, 255)
        self.ignore_index = whole(ignore_index, name, "ignore_index", self.classes, 255)
        kind = getattr(images, "dtype", type(images).__name__)
        if kind not in (np.uint8, np.float32):
            raise TypeError(f"{name}: images must be an array of uint8 or float32, got {kind}")
        if images.ndim == 3:
            images = images[:, None]
        if images.ndim != 4 or 0 in images.shape[1:]:
            raise ValueError(f"{name}: images must be (N, C, H, W), got shape {images.shape}")
        if transform is not None and not isinstance(transform, Transform):
            raise TypeError(
                f"{name}: transform must be one of convlet.data.transforms, "
                f"got {type(transform).__name__}"
            )
        self.images: Pixels = images
        self.masks = check_masks(masks, images, self.classes, self.ignore_index, name)
        self.transform = transform
        channels = images.shape[1]
        geometry = [] if transform is None else transform.steps(channels)
        if transform is not None:
            channels = transform.out_channels(channels)
        self._steps = list(geometry)
        if mean is not None or std is not None:
            zero, one = np.zeros(channels), np.ones(channels)
            middle = np.broadcast_to(zero if mean is None else np.asarray(mean), (channels,))
            spread = np.broadcast_to(one if std is None else np.asarray(std), (channels,))
            self._steps += Normalize(middle.tolist(), spread.tolist()).steps(channels)
        self._mask_steps = mask_steps(geometry, self.ignore_index / 255)

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.images)

    def __repr__(self) -> str:
        """The size and the kind of the pictures."""
        channels, height, width = self.images.shape[1:]
        return (
            f"SegmentationDataset({len(self)} images of {channels}x{height}x{width} "
            f"{self.images.dtype}, {self.classes} classes, transform={self.transform!r})"
        )

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """One picture (C, H, W) and its mask (H, W), as in epoch 0 of seed 0."""
        place = place_of(index, len(self), "SegmentationDataset", "images")
        images, masks = self.batch([place], num_threads=1)
        return images[0], masks[0]

    def batch(
        self,
        indices: npt.ArrayLike,
        *,
        seed: int = 0,
        epoch: int = 0,
        num_threads: int | None = None,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Gather the samples named by indices.

        Args:
            indices: Integers in [0, N), (B,); a sample may occur more than once.
            seed: With epoch and each index, decides how a picture and its mask change.
            epoch: Which draw of the changes; below 2^32.
            num_threads: How many threads write the batch; as `convlet.get_num_threads()` unless
                given. The result does not depend on it.

        Returns:
            float32 (B, C, H, W) in NHWC memory, and uint8 (B, H, W).

        Raises:
            ValueError: An index is outside [0, N), or an argument is out of range.
            TypeError: The indices are not integers.
        """
        order = chosen(indices, len(self))
        if not len(order):
            return np.zeros((0, *self.images.shape[1:]), np.float32), self.masks[:0]
        draws: dict[str, Any] = {
            "seed": whole(seed, "batch", "seed", maximum=UINT64_MAX),
            "epoch": whole(epoch, "batch", "epoch", maximum=UINT32_MAX),
            "num_threads": threads(num_threads, "batch"),
        }
        images = _transforms.transform([self.images[i] for i in order], order, self._steps, **draws)
        if not self._mask_steps:
            return images, self.masks[order]
        moved = _transforms.transform(
            [self.masks[i][None] for i in order], order, self._mask_steps, **draws
        )
        return images, np.rint(moved[:, 0] * 255).astype(np.uint8)


def check_masks(
    masks: Any, images: Pixels, classes: int, ignored: int, where: str
) -> npt.NDArray[np.uint8]:
    """Masks as bytes, one of the right size and classes for each picture; else its number is told."""
    given = masks if isinstance(masks, np.ndarray) else list(masks)
    if len(given) != len(images):
        raise ValueError(
            f"{where}: masks must be {len(images)}, one for each image, got {len(given)}"
        )
    size = images.shape[2:]
    if isinstance(given, np.ndarray) and given.shape[1:] != size and given.ndim == 3:
        raise ValueError(f"{where}: masks must be {size} as the images, got {given.shape[1:]}")
    checked = np.empty((len(images), *size), np.uint8)
    for number, mask in enumerate(given):
        array = np.asarray(mask)
        if array.dtype.kind not in "iu":
            raise TypeError(f"{where}: masks[{number}] must be integers, got {array.dtype}")
        if array.shape != size:
            raise ValueError(
                f"{where}: masks[{number}] must be {size} as its image, got {array.shape}"
            )
        wrong = (array < 0) | (array >= classes)
        wrong &= array != ignored
        if wrong.any():
            raise ValueError(
                f"{where}: masks[{number}] has the class {array[wrong][0]}; there are {classes} "
                f"classes, from 0 on, and {ignored} for pixels that do not count"
            )
        checked[number] = array
    return checked
