"""GoogLeNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

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
from convlet.nn import functional as F
from convlet.nn import init
from convlet.nn.fusion import conv_norm

if TYPE_CHECKING:
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["GoogLeNet", "GoogLeNetOutputs", "Inception", "googlenet"]

# Channels: 1x1, narrow and 3x3, narrow and "5x5", after pooling.  The paper's table 1.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}
# What turns images normalised as torchvision's into those that the published weights know.
SCALE = np.array([0.229, 0.224, 0.225], np.float32).reshape(3, 1, 1) / np.float32(0.5)
SHIFT = (np.array([0.485, 0.456, 0.406], np.float32).reshape(3, 1, 1) - 0.5) / np.float32(0.5)


class GoogLeNetOutputs(NamedTuple):
    """What a GoogLeNet with auxiliary classifiers gives in training."""

    logits: Tensor
    aux_logits2: Tensor
    aux_logits1: Tensor


class BasicConv2d(nn.Module):
    """Convolution, batch normalisation, ReLU."""

    def __init__(
        self,
        channels: int,
        out: int,
        kernel: int,
        stride: int,
        padding: int,
        draw: Generator | None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, padding, bias=False, generator=draw)
        self.bn = nn.BatchNorm2d(out, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """Filter."""
        return conv_norm(self.conv, self.bn, x, activation="relu")


class Inception(nn.Module):
    """Four ways side by side: 1x1, 3x3, 3x3 and pooling.  The paper's figure 2(b).

    The third has 3x3 convolutions where the paper has 5x5 ones, as in torchvision, whose weights are
    published.
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        draw = generator
        self.branch1 = BasicConv2d(in_channels, ch1x1, 1, 1, 0, draw)
        self.branch2 = nn.Sequential(
            BasicConv2d(in_channels, ch3x3red, 1, 1, 0, draw),
            BasicConv2d(ch3x3red, ch3x3, 3, 1, 1, draw),
        )
        self.branch3 = nn.Sequential(
            BasicConv2d(in_channels, ch5x5red, 1, 1, 0, draw),
            BasicConv2d(ch5x5red, ch5x5, 3, 1, 1, draw),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1, ceil_mode=True),
            BasicConv2d(in_channels, pool_proj, 1, 1, 0, draw),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The channels of all four."""
        return cat((self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)), 1)


class _Auxiliary(nn.Module):
    """Scores from the middle of the network, which in training bring gradients there."""

    def __init__(self, channels: int, num_classes: int, dropout: float, draw: Generator | None):
        super().__init__()
        self.conv = BasicConv2d(channels, 128, 1, 1, 0, draw)
        self.fc1 = nn.Linear(2048, 1024, generator=draw)
        self.fc2 = nn.Linear(1024, num_classes, generator=draw)
        self.dropout = nn.Dropout(dropout, generator=draw)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(F.adaptive_avg_pool2d(x, (4, 4))).flatten(1)
        scores: Tensor = self.fc2(self.dropout(F.relu(self.fc1(y))))
        return scores


class GoogLeNet(nn.Module):
    """Inception modules.  (N, C, H, W) -> (N, classes).

    Szegedy et al., "Going deeper with convolutions", 2014, arXiv:1409.4842, table 1, with batch
    normalisation; made by `googlenet`, which says what the arguments are. State names are
    torchvision's.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = False,
        transform_input: bool = False,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
        in_channels: int = 3,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        width_mult: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("googlenet", num_classes=num_classes, in_channels=in_channels)
        check_choice("googlenet", "stem", stem, STEMS)
        check_factor("googlenet", "width_mult", width_mult)
        if transform_input and in_channels != 3:
            raise ValueError("googlenet: transform_input needs in_channels 3")
        draw = generator(seed)
        small = stem == "cifar"
        self.in_channels, self.transform_input = in_channels, transform_input
        self.least = 8 if small else 15
        shape = (3, 1, 1) if small else (7, 2, 3)
        first, channels = scaled(64, width_mult), scaled(192, width_mult)
        self.conv1 = BasicConv2d(in_channels, first, *shape, draw)
        self.maxpool1 = None if small else nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = BasicConv2d(first, first, 1, 1, 0, draw)
        self.conv3 = BasicConv2d(first, channels, 3, 1, 1, draw)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        after: dict[str, int] = {}
        for name, usual in INCEPTIONS.items():
            widths = [scaled(width, width_mult) for width in usual]
            self.add_module(f"inception{name}", Inception(channels, *widths, generator=draw))
            channels = after[name] = widths[0] + widths[2] + widths[4] + widths[5]
            if name == "3b":
                self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            elif name == "4e":
                self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.aux1 = _Auxiliary(after["4a"], num_classes, dropout_aux, draw) if aux_logits else None
        self.aux2 = _Auxiliary(after["4d"], num_classes, dropout_aux, draw) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout, generator=draw)
        self.fc = nn.Linear(channels, num_classes, generator=draw)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                init.trunc_normal_(module.weight, 0.0, 0.01, -2.0, 2.0, generator=draw)

    def forward(self, x: Tensor) -> Tensor | GoogLeNetOutputs:
        """Scores of each class, before softmax; in training those of the auxiliary ones with them."""
        check_images(x, "googlenet", self.in_channels, self.least)
        if self.transform_input:
            x = x * SCALE + SHIFT
        x = self.conv1(x)
        if self.maxpool1 is not None:
            x = self.maxpool1(x)
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.inception4a(self.maxpool3(self.inception3b(self.inception3a(x))))
        first = self.aux1(x) if self.training and self.aux1 is not None else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        second = self.aux2(x) if self.training and self.aux2 is not None else None
        x = self.inception5b(self.inception5a(self.maxpool4(self.inception4e(x))))
        scores: Tensor = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        if first is None or second is None:
            return scores
        return GoogLeNetOutputs(scores, second, first)


def googlenet(
    *,
    num_classes: int = 1000,
    aux_logits: bool = False,
    transform_input: bool = False,
    dropout: float = 0.2,
    dropout_aux: float = 0.7,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> GoogLeNet:
    """GoogLeNet: nine inception modules.

    Args:
        num_classes: how many scores come out.
        aux_logits: whether there are two auxiliary classifiers, whose scores come too in training, as
            a `GoogLeNetOutputs`; their weights are published, but not needed for scores.
        transform_input: whether images normalised by torchvision's mean and deviation are brought to
            -1 … 1, which the published weights want.
        dropout: probability of a zero before the linear layer.
        dropout_aux: the same in the auxiliary classifiers.
        in_channels: 1 for grey images, 3 for colour.
        stem: "imagenet" starts with a 7x7 convolution of stride 2 and max pooling, "cifar" with a
            3x3 one of stride 1, for images of 28 to 64 pixels; `conv1.conv.weight` differs.
        width_mult: factor of all channel counts, which are rounded to multiples of 8.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> from convlet import models
        >>> sum(parameter.numel() for parameter in models.googlenet(seed=0).parameters())
        6624904
    """
    return GoogLeNet(
        num_classes,
        aux_logits,
        transform_input,
        dropout,
        dropout_aux,
        in_channels,
        stem,
        width_mult,
        seed,
    )
