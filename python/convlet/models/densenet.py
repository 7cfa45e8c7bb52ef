"""DenseNet."""

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
    initialise,
    scaled,
)
from convlet.nn import functional as F
from convlet.nn.fusion import conv_norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["DenseLayer", "DenseNet", "densenet121"]


class DenseLayer(nn.Module):
    """Normalise, narrow, filter: some more channels made of all channels before.

    Section 3 of the paper, with its bottleneck; dropout as in torchvision.
    """

    def __init__(
        self,
        num_input_features: int,
        growth_rate: int,
        bn_size: int,
        drop_rate: float = 0.0,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        middle = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.conv1 = nn.Conv2d(num_input_features, middle, 1, bias=False, generator=generator)
        self.norm2 = nn.BatchNorm2d(middle)
        self.conv2 = nn.Conv2d(middle, growth_rate, 3, padding=1, bias=False, generator=generator)
        self.dropout = nn.Dropout(drop_rate, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """The new channels alone."""
        y = self.norm1(x, activation="relu")
        y = conv_norm(self.conv1, self.norm2, y, activation="relu")
        y = self.conv2(y)
        new: Tensor = self.dropout(y) if self.dropout.p else y
        return new


class _Block(nn.Module):
    """Dense layers, each of which sees what all before it made."""

    def __init__(self, layers: Sequence[DenseLayer]) -> None:
        super().__init__()
        for index, layer in enumerate(layers, 1):
            self.add_module(f"denselayer{index}", layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.children():
            x = cat((x, layer(x)), 1)
        return x


class DenseNet(nn.Module):
    """Blocks in which every layer sees all layers before it.  (N, C, H, W) -> (N, classes).

    Huang et al., "Densely connected convolutional networks", 2016, arXiv:1608.06993, table 1; made
    by `densenet121`, which says what the arguments are. State names are torchvision's.
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0.0,
        num_classes: int = 1000,
        in_channels: int = 3,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("densenet", num_classes=num_classes, in_channels=in_channels)
        check_choice("densenet", "stem", stem, STEMS)
        draw = generator(seed)
        small = stem == "cifar"
        self.in_channels = in_channels
        self.least = 8 if small else 29
        shape = (3, 1, 1) if small else (7, 2, 3)
        channels = num_init_features
        layers: dict[str, nn.Module] = {
            "conv0": nn.Conv2d(in_channels, channels, *shape, bias=False, generator=draw),
            "norm0": nn.BatchNorm2d(channels),
            "relu0": nn.ReLU(inplace=True),
        }
        if not small:
            layers["pool0"] = nn.MaxPool2d(3, stride=2, padding=1)
        for stage, count in enumerate(block_config, 1):
            dense = [
                DenseLayer(
                    channels + i * growth_rate, growth_rate, bn_size, drop_rate, generator=draw
                )
                for i in range(count)
            ]
            layers[f"denseblock{stage}"] = _Block(dense)
            channels += count * growth_rate
            if stage < len(block_config):
                layers[f"transition{stage}"] = _transition(channels, draw)
                channels //= 2
        layers["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(layers)
        self.classifier = nn.Linear(channels, num_classes, generator=draw)
        initialise(self, draw)
        if self.classifier.bias is not None:
            nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax."""
        check_images(x, "densenet", self.in_channels, self.least)
        y = F.adaptive_avg_pool2d(F.relu(self.features(x)), 1)
        scores: Tensor = self.classifier(y.flatten(1))
        return scores


def _transition(channels: int, draw: Generator | None) -> nn.Sequential:
    """Half the channels, half the size."""
    return nn.Sequential(
        {
            "norm": nn.BatchNorm2d(channels),
            "relu": nn.ReLU(inplace=True),
            "conv": nn.Conv2d(channels, channels // 2, 1, bias=False, generator=draw),
            "pool": nn.AvgPool2d(2, stride=2),
        }
    )


def densenet121(
    *,
    num_classes: int = 1000,
    drop_rate: float = 0.0,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> DenseNet:
    """DenseNet-121: blocks of 6, 12, 24 and 16 layers, each of which adds 32 channels.

    Args:
        num_classes: how many scores come out.
        drop_rate: probability of a zero after each dense layer.
        in_channels: 1 for grey images, 3 for colour.
        stem: "imagenet" starts with a 7x7 convolution of stride 2 and max pooling, "cifar" with a
            3x3 one of stride 1, for images of 28 to 64 pixels; `features.conv0.weight` differs.
        width_mult: factor of the 32 and of the 64 channels of the beginning, in multiples of 8.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> model = models.densenet121(num_classes=10, stem="cifar", seed=0).eval()
        >>> model(Tensor(np.zeros((2, 3, 32, 32)))).shape
        (2, 10)
    """
    check_factor("densenet", "width_mult", width_mult)
    return DenseNet(
        scaled(32, width_mult),
        num_init_features=scaled(64, width_mult),
        num_classes=num_classes,
        drop_rate=drop_rate,
        in_channels=in_channels,
        stem=stem,
        seed=seed,
    )
