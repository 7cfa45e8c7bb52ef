"""What a picture of many objects is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, overload

import numpy as np
import numpy.typing as npt

__all__ = ["Objects", "Scene", "Scenes"]


class Objects(NamedTuple):
    """The K objects of a picture, from the one farthest back to the one in front."""

    boxes: npt.NDArray[np.float32]  # (K, 4)
    labels: npt.NDArray[np.int64]  # (K,)
    visible: npt.NDArray[np.float32]  # (K,)


@dataclass(frozen=True)
class Scene:
    """One picture and the K objects in it, from the one farthest back to the one in front.

    A pixel belongs to the frontmost object that covers at least half of it.

    Attributes:
        image: uint8 (3, H, W).
        boxes: float32 (K, 4), (x1, y1, x2, y2) in pixels, tight about what can be seen of each
            object: the left and upper edges of its first pixels, the right and lower edges of
            its last.
        labels: int64 (K,), which index `CLASS_NAMES`.
        visible: float32 (K,), the share of each object's pixels that can be seen; the others lie
            behind another object or outside the picture.
        instances: uint8 (H, W), 0 for background and k + 1 for the pixels of object k.
    """

    image: npt.NDArray[np.uint8]
    boxes: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    visible: npt.NDArray[np.float32]
    instances: npt.NDArray[np.uint8]

    @property
    def masks(self) -> npt.NDArray[np.bool_]:
        """What can be seen of each object, (K, H, W)."""
        numbers = np.arange(1, len(self.labels) + 1, dtype=np.uint8)
        return np.asarray(self.instances == numbers[:, None, None])

    @property
    def semantic(self) -> npt.NDArray[np.uint8]:
        """The class of each pixel, uint8 (H, W): 0 for background, c + 1 for class c."""
        classes = np.concatenate([[0], self.labels + 1]).astype(np.uint8)
        return classes[self.instances]


class Scenes(Sequence[Scene]):
    """A sequence of scenes whose pictures lie in one array.

    Attributes:
        images: uint8 (N, 3, H, W).
        instances: uint8 (N, H, W), as in `Scene`.
        objects: For each picture its `boxes`, `labels` and `visible`.
    """

    def __init__(
        self,
        images: npt.NDArray[np.uint8],
        instances: npt.NDArray[np.uint8],
        objects: Sequence[Objects],
    ) -> None:
        """Hold the arrays."""
        self.images = images
        self.instances = instances
        self.objects = tuple(objects)

    @property
    def semantic(self) -> npt.NDArray[np.uint8]:
        """The class of each pixel, uint8 (N, H, W): 0 for background, c + 1 for class c."""
        masks = np.empty_like(self.instances)
        for position, scene in enumerate(self):
            masks[position] = scene.semantic
        return masks

    def __len__(self) -> int:
        """How many pictures there are."""
        return len(self.images)

    @overload
    def __getitem__(self, index: int) -> Scene: ...
    @overload
    def __getitem__(self, index: slice) -> Scenes: ...
    def __getitem__(self, index: int | slice) -> Scene | Scenes:
        """One scene, or a part of them; the arrays are views."""
        if isinstance(index, slice):
            return Scenes(self.images[index], self.instances[index], self.objects[index])
        return Scene(self.images[index], *self.objects[index], self.instances[index])

    def __repr__(self) -> str:
        """How many pictures and objects there are."""
        objects = sum(len(one.labels) for one in self.objects)
        side = self.images.shape[-1]
        return f"Scenes({len(self)} images of {side}x{side}, {objects} objects)"
