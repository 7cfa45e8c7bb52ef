"""VGG networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import nn
from convlet.models._layers import check_counts, check_images, generator, initialise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = [
    "VGG",
    "vgg11",
    "vgg11_bn",
    "vgg13",
    "vgg13_bn",
    "vgg16",
    "vgg16_bn",
    "vgg19",
    "vgg19_bn",
]

# Convolutions before each of the five poolings: columns A, B, D and E of the paper's table 1.
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
CHANNELS = (64, 128, 256, 512, 512)


class VGG(nn.Module):
    """3x3 convolutions and max pooling, then three linear layers.  (N, C, H, W) -> (N, classes).

    Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition",
    2014, arXiv:1409.1556, table 1; made by `vgg16` and its kin, which say what the arguments are.
    State names are torchvision's. Images of any size from 32 x 32 fit: what the convolutions leave
    is averaged to 7 x 7 pixels.
    """

    def __init__(
        self,
        stages: Sequence[int],
        batch_norm: bool = False,
        num_classes: int = 1000,
        dropout: float = 0.5,
        in_channels: int = 3,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("vgg", num_classes=num_classes, in_channels=in_channels)
        draw = generator(seed)
        self.in_channels = in_channels
        self.features = _features(stages, batch_norm, in_channels, draw)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(CHANNELS[-1] * 7 * 7, 4096, generator=draw),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout, generator=draw),
            nn.Linear(4096, 4096, generator=draw),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout, generator=draw),
            nn.Linear(4096, num_classes, generator=draw),
        )
        initialise(self, draw, linear_std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax."""
        check_images(x, "vgg", self.in_channels, 32)
        scores: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return scores


def _features(
    stages: Sequence[int], batch_norm: bool, channels: int, draw: Generator | None
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for count, width in zip(stages, CHANNELS, strict=True):
        for _ in range(count):
            layers.append(nn.Conv2d(channels, width, 3, padding=1, generator=draw))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU(inplace=True))
            channels = width
        layers.append(nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


def vgg11(
    *, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3, seed: int | None = None
) -> VGG:
    """VGG-11: 8 convolutions and 3 linear layers.

    Args:
        num_classes: how many scores come out.
        dropout: probability of a zero after the first two linear layers.
        in_channels: 1 for grey images, 3 for colour.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a size is below 1, or `dropout` is outside [0, 1].

    Example:
        >>> from convlet import models
        >>> model = models.vgg11(num_classes=10, seed=0)
        >>> [tuple(layer.weight.shape) for layer in model.classifier if hasattr(layer, "weight")]
        [(4096, 25088), (4096, 4096), (10, 4096)]
    """
    return VGG(STAGES[11], False, num_classes, dropout, in_channels, seed)


def vgg11_bn(
    *, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3, seed: int | None = None
) -> VGG:
    """VGG-11: 8 convolutions, each with batch normalisation and 3 linear layers.  Arguments and errors are those of `vgg11`."""
    return VGG(STAGES[11], True, num_classes, dropout, in_channels, seed)


def vgg13(
    *, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3, seed: int | None = None
) -> VGG:
    """VGG-13: 10 convolutions and 3 linear layers.  Arguments and errors are those of `vgg11`."""
    return VGG(STAGES[13], False, num_classes, dropout, in_channels, seed)


def vgg13_bn(
    *, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3, seed: int | None = None
) -> VGG:
    """VGG-13: 10 convolutions, each with batch normalisation and 3 linear layers.  Arguments and errors are those of `vgg11`."""
    return VGG(STAGES[13], True, num_classes, dropout, in_channels, seed)


def vgg16(
    *, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3, seed: int | None = None
) -> VGG:
    """VGG-16: 13 convolutions and 3 linear layers.  Arguments and errors are those of `vgg11`."""
    return VGG(STAGES[16], False, num_classes, dropout, in_channels, seed)


def vgg16_bn(
    *, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3, seed: int | None = None
) -> VGG:
    """VGG-16: 13 convolutions, each with batch normalisation and 3 linear layers.  Arguments and errors are those of `vgg11`."""
    return VGG(STAGES[16], True, num_classes, dropout, in_channels, seed)


def vgg19(
    *, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3, seed: int | None = None
) -> VGG:
    """VGG-19: 16 convolutions and 3 linear layers.  Arguments and errors are those of `vgg11`."""
    return VGG(STAGES[19], False, num_classes, dropout, in_channels, seed)


def vgg19_bn(
    *, num_classes: int = 1000, dropout: float = 0.5, in_channels: int = 3, seed: int | None = None
) -> VGG:
    """VGG-19: 16 convolutions, each with batch normalisation and 3 linear layers.  Arguments and errors are those of `vgg11`."""
    return VGG(STAGES[19], True, num_classes, dropout, in_channels, seed)
