"""MobileNetV3."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

from convlet import nn
from convlet.models._layers import (
    STEMS,
    check_choice,
    check_counts,
    check_factor,
    check_images,
    conv_block,
    generator,
    initialise,
    rounded,
)
from convlet.nn import functional as F
from convlet.nn.fusion import run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = [
    "InvertedResidualV3",
    "MobileNetV3",
    "SqueezeExcitation",
    "mobilenet_v3_large",
    "mobilenet_v3_small",
]


class Row(NamedTuple):
    """One block: kernel, expanded channels, channels, squeeze, activation, stride, dilation."""

    kernel: int
    expanded: int
    out: int
    squeeze: bool
    activation: type[nn.Module]
    stride: int
    dilation: int = 1


RE, HS = nn.ReLU, nn.Hardswish

# The paper's tables 1 and 2.
LARGE = tuple(
    Row(*row)
    for row in (
        (3, 16, 16, False, RE, 1),
        (3, 64, 24, False, RE, 2),
        (3, 72, 24, False, RE, 1),
        (5, 72, 40, True, RE, 2),
        (5, 120, 40, True, RE, 1),
        (5, 120, 40, True, RE, 1),
        (3, 240, 80, False, HS, 2),
        (3, 200, 80, False, HS, 1),
        (3, 184, 80, False, HS, 1),
        (3, 184, 80, False, HS, 1),
        (3, 480, 112, True, HS, 1),
        (3, 672, 112, True, HS, 1),
        (5, 672, 160, True, HS, 2),
        (5, 960, 160, True, HS, 1),
        (5, 960, 160, True, HS, 1),
    )
)
SMALL = tuple(
    Row(*row)
    for row in (
        (3, 16, 16, True, RE, 2),
        (3, 72, 24, False, RE, 2),
        (3, 88, 24, False, RE, 1),
        (5, 96, 40, True, HS, 2),
        (5, 240, 40, True, HS, 1),
        (5, 240, 40, True, HS, 1),
        (5, 120, 48, True, HS, 1),
        (5, 144, 48, True, HS, 1),
        (5, 288, 96, True, HS, 2),
        (5, 576, 96, True, HS, 1),
        (5, 576, 96, True, HS, 1),
    )
)

_block = partial(conv_block, eps=1e-3, momentum=0.01)


class SqueezeExcitation(nn.Module):
    """Weigh each channel by what the averages of all channels say.  (N, C, H, W) -> the same.

    Hu, Shen and Sun, "Squeeze-and-excitation networks", 2017, arXiv:1709.01507, figure 2, with the
    hard sigmoid of MobileNetV3.
    """

    def __init__(
        self, input_channels: int, squeeze_channels: int, *, generator: Generator | None = None
    ) -> None:
        """Make the layers."""
        super().__init__()
        self.fc1 = nn.Conv2d(input_channels, squeeze_channels, 1, generator=generator)
        self.fc2 = nn.Conv2d(squeeze_channels, input_channels, 1, generator=generator)

    def forward(self, x: Tensor) -> Tensor:
        """The input, weighed."""
        averages = self.fc1(F.adaptive_avg_pool2d(x, 1), activation="relu")
        weighed: Tensor = x * F.hardsigmoid(self.fc2(averages))
        return weighed


class InvertedResidualV3(nn.Module):
    """Widen, filter each channel alone, weigh, narrow; what came in is added where shapes allow it.

    The paper's figure 4. The addition is done in the pass of the last normalisation.
    """

    def __init__(self, channels: int, row: Row, *, generator: Generator | None = None) -> None:
        """Make the layers."""
        super().__init__()
        kernel, expanded, out, squeeze, activation, stride, dilation = row
        self.use_res_connect = stride == 1 and channels == out
        layers: list[nn.Module] = []
        if expanded != channels:
            layers.append(_block(channels, expanded, 1, activation=activation, draw=generator))
        layers.append(
            _block(
                *(expanded, expanded, kernel, stride, expanded, activation),
                dilation=dilation,
                draw=generator,
            )
        )
        if squeeze:
            layers.append(SqueezeExcitation(expanded, rounded(expanded // 4), generator=generator))
        layers.append(_block(expanded, out, 1, activation=None, draw=generator))
        self.block = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape, up to the stride and the channels."""
        y: Tensor = run(self.block, x, residual=x if self.use_res_connect else None)
        return y


