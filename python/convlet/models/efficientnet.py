"""EfficientNet-Lite0."""

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
    rounded,
)
from convlet.nn import functional as F
from convlet.nn.fusion import Step, chain

if TYPE_CHECKING:
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["EfficientNetLite", "efficientnet_lite0"]

# Expansion, channels, repeats, stride and kernel of each stage: EfficientNet-B0's, table 1.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
EPS, MOMENTUM = 1e-3, 0.01  # TensorFlow's, as the weights were trained with


class _Separable(nn.Module):
    """Filter each channel alone, then mix.  The first stage's block."""

    def __init__(self, channels: int, out: int, stride: int, kernel: int, draw: Generator | None):
        super().__init__()
        self.conv_dw = _conv(channels, channels, kernel, stride, channels, draw)
        self.bn1 = nn.BatchNorm2d(channels, EPS, MOMENTUM)
        self.conv_pw = _conv(channels, out, 1, 1, 1, draw)
        self.bn2 = nn.BatchNorm2d(out, EPS, MOMENTUM)
        self.has_skip = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        steps = step(self.conv_dw, self.bn1, x), Step(self.conv_pw, self.bn2)
        return chain(steps, x, x if self.has_skip else None)


class _Inverted(nn.Module):
    """Widen, filter each channel alone, narrow; what came in is added where shapes allow it."""

    def __init__(
        self,
        channels: int,
        out: int,
        stride: int,
        kernel: int,
        expansion: int,
        draw: Generator | None,
    ) -> None:
        super().__init__()
        hidden = channels * expansion
        self.conv_pw = _conv(channels, hidden, 1, 1, 1, draw)
        self.bn1 = nn.BatchNorm2d(hidden, EPS, MOMENTUM)
        self.conv_dw = _conv(hidden, hidden, kernel, stride, hidden, draw)
        self.bn2 = nn.BatchNorm2d(hidden, EPS, MOMENTUM)
        self.conv_pwl = _conv(hidden, out, 1, 1, 1, draw)
        self.bn3 = nn.BatchNorm2d(out, EPS, MOMENTUM)
        self.has_skip = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        steps = (
            step(self.conv_pw, self.bn1, x),
            step(self.conv_dw, self.bn2, x),
            Step(self.conv_pwl, self.bn3),
        )
        return chain(steps, x, x if self.has_skip else None)


class EfficientNetLite(nn.Module):
    """EfficientNet without squeeze and excitation, with ReLU6.  (N, C, H, W) -> (N, classes), any size.

    Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019,
    arXiv:1905.11946, in the authors' Lite version for mobile processors; made by
    `efficientnet_lite0`, which says what the arguments are. State names are those of timm's
    `tf_efficientnet_lite0`. Steps of stride 2 pad as TensorFlow does, for which the weights were
    trained.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        dropout: float = 0.2,
        in_channels: int = 3,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("efficientnet_lite0", num_classes=num_classes, in_channels=in_channels)
        check_factor("efficientnet_lite0", "width_mult", width_mult)
        check_choice("efficientnet_lite0", "stem", stem, STEMS)
        draw = generator(seed)
        small = stem == "cifar"
        self.in_channels = in_channels
        channels = 32  # the Lite versions keep the first and the last width
        self.conv_stem = _conv(in_channels, channels, 3, 1 if small else 2, 1, draw)
        self.bn1 = nn.BatchNorm2d(channels, EPS, MOMENTUM)
        stages = []
        for index, (expansion, width, repeats, stride, kernel) in enumerate(STAGES):
            out, blocks = rounded(width * width_mult), []
            for i in range(repeats):
                step = stride if i == 0 and not (small and index == 1) else 1
                blocks.append(
                    _Separable(channels, out, step, kernel, draw)
                    if expansion == 1
                    else _Inverted(channels, out, step, kernel, expansion, draw)
                )
                channels = out
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.conv_head = _conv(channels, 1280, 1, 1, 1, draw)
        self.bn2 = nn.BatchNorm2d(1280, EPS, MOMENTUM)
        self.dropout = nn.Dropout(dropout, generator=draw)
        self.classifier = nn.Linear(1280, num_classes, generator=draw)
        initialise(self, draw, linear_std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax."""
        check_images(x, "efficientnet_lite0", self.in_channels, 1)
        y = self.blocks(chain([step(self.conv_stem, self.bn1, x)], x))
        y = chain([step(self.conv_head, self.bn2, y)], y)
        y = F.adaptive_avg_pool2d(y, 1).flatten(1)
        scores: Tensor = self.classifier(self.dropout(y))
        return scores


def _conv(
    channels: int, out: int, kernel: int, stride: int, groups: int, draw: Generator | None
) -> nn.Conv2d:
    """A convolution; with a stride its padding depends on the image, and `step` adds it."""
    border = kernel // 2 if stride == 1 else 0
    return nn.Conv2d(
        channels, out, kernel, stride, border, groups=groups, bias=False, generator=draw
    )


def step(conv: nn.Conv2d, norm: nn.BatchNorm2d, x: Tensor) -> Step:
    """Convolution of images of x's size, normalisation, ReLU6.

    It leaves ceil(size / stride) pixels, the odd zero at the end.
    """
    if conv.stride == (1, 1):
        return Step(conv, norm, "relu6")
    sides = zip(x.shape[2:], conv.kernel_size, conv.stride, strict=True)
    zeros = [max(0, (-(-size // step) - 1) * step + kernel - size) for size, kernel, step in sides]
    padding = [n // 2 for n in zeros] + [n - n // 2 for n in zeros]
    return Step(conv, norm, "relu6", padding)


def efficientnet_lite0(
    *,
    num_classes: int = 1000,
    width_mult: float = 1.0,
    dropout: float = 0.2,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    seed: int | None = None,
) -> EfficientNetLite:
    """EfficientNet-Lite0, of which published ImageNet weights come in an installable package.

    Args:
        num_classes: how many scores come out.
        width_mult: factor of the stages' channel counts, which stay multiples of 8.
        dropout: probability of a zero before the linear layer.
        in_channels: 1 for grey images, 3 for colour.
        stem: "imagenet"; or "cifar", whose first two steps of stride 2 have stride 1, for images of
            28 to 64 pixels. The state is the same.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> model = models.efficientnet_lite0(num_classes=10, width_mult=0.5, seed=0).eval()
        >>> model(Tensor(np.zeros((2, 3, 64, 64)))).shape
        (2, 10)
    """
    return EfficientNetLite(num_classes, width_mult, dropout, in_channels, stem, seed)
