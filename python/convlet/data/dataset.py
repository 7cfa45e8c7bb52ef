"""Pictures and labels in memory, from which batches are gathered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

import numpy as np

from convlet import _pipeline, _transforms
from convlet.data._arguments import UINT32_MAX, UINT64_MAX, flag, threads, whole
from convlet.data._indices import place_of
from convlet.data.transforms import Normalize, Transform

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["AnyDataset", "ArrayDataset", "Dataset", "ItemDataset"]

Target_co = TypeVar("Target_co", covariant=True)


class Dataset(Protocol[Target_co]):
    """What a `DataLoader` asks of a dataset: its length, and a batch of given samples."""

    def __len__(self) -> int:
        """How many samples there are."""
        ...

    def batch(
        self, indices: npt.NDArray[np.int64], *, seed: int, epoch: int, num_threads: int
    ) -> tuple[npt.NDArray[np.float32], Target_co]:
        """Images (N, C, H, W) and targets of the samples named by indices.

        Whatever is random must depend on seed, epoch and each sample's index alone. The method
        is called from several threads at once when the loader has workers.
        """
        ...


class ItemDataset(Protocol):
    """A dataset that gives one sample at a time, as PyTorch's do.

    `__getitem__` is called from several threads at once when the loader has workers.
    """

    def __len__(self) -> int:
        """How many samples there are."""
        ...

    def __getitem__(self, index: int, /) -> Any:
        """One sample, such as a pair of an image (C, H, W) and a label."""
        ...


AnyDataset: TypeAlias = Dataset[Any] | ItemDataset


class ArrayDataset:
    """Labelled pictures in an array, normalised and augmented as batches are gathered.

    A value is (pixel - mean) / std per channel, where uint8 pixels count as 0 to 1 and float32
    pixels as they are. The array is not copied: it may be read-only, of any strides, or
    memory-mapped.

    Args:
        images: uint8 or float32, (N, C, H, W) or (N, H, W), which means one channel.
        labels: Integers, (N,).
        mean: Per channel, or one number for all; none by default.
        std: Per channel, or one number for all, positive; none by default.
        shift: Each picture moves by up to this many pixels in both directions, at random; what
            moves in is black.
        flip: Each picture is mirrored left to right with probability one half.
        transform: What else to do to each picture, before mean and std; in place of shift and
            flip. Its own `Normalize` serves as well as mean and std.

    Raises:
        ValueError: A shape, mean, std, shift or transform does not fit the pictures.
        TypeError: The pixels are neither uint8 nor float32, or the labels are not integers.

    Example:
        >>> import numpy as np
        >>> dataset = ArrayDataset(np.full((4, 28, 28), 255, np.uint8), np.arange(4), mean=0.5)
        >>> images, labels = dataset.batch(np.array([3, 1]))
        >>> images.shape, float(images[0, 0, 0, 0]), labels
        ((2, 1, 28, 28), 0.5, array([3, 1]))
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8] | npt.NDArray[np.float32],
        labels: npt.ArrayLike,
        *,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        shift: int = 0,
        flip: bool = False,
        transform: Transform | None = None,
    ) -> None:
        """Check everything once, so that `batch` needs to check only its indices."""
        self.images = _pictures(images)
        self.labels = _labels(labels, len(self.images))
        channels, height, width = self.images.shape[1:]
        self.transform = transform
        if transform is not None:
            if not isinstance(transform, Transform):
                raise TypeError(
                    "ArrayDataset: transform must be one of convlet.data.transforms, "
                    f"got {type(transform).__name__}"
                )
            channels = transform.out_channels(channels)
        self.mean = _per_channel(mean, 0.0, channels, "mean")
        self.std = _per_channel(std, 1.0, channels, "std")
        if not (self.std > 0.0).all():
            raise ValueError(f"ArrayDataset: std must be positive, got {self.std.tolist()}")
        self.shift = whole(shift, "ArrayDataset", "shift", maximum=min(height, width))
        self.flip = flag(flip, "ArrayDataset", "flip")
        white = 255.0 if self.images.dtype == np.uint8 else 1.0
        self._scale = (1.0 / (self.std * white)).astype(np.float32)
        self._offset = (-self.mean / self.std).astype(np.float32)
        if transform is not None:
            if shift or flip:
                raise ValueError(
                    "ArrayDataset: shift and flip must not be given beside a transform; "
                    "RandomCrop and RandomHorizontalFlip do the same"
                )
            self._steps = transform.steps(self.images.shape[1])
            if mean is not None or std is not None:
                self._steps += Normalize(self.mean.tolist(), self.std.tolist()).steps(channels)
            # Once on a black picture: steps that do not fit the size are told here.
            black = np.zeros((1, *self.images.shape[1:]), np.uint8)
            self._shape = _transforms.transform(black, [0], self._steps).shape[1:]

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[npt.NDArray[np.float32], int]:
        """One picture (C, H, W) and its label, as in epoch 0 of seed 0."""
        place = place_of(index, len(self), "ArrayDataset", "images")
        images, labels = self.batch([place], num_threads=1)
        return images[0], int(labels[0])

    def __repr__(self) -> str:
        """The size and the kind of the pictures."""
        channels, height, width = self.images.shape[1:]
        return (
            f"ArrayDataset({len(self)} images of {channels}x{height}x{width} {self.images.dtype}, "
            + (
                f"shift={self.shift}, flip={self.flip})"
                if self.transform is None
                else f"transform={self.transform!r})"
            )
        )

    def batch(
        self,
        indices: npt.ArrayLike,
        *,
        seed: int = 0,
        epoch: int = 0,
        num_threads: int | None = None,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Gather the samples named by indices.

        Args:
            indices: Integers in [0, N), (B,); a sample may occur more than once.
            seed: With epoch and each index, decides how a picture moves and flips.
            epoch: Which draw of the augmentation; below 2^32.
            num_threads: How many threads write the batch; as `convlet.get_num_threads()` unless
                given. The result does not depend on it.

        Returns:
            float32 (B, C, H, W) in NHWC memory, and int64 (B,).

        Raises:
            ValueError: An index is outside [0, N), or an argument is out of range.
            TypeError: The indices are not integers.
        """
        order = np.asarray(indices)
        if order.size == 0:
            order = order.astype(np.int64)
        if order.dtype.kind not in "iu":
            raise TypeError(f"batch: indices must be integers, got {order.dtype}")
        if order.ndim != 1:
            raise ValueError(f"batch: indices must be (B,), got shape {order.shape}")
        seed = whole(seed, "batch", "seed", maximum=UINT64_MAX)
        epoch = whole(epoch, "batch", "epoch", maximum=UINT32_MAX)
        num_threads = threads(num_threads, "batch")
        if self.transform is None:
            images = _pipeline.gather(
                self.images,
                order,
                self._scale,
                self._offset,
                shift=self.shift,
                flip=self.flip,
                seed=seed,
                epoch=epoch,
                num_threads=num_threads,
            )
        elif order.size == 0:
            images = np.empty((0, *self._shape), np.float32)
        else:
            images = _transforms.transform(
                self.images, order, self._steps, seed=seed, epoch=epoch, num_threads=num_threads
            )
        return images, self.labels[order]


def _pictures(images: npt.NDArray[Any]) -> npt.NDArray[np.uint8] | npt.NDArray[np.float32]:
    if not isinstance(images, np.ndarray):
        raise TypeError(f"ArrayDataset: images must be an array, got {type(images).__name__}")
    if images.dtype.newbyteorder("=") not in (np.uint8, np.float32):
        raise TypeError(
            f"ArrayDataset: images must be uint8 or float32, got {images.dtype}; "
            "convert them with images.astype(np.float32)"
        )
    if images.ndim not in (3, 4):
        raise ValueError(
            f"ArrayDataset: images must be (N, C, H, W) or (N, H, W), got shape {images.shape}"
        )
    if images.ndim == 3:
        images = images[:, None]
    if 0 in images.shape[1:]:
        raise ValueError(f"ArrayDataset: images must have pixels, got shape {images.shape}")
    if not images.dtype.isnative or not images.flags.aligned:
        images = images.astype(images.dtype.newbyteorder("="))
    return images


def _labels(labels: npt.ArrayLike, count: int) -> npt.NDArray[np.int64]:
    array = np.asarray(labels)
    if array.shape != (count,):
        raise ValueError(
            f"ArrayDataset: labels must be ({count},) as there are {count} images, "
            f"got shape {array.shape}"
        )
    if count > 0 and array.dtype.kind not in "iu":
        raise TypeError(f"ArrayDataset: labels must be integers, got {array.dtype}")
    return array.astype(np.int64)


def _per_channel(
    values: float | Sequence[float] | None, default: float, channels: int, name: str
) -> npt.NDArray[np.float64]:
    numbers = np.asarray(default if values is None else values)
    if numbers.dtype.kind not in "fiu":
        raise TypeError(f"ArrayDataset: {name} must be numbers, got {numbers.dtype}")
    if numbers.shape not in ((), (1,), (channels,)):
        raise ValueError(
            f"ArrayDataset: {name} must be one number or {channels}, one per channel, "
            f"got shape {numbers.shape}"
        )
    if not np.isfinite(numbers).all():
        raise ValueError(f"ArrayDataset: {name} must be finite, got {numbers.tolist()}")
    return np.broadcast_to(numbers, (channels,)).astype(np.float64)
