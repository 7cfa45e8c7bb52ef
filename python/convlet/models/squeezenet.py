"""SqueezeNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from convlet import nn
from convlet.joining import cat
from convlet.models._layers import (
    STEMS,
    check_choice,
    check_counts,
    check_factor,
    check_images,
    generator,
    scaled,
)
from convlet.nn import init

if TYPE_CHECKING:
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["Fire", "SqueezeNet", "squeezenet1_1"]

# Channels of each fire module, narrow and wide, between poolings: the authors' version 1.1.
FIRES = (
    ((16, 64), (16, 64)),
    ((32, 128), (32, 128)),
    ((48, 192), (48, 192), (64, 256), (64, 256)),
)


class Fire(nn.Module):
    """1x1 convolutions that narrow, then 1x1 and 3x3 ones side by side.  The paper's figure 1."""

    def __init__(
        self,
        inplanes: int,
        squeeze_planes: int,
        expand_planes: int,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        draw = generator
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, 1, generator=draw)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand_planes, 1, generator=draw)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand_planes, 3, padding=1, generator=draw)

    def forward(self, x: Tensor) -> Tensor:
        """Twice `expand_planes` channels of the same size."""
        x = self.squeeze(x, activation="relu")
        wide = [layer(x, activation="relu") for layer in (self.expand1x1, self.expand3x3)]
        return cat(wide, 1)


class SqueezeNet(nn.Module):
    """Fire modules and a convolution for the scores.  (N, C, H, W) -> (N, classes).

    Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model
    size", 2016, arXiv:1602.07360, in the authors' version 1.1, which needs 2.4 times less work; made
    by `squeezenet1_1`, which says what the arguments are. State names are torchvision's.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        dropout: float = 0.5,
        in_channels: int = 3,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        width_mult: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("squeezenet", num_classes=num_classes, in_channels=in_channels)
        check_choice("squeezenet", "stem", stem, STEMS)
        check_factor("squeezenet", "width_mult", width_mult)
        draw = generator(seed)
        first = scaled(64, width_mult)
        self.in_channels = in_channels
        small = stem == "cifar"
        self.least = 11 if small else 17
        layers: list[nn.Module] = [
            nn.Conv2d(in_channels, first, 3, 1 if small else 2, generator=draw),
            nn.ReLU(inplace=True),
        ]
        channels = first
        for fires in FIRES:
            layers.append(nn.MaxPool2d(3, stride=2, ceil_mode=True))
            for squeeze, expand in fires:
                narrow, wide = scaled(squeeze, width_mult), scaled(expand, width_mult)
                layers.append(Fire(channels, narrow, wide, generator=draw))
                channels = 2 * wide
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout, generator=draw),
            nn.Conv2d(channels, num_classes, 1, generator=draw),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d((1, 1)),
        )
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                init.kaiming_uniform_(module.weight, generator=draw)
                if module.bias is not None:
                    init.zeros_(module.bias)
        init.normal_(self.classifier[1].weight, 0.0, 0.01, draw)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax; none is below 0."""
        check_images(x, "squeezenet", self.in_channels, self.least)
        scores: Tensor = self.classifier(self.features(x)).flatten(1)
        return scores


def squeezenet1_1(
    *,
    num_classes: int = 1000,
    dropout: float = 0.5,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> SqueezeNet:
    """SqueezeNet 1.1, 1.2 million parameters.

    Args:
        num_classes: how many scores come out.
        dropout: probability of a zero before the last convolution.
        in_channels: 1 for grey images, 3 for colour.
        stem: "imagenet"; or "cifar", whose first convolution has stride 1, for images of 28 to 64
            pixels. The state is the same.
        width_mult: factor of all channel counts, which are rounded to multiples of 8.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> model = models.squeezenet1_1(num_classes=10, seed=0).eval()
        >>> model(Tensor(np.zeros((2, 3, 64, 64)))).shape
        (2, 10)
    """
    return SqueezeNet(num_classes, dropout, in_channels, stem, width_mult, seed)
