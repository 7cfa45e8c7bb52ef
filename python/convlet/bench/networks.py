"""Whole networks as cases: a training step, inference of a batch, inference of one image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from convlet import models, nn
from convlet.bench.layers import Array, Case, normal
from convlet.grad_mode import no_grad
from convlet.nn.module import evaluating
from convlet.tensor import Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Network", "small_vgg"]

STEP, BATCH, ONE = "training step", "inference", "inference of 1"
RATE, MOMENTUM = 1e-3, 0.9


@dataclass(frozen=True)
class Network(Case):
    """A network of `convlet.models`, or "small_vgg"; its arguments as (name, value) pairs."""

    model: str
    channels: int
    size: int
    classes: int
    arguments: tuple[tuple[str, Any], ...] = ()

    group: ClassVar[str] = "network"
    operator: ClassVar[str] = "network"

    @property
    def dense(self) -> bool:
        """Whether each pixel has a class."""
        return self.model in {"unet", "resunet", "deeplabv3", "lraspp"}

    @property
    def detector(self) -> bool:
        """Whether it finds boxes; then its labels are rows of them, as a `DetectionDataset`'s."""
        return self.model == "fcos"

    def make(self) -> nn.Module:
        """The network with the weights that all sides start from."""
        if self.model == "small_vgg":
            model: nn.Module = small_vgg(nn)
        else:
            dropout = (
                {"dropout": 0.0}
                if self.model in {"lenet5", "mobilenet_v2", "efficientnet_lite0", "deeplabv3"}
                else {}
            )
            model = models.create(self.model, **dict(self.arguments), **dropout, seed=0)
        return model

    def own(self) -> nn.Module:
        """A copy of the network in its first state."""
        model = self.make()
        model.load_state_dict(self.state())
        return model

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """The first state, by name."""
        return _state(self)

    def batch(self, kind: str) -> Array:
        """The images of a pass."""
        images = 1 if kind == ONE else self.images
        return normal(images, self.channels, self.size, self.size)

    def labels(self) -> npt.NDArray[Any]:
        """The classes of a batch, or of each of its pixels, or its boxes."""
        if self.detector:
            return _boxes(self)
        shape = (self.images, self.size, self.size) if self.dense else (self.images,)
        return np.random.default_rng(1).integers(0, self.classes, shape)

    def flops(self, kind: str) -> float:
        """Those of convolutions and linear layers; training adds both gradients."""
        forward, first = _counted(self, kind)
        return 3 * forward - first if kind == STEP else forward


@cache
def _state(case: Network) -> dict[str, npt.NDArray[Any]]:
    return {name: value.copy() for name, value in case.make().state_dict().items()}


def _boxes(case: Network) -> npt.NDArray[np.float32]:
    """Five boxes of each image, an eighth to a half as wide and high."""
    rng = np.random.default_rng(1)
    rows = np.zeros((case.images, 5, 6), np.float32)
    sides = rng.uniform(case.size / 8, case.size / 2, (case.images, 5, 2))
    rows[..., :2] = rng.uniform(0, case.size - sides)
    rows[..., 2:4] = rows[..., :2] + sides
    rows[..., 4] = rng.integers(0, case.classes, rows.shape[:2])
    return rows


@cache
def _counted(case: Network, kind: str) -> tuple[float, float]:
    """Operations of a forward pass, and those of its first layer, whose input needs no gradient."""
    counts: list[float] = []

    def count(module: nn.Module, inputs: Any, y: Any) -> None:
        weight = module.weight
        outer = inputs[0] if isinstance(module, nn.ConvTranspose2d) else y
        pixels = outer.numel() // outer.shape[1]
        counts.append(2.0 * weight.numel() * pixels)

    model = case.make()
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            module.register_forward_hook(count)
    with no_grad(), evaluating(model):
        model(Tensor(case.batch(ONE)))
    images = 1 if kind == ONE else case.images
    return images * sum(counts), images * counts[0]


def small_vgg(layers: Any) -> Any:
    """Six 3x3 convolutions and two linear layers for images of 3 x 32 x 32 pixels.

    Args:
        layers: `convlet.nn` or `torch.nn`, whose layers have the same names and arguments.

    Example:
        >>> from convlet import nn
        >>> sum(parameter.numel() for parameter in small_vgg(nn).parameters())
        814122
    """
    parts, channels = [], 3
    for width in (32, 64, 128):
        for _ in range(2):
            parts += [layers.Conv2d(channels, width, 3, padding=1), layers.ReLU()]
            channels = width
        parts.append(layers.MaxPool2d(2))
    parts += [layers.Flatten(), layers.Linear(128 * 4 * 4, 256), layers.ReLU()]
    return layers.Sequential(*parts, layers.Linear(256, 10))
