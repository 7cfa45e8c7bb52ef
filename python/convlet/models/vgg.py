"""VGG networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from convlet import nn
from convlet.models._layers import (
    STEMS,
    check_choice,
    check_counts,
    check_factor,
    check_images,
    generator,
    initialise,
    scaled,
)

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
    State names are torchvision's. Images of any size from 32 x 32 fit (16 x 16 with the small
    stem): what the convolutions leave is averaged to 7 x 7 pixels.
    """

    def __init__(
        self,
        stages: Sequence[int],
        batch_norm: bool = False,
        num_classes: int = 1000,
        dropout: float = 0.5,
        in_channels: int = 3,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        width_mult: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("vgg", num_classes=num_classes, in_channels=in_channels)
        check_choice("vgg", "stem", stem, STEMS)
        check_factor("vgg", "width_mult", width_mult)
        draw = generator(seed)
        small = stem == "cifar"
        self.in_channels, self.least = in_channels, 16 if small else 32
        widths = [scaled(width, width_mult) for width in CHANNELS]
        hidden = scaled(4096, width_mult)
        self.features = _features(stages, widths, batch_norm, small, in_channels, draw)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
        self.classifier = nn.Sequential(
            nn.Linear(widths[-1] * 7 * 7, hidden, generator=draw),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout, generator=draw),
            nn.Linear(hidden, hidden, generator=draw),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout, generator=draw),
            nn.Linear(hidden, num_classes, generator=draw),
        )
        initialise(self, draw, linear_std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax."""
        check_images(x, "vgg", self.in_channels, self.least)
        scores: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return scores


def _features(
    stages: Sequence[int],
    widths: Sequence[int],
    batch_norm: bool,
    small: bool,
    channels: int,
    draw: Generator | None,
) -> nn.Sequential:
    """The convolutions; where `small`, the first pooling is a layer that does nothing."""
    layers: list[nn.Module] = []
    for index, (count, width) in enumerate(zip(stages, widths, strict=True)):
        for _ in range(count):
            layers.append(nn.Conv2d(channels, width, 3, padding=1, generator=draw))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU(inplace=True))
            channels = width
        layers.append(nn.Identity() if small and index == 0 else nn.MaxPool2d(2, 2))
    return nn.Sequential(*layers)


def vgg11(
    *,
    num_classes: int = 1000,
    dropout: float = 0.5,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> VGG:
    """VGG-11: 8 convolutions and 3 linear layers.

    Args:
        num_classes: how many scores come out.
        dropout: probability of a zero after the first two linear layers.
        in_channels: 1 for grey images, 3 for colour.
        stem: "imagenet"; or "cifar", without the first pooling, for images of 28 to 64 pixels. The
            state is the same.
        width_mult: factor of all channel counts, which are rounded to multiples of 8.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> from convlet import models
        >>> model = models.vgg11(num_classes=10, seed=0)
        >>> [tuple(layer.weight.shape) for layer in model.classifier if hasattr(layer, "weight")]
        [(4096, 25088), (4096, 4096), (10, 4096)]
    """
    return VGG(STAGES[11], False, num_classes, dropout, in_channels, stem, width_mult, seed)


def vgg11_bn(
    *,
    num_classes: int = 1000,
    dropout: float = 0.5,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> VGG:
    """VGG-11 with batch normalisation after each of its 8 convolutions.  Arguments are those of `vgg11`."""
    return VGG(STAGES[11], True, num_classes, dropout, in_channels, stem, width_mult, seed)


def vgg13(
    *,
    num_classes: int = 1000,
    dropout: float = 0.5,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> VGG:
    """VGG-13: 10 convolutions and 3 linear layers.  Arguments and errors are those of `vgg11`."""
    return VGG(STAGES[13], False, num_classes, dropout, in_channels, stem, width_mult, seed)


def vgg13_bn(
    *,
    num_classes: int = 1000,
    dropout: float = 0.5,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> VGG:
    """VGG-13 with batch normalisation after each of its 10 convolutions.  Arguments are those of `vgg11`."""
    return VGG(STAGES[13], True, num_classes, dropout, in_channels, stem, width_mult, seed)


def vgg16(
    *,
    num_classes: int = 1000,
    dropout: float = 0.5,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> VGG:
    """VGG-16: 13 convolutions and 3 linear layers.  Arguments and errors are those of `vgg11`."""
    return VGG(STAGES[16], False, num_classes, dropout, in_channels, stem, width_mult, seed)


def vgg16_bn(
    *,
    num_classes: int = 1000,
    dropout: float = 0.5,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> VGG:
    """VGG-16 with batch normalisation after each of its 13 convolutions.  Arguments are those of `vgg11`."""
    return VGG(STAGES[16], True, num_classes, dropout, in_channels, stem, width_mult, seed)


def vgg19(
    *,
    num_classes: int = 1000,
    dropout: float = 0.5,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> VGG:
    """VGG-19: 16 convolutions and 3 linear layers.  Arguments and errors are those of `vgg11`."""
    return VGG(STAGES[19], False, num_classes, dropout, in_channels, stem, width_mult, seed)


def vgg19_bn(
    *,
    num_classes: int = 1000,
    dropout: float = 0.5,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> VGG:
    """VGG-19 with batch normalisation after each of its 16 convolutions.  Arguments are those of `vgg11`."""
    return VGG(STAGES[19], True, num_classes, dropout, in_channels, stem, width_mult, seed)
