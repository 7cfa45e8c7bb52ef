"""Mixing the samples of a batch, images and labels alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import _transforms
from convlet.data._arguments import threads, whole
from convlet.data.transforms._arguments import real

if TYPE_CHECKING:
    import numpy.typing as npt

    Images = npt.NDArray[np.float32]

__all__ = ["CutMix", "MixUp", "Mixing"]

_STREAM = 1 << 31  # beyond the places of the steps of any transform


class Mixing(ABC):
    """Mixes each sample of a batch with the one before it, and makes soft targets of the labels.

    A `DataLoader` does it to its batches (`mix=`). Each sample draws by its own index, seed and
    epoch; whom it is mixed with depends on the order of the batch.

    Args:
        alpha: The sample's share is drawn from Beta(alpha, alpha).
        num_classes: How many columns the targets have; labels may be soft targets already, then
            it is not needed.

    Raises:
        ValueError: A number is out of range.
        TypeError: An argument has the wrong type.
    """

    def __init__(self, *, alpha: float = 1.0, num_classes: int | None = None) -> None:
        """Check the arguments."""
        name = type(self).__name__
        self.alpha = real(alpha, name, "alpha")
        if not 1e-3 <= self.alpha <= 1e6:
            raise ValueError(f"{name}: alpha must be in [0.001, 1000000], got {alpha}")
        self.num_classes = (
            None if num_classes is None else whole(num_classes, name, "num_classes", 1, 1 << 24)
        )

    def __repr__(self) -> str:
        """The name and the arguments."""
        return f"{type(self).__name__}(alpha={self.alpha}, num_classes={self.num_classes})"

    def __call__(
        self,
        images: Images,
        labels: npt.ArrayLike,
        *,
        seed: int = 0,
        epoch: int = 0,
        indices: npt.ArrayLike | None = None,
        num_threads: int | None = None,
    ) -> tuple[Images, npt.NDArray[np.float32]]:
        """Mix a batch.

        Args:
            images: float32 (N, C, H, W).
            labels: Integers (N,), or soft targets (N, K).
            seed: With epoch and indices, decides the shares.
            epoch: Which draw; below 2^32.
            indices: A number for each sample, 0 to N-1 unless given.
            num_threads: How many threads to use, as `convlet.get_num_threads()` unless given.

        Returns:
            float32 (N, C, H, W) in NHWC memory, and float32 targets (N, K).

        Raises:
            ValueError: Shapes do not fit, or a label is outside [0, num_classes).
            TypeError: The images are not float32, or the labels are not numbers.
        """
        name = type(self).__name__
        if getattr(images, "dtype", None) != np.float32:
            raise TypeError(f"{name}: images must be a float32 array, got {images!r:.60}")
        if images.ndim != 4:
            raise ValueError(f"{name}: images must be (N, C, H, W), got shape {images.shape}")
        count, _, height, width = images.shape
        targets = self._targets(np.asarray(labels), count)
        order = np.arange(count) if indices is None else np.asarray(indices)
        if order.shape != (count,):
            raise ValueError(f"{name}: indices must be ({count},), got shape {order.shape}")
        draws = _transforms.draw(
            order, stream=_STREAM, count=2, alpha=self.alpha, seed=seed, epoch=epoch
        )
        inside, boxes, shares = self._plan(draws, height, width)
        partners = np.roll(np.arange(count), 1)
        mixed = _transforms.mix(
            images,
            partners,
            inside,
            boxes,
            num_threads=threads(num_threads, name),
        )
        part = shares[:, None].astype(np.float32)
        return mixed, part * targets + (1 - part) * targets[partners]

    @abstractmethod
    def _plan(
        self, draws: npt.NDArray[np.float64], height: int, width: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[Any]]:
        """The sample's share inside of a box, the box, and its share in the target."""

    def _targets(self, labels: npt.NDArray[Any], count: int) -> npt.NDArray[np.float32]:
        name = type(self).__name__
        if labels.ndim == 2 and len(labels) == count and labels.dtype.kind in "fiu":
            return labels.astype(np.float32)
        if labels.shape != (count,):
            raise ValueError(
                f"{name}: labels must be ({count},) or ({count}, K), got shape {labels.shape}"
            )
        if labels.dtype.kind not in "iu":
            raise TypeError(f"{name}: labels must be integers or soft targets, got {labels.dtype}")
        if self.num_classes is None:
            raise ValueError(f"{name}: num_classes must be given where labels are integers")
        if count and not 0 <= labels.min() <= labels.max() < self.num_classes:
            raise ValueError(
                f"{name}: labels must be in [0, {self.num_classes}), "
                f"got {labels.min()} to {labels.max()}"
            )
        one_hot = np.zeros((count, self.num_classes), np.float32)
        one_hot[np.arange(count), labels] = 1
        return one_hot


class MixUp(Mixing):
    """Blend each image with another, and their labels in the same proportion.

    H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.

    Example:
        >>> images = np.zeros((2, 1, 2, 2), np.float32)
        >>> images[1] = 1
        >>> mixed, targets = MixUp(num_classes=2)(images, [0, 1], seed=3)
        >>> bool(np.allclose(mixed[0, 0], targets[0, 1])), targets.sum(axis=1).tolist()
        (True, [1.0, 1.0])
    """

    def _plan(
        self, draws: npt.NDArray[np.float64], height: int, width: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[Any]]:
        shares = draws[:, 0]
        boxes = np.broadcast_to(np.array([0, 0, height, width]), (len(draws), 4))
        return shares, boxes, shares


class CutMix(Mixing):
    """Paste a rectangle of another image, and mix the labels in proportion to its area.

    S. Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable
    features", ICCV 2019.

    Example:
        >>> images = np.zeros((2, 1, 8, 8), np.float32)
        >>> images[1] = 1
        >>> mixed, targets = CutMix(num_classes=2)(images, [0, 1], seed=3)
        >>> float(mixed[0].mean()) == float(targets[0, 1])
        True
    """

    def _plan(
        self, draws: npt.NDArray[np.float64], height: int, width: int
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[Any]]:
        share, x, y = draws.T
        side = np.sqrt(1.0 - share)  # of the rectangle, which the picture's border may cut
        half_height, half_width = 0.5 * side * height, 0.5 * side * width
        middle_y, middle_x = np.floor(y * height), np.floor(x * width)
        boxes = np.stack(
            [
                np.clip(np.floor(middle_y - half_height), 0, height),
                np.clip(np.floor(middle_x - half_width), 0, width),
                np.clip(np.floor(middle_y + half_height), 0, height),
                np.clip(np.floor(middle_x + half_width), 0, width),
            ],
            axis=1,
        ).astype(np.int64)
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        shares = 1.0 - area / max(height * width, 1)
        return np.zeros(len(draws)), boxes, shares
