"""ShuffleNetV2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from convlet import nn
from convlet.autograd import record
from convlet.models._layers import (
    STEMS,
    check_choice,
    check_counts,
    check_factor,
    check_images,
    conv_block,
    generator,
    scaled,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["ShuffleNetV2", "ShuffleUnit", "shufflenet_v2_x0_5", "shufflenet_v2_x1_0"]

REPEATS = (4, 8, 4)


class ShuffleUnit(nn.Module):
    """Half of the channels filtered, half kept; then both are dealt out in turn.  The paper's figure 3.

    With a stride, all channels go both ways.
    """

    def __init__(
        self, inp: int, oup: int, stride: int, *, generator: Generator | None = None
    ) -> None:
        """Make the layers."""
        super().__init__()
        half, draw = oup // 2, generator
        self.stride = stride
        self.branch1 = nn.Sequential()
        if stride > 1:
            self.branch1 = nn.Sequential(
                *conv_block(inp, inp, 3, stride, inp, None, draw=draw),
                *conv_block(inp, half, 1, draw=draw),
            )
        self.branch2 = nn.Sequential(
            *conv_block(inp if stride > 1 else half, half, 1, draw=draw),
            *conv_block(half, half, 3, stride, half, None, draw=draw),
            *conv_block(half, half, 1, draw=draw),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape, up to the stride and `oup`."""
        if self.stride > 1:
            return _alternate(self.branch1(x), self.branch2(x))
        half = x.shape[1] // 2
        return _alternate(x[:, :half], self.branch2(x[:, half:]))


class ShuffleNetV2(nn.Module):
    """Split, filter and shuffle channels.  (N, C, H, W) -> (N, classes), any size.

    Ma et al., "ShuffleNet V2: practical guidelines for efficient CNN architecture design", 2018,
    arXiv:1807.11164, table 5; made by `shufflenet_v2_x1_0` and its kin, which say what the arguments
    are. State names are torchvision's.
    """

    def __init__(
        self,
        stages_repeats: Sequence[int],
        stages_out_channels: Sequence[int],
        num_classes: int = 1000,
        in_channels: int = 3,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        dropout: float = 0.0,
        width_mult: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("shufflenet_v2", num_classes=num_classes, in_channels=in_channels)
        check_choice("shufflenet_v2", "stem", stem, STEMS)
        check_factor("shufflenet_v2", "width_mult", width_mult)
        draw = generator(seed)
        small = stem == "cifar"
        self.in_channels = in_channels
        channels, *widths, last = stages_out_channels
        self.conv1 = conv_block(in_channels, channels, 3, 1 if small else 2, draw=draw)
        self.maxpool = None if small else nn.MaxPool2d(3, stride=2, padding=1)
        for index, (repeats, usual) in enumerate(zip(stages_repeats, widths, strict=True), 2):
            width = scaled(usual, width_mult)
            units = [ShuffleUnit(channels, width, 2, generator=draw)]
            units += [ShuffleUnit(width, width, 1, generator=draw) for _ in range(repeats - 1)]
            self.add_module(f"stage{index}", nn.Sequential(*units))
            channels = width
        self.conv5 = conv_block(channels, last, 1, draw=draw)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout, generator=draw)
        self.fc = nn.Linear(last, num_classes, generator=draw)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax."""
        check_images(x, "shufflenet_v2", self.in_channels, 1)
        x = self.conv1(x)
        if self.maxpool is not None:
            x = self.maxpool(x)
        x = self.conv5(self.stage4(self.stage3(self.stage2(x))))
        scores: Tensor = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return scores


def _alternate(a: Tensor, b: Tensor) -> Tensor:
    """Channels of both in turn: joined, and shuffled in two groups."""
    n, c, h, w = a.shape
    y = np.empty((n, h, w, 2 * c), np.float32).transpose(0, 3, 1, 2)
    y[:, ::2], y[:, 1::2] = a.data, b.data
    return record(y, (a, b), lambda dy: (dy[:, ::2], dy[:, 1::2]))


def shufflenet_v2_x1_0(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    dropout: float = 0.0,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> ShuffleNetV2:
    """ShuffleNetV2 of the usual width, 2.3 million parameters.

    Args:
        num_classes: how many scores come out.
        in_channels: 1 for grey images, 3 for colour.
        stem: "imagenet"; or "cifar", without stride in the first convolution and without pooling
            after it, for images of 28 to 64 pixels. The state is the same.
        dropout: probability of a zero before the linear layer.
        width_mult: factor of the three stages' channel counts, which are rounded to multiples of 8;
            the first and the last width stay, as in the paper's table 5.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> model = models.shufflenet_v2_x1_0(num_classes=10, seed=0).eval()
        >>> model(Tensor(np.zeros((2, 3, 64, 64)))).shape
        (2, 10)
    """
    widths = (24, 116, 232, 464, 1024)
    return ShuffleNetV2(REPEATS, widths, num_classes, in_channels, stem, dropout, width_mult, seed)


def shufflenet_v2_x0_5(
    *,
    num_classes: int = 1000,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    dropout: float = 0.0,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> ShuffleNetV2:
    """ShuffleNetV2 of half the width.  Arguments and errors are those of `shufflenet_v2_x1_0`."""
    widths = (24, 48, 96, 192, 1024)
    return ShuffleNetV2(REPEATS, widths, num_classes, in_channels, stem, dropout, width_mult, seed)