class MobileNetV3(nn.Module):
    """Inverted residuals with squeeze and excitation.  (N, C, H, W) -> (N, classes), any size.

    Howard et al., "Searching for MobileNetV3", 2019, arXiv:1905.02244, tables 1 and 2; made by
    `mobilenet_v3_large` and `mobilenet_v3_small`, which say what the arguments are. State names are
    torchvision's.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        last_channel: int,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        dropout: float = 0.2,
        in_channels: int = 3,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        seed: int | None = None,
        dilated: bool = False,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("mobilenet_v3", num_classes=num_classes, in_channels=in_channels)
        check_factor("mobilenet_v3", "width_mult", width_mult)
        check_choice("mobilenet_v3", "stem", stem, STEMS)
        draw = generator(seed)
        self.in_channels = in_channels
        small = stem == "cifar"
        channels = rounded(16 * width_mult)
        first = 1 if small else 2
        layers: list[nn.Module] = [
            _block(in_channels, channels, 3, first, activation=HS, draw=draw)
        ]
        strided = [index for index, row in enumerate(rows) if row.stride == 2]
        for index, row in enumerate(rows):
            dilate = dilated and index >= strided[-1]
            kept = dilate or (small and index == strided[0])
            wide = row._replace(
                expanded=rounded(row.expanded * width_mult),
                out=rounded(row.out * width_mult),
                stride=1 if kept else row.stride,
                dilation=2 if dilate else 1,
            )
            layers.append(InvertedResidualV3(channels, wide, generator=draw))
            channels = wide.out
        layers.append(_block(channels, 6 * channels, 1, activation=HS, draw=draw))
        last = rounded(last_channel * width_mult)
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * channels, last, generator=draw),
            nn.Hardswish(inplace=True),
            nn.Dropout(dropout, inplace=True, generator=draw),
            nn.Linear(last, num_classes, generator=draw),
        )
        initialise(self, draw, linear_std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax."""
        check_images(x, "mobilenet_v3", self.in_channels, 1)
        scores: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return scores


def mobilenet_v3_large(
    *,
    num_classes: int = 1000,
    width_mult: float = 1.0,
    dropout: float = 0.2,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    seed: int | None = None,
    dilated: bool = False,
) -> MobileNetV3:
    """MobileNetV3-Large: 15 blocks.

    Args:
        num_classes: how many scores come out.
        width_mult: factor of all channel counts, which stay multiples of 8.
        dropout: probability of a zero before the last linear layer.
        in_channels: 1 for grey images, 3 for colour.
        stem: "imagenet"; or "cifar", whose first two steps of stride 2 have stride 1, for images of
            28 to 64 pixels. The state is the same.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.
        dilated: whether the last three blocks keep the size of the image and dilate instead, as
            networks that label each pixel want it.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> model = models.mobilenet_v3_large(num_classes=10, width_mult=0.5, seed=0).eval()
        >>> model(Tensor(np.zeros((2, 3, 64, 64)))).shape
        (2, 10)
    """
    return MobileNetV3(
        LARGE, 1280, num_classes, width_mult, dropout, in_channels, stem, seed, dilated
    )


def mobilenet_v3_small(
    *,
    num_classes: int = 1000,
    width_mult: float = 1.0,
    dropout: float = 0.2,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    seed: int | None = None,
) -> MobileNetV3:
    """MobileNetV3-Small: 11 blocks.  Arguments and errors are those of `mobilenet_v3_large`."""
    return MobileNetV3(SMALL, 1024, num_classes, width_mult, dropout, in_channels, stem, seed)
