"""What a transform is: a list of steps for `convlet._transforms`, and a way to call it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from convlet import _transforms
from convlet.data._arguments import UINT32_MAX, UINT64_MAX, threads, whole
from convlet.random import default_generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Compose", "Step", "ToTensor", "Transform"]

Step: TypeAlias = tuple[str, tuple[float, ...]]


class Transform(ABC):
    """Changes pictures; a dataset does it to each batch that it makes.

    Bytes count as 0 to 1 from the first step on, and the result is float32. What is random depends
    on a seed, the epoch and the picture's index, so the order of threads changes nothing.
    """

    @abstractmethod
    def steps(self, channels: int) -> list[Step]:
        """What the native code is to do to pictures of so many channels.

        Raises:
            ValueError: The transform does not fit so many channels.
        """

    def out_channels(self, channels: int) -> int:
        """How many channels the result has."""
        return channels

    def __repr__(self) -> str:
        """The name and the arguments."""
        arguments = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({arguments})"

    def __call__(
        self,
        images: Any,
        *,
        seed: int | None = None,
        epoch: int = 0,
        indices: npt.ArrayLike | None = None,
        num_threads: int | None = None,
    ) -> npt.NDArray[np.float32]:
        """Transform one picture or a batch.

        Args:
            images: uint8 or float32, (C, H, W) or (N, C, H, W); or a picture of Pillow.
            seed: With epoch and indices, decides all that is random; unless given, each call draws
                anew from `convlet.random.default_generator`.
            epoch: Which draw; below 2^32.
            indices: A number for each picture, 0 to N-1 unless given.
            num_threads: How many threads to use, as `convlet.get_num_threads()` unless given.

        Returns:
            float32 of as many dimensions.

        Raises:
            ValueError: The images have another number of dimensions, or a step does not fit.
            TypeError: The images are neither uint8 nor float32.

        Example:
            >>> ToTensor()(np.full((1, 2, 2), 255, np.uint8)).tolist()
            [[[1.0, 1.0], [1.0, 1.0]]]
        """
        array = _pixels(images)
        batch = array if array.ndim == 4 else array[None]
        if seed is None:
            # An offset for each picture, which no later call takes again.
            seed, first = default_generator.reserve(4 * len(batch))
            order = (first + np.arange(len(batch), dtype=np.uint64)).astype(np.int64)
        else:
            whole(seed, type(self).__name__, "seed", maximum=UINT64_MAX)
            order = np.arange(len(batch))
        done = transformed(
            batch,
            self.steps(batch.shape[1]),
            order if indices is None else np.atleast_1d(np.asarray(indices)),
            seed=seed,
            epoch=whole(epoch, type(self).__name__, "epoch", maximum=UINT32_MAX),
            num_threads=threads(num_threads, type(self).__name__),
        )
        return done if array.ndim == 4 else done[0]


def transformed(
    batch: npt.NDArray[Any] | Sequence[npt.NDArray[Any]],
    steps: Sequence[Step],
    indices: npt.NDArray[Any],
    *,
    seed: int,
    epoch: int,
    num_threads: int,
) -> npt.NDArray[np.float32]:
    """The steps, done to each picture of a batch, which draws by the index at its place."""
    if len(batch) == 0:
        raise ValueError("transform: there must be at least one picture")
    return _transforms.transform(
        list(batch), indices, steps, seed=seed, epoch=epoch, num_threads=num_threads
    )


def _pixels(images: Any) -> npt.NDArray[Any]:
    if not isinstance(images, np.ndarray) and hasattr(images, "__array_interface__"):
        picture = np.asarray(images)
        return picture[None] if picture.ndim == 2 else picture.transpose(2, 0, 1)
    array = np.asarray(images)
    if array.ndim not in (3, 4):
        raise ValueError(
            f"transform: images must be (C, H, W) or (N, C, H, W), got shape {array.shape}"
        )
    return array


class Compose(Transform):
    """Several transforms, one after another.

    Args:
        transforms: At least none; they may be `Compose` themselves.

    Raises:
        TypeError: One is not a transform.
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        """Check that each is one."""
        for place, each in enumerate(transforms):
            if not isinstance(each, Transform):
                raise TypeError(
                    f"Compose: transforms[{place}] must be one of convlet.data.transforms, "
                    f"got {each!r:.60}"
                )
        self.transforms = tuple(transforms)

    def __repr__(self) -> str:
        """One transform per line."""
        return "\n    ".join(["Compose(", *map(repr, self.transforms)]) + "\n)"

    def steps(self, channels: int) -> list[Step]:
        """Those of each, for the channels that the one before leaves."""
        steps: list[Step] = []
        for each in self.transforms:
            steps += each.steps(channels)
            channels = each.out_channels(channels)
        return steps

    def out_channels(self, channels: int) -> int:
        """How many channels the last one leaves."""
        for each in self.transforms:
            channels = each.out_channels(channels)
        return channels


class ToTensor(Transform):
    """Bytes as 0 to 1, which every transform begins with: here for programs that say it."""

    def steps(self, channels: int) -> list[Step]:  # noqa: D102
        return []
