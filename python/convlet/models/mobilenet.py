"""MobileNetV2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

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

__all__ = ["InvertedResidual", "MobileNetV2", "mobilenet_v2"]

# Expansion t, channels c, repeats n and stride s of each stage: the paper's table 2.
SETTING = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


class InvertedResidual(nn.Module):
    """Widen, filter each channel alone, narrow; what came in is added where shapes allow it.

    The paper's figure 4(d). The addition is done in the pass of the last normalisation.
    """

    def __init__(
        self,
        inp: int,
        oup: int,
        stride: int,
        expand_ratio: int,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        hidden = inp * expand_ratio
        self.use_res_connect = stride == 1 and inp == oup
        widen = [] if expand_ratio == 1 else [_block(inp, hidden, 1, generator=generator)]
        self.conv = nn.Sequential(
            *widen,
            _block(hidden, hidden, 3, stride, groups=hidden, generator=generator),
            nn.Conv2d(hidden, oup, 1, bias=False, generator=generator),
            nn.BatchNorm2d(oup),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape, up to `stride` and `oup`."""
        y: Tensor = run(self.conv, x, residual=x if self.use_res_connect else None)
        return y


class MobileNetV2(nn.Module):
    """Inverted residuals with linear bottlenecks.  (N, C, H, W) -> (N, classes), any size.

    Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018, arXiv:1801.04381,
    table 2; made by `mobilenet_v2`, which says what the arguments are. State names are
    torchvision's.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        dropout: float = 0.2,
        in_channels: int = 3,
        seed: int | None = None,
        stem: Literal["imagenet", "cifar"] = "imagenet",
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts(
            "mobilenet_v2",
            num_classes=num_classes,
            round_nearest=round_nearest,
            in_channels=in_channels,
        )
        setting = SETTING if inverted_residual_setting is None else inverted_residual_setting
        if not _is_setting(setting):
            raise ValueError(
                "mobilenet_v2: inverted_residual_setting must be rows of 4 whole numbers above 0 "
                f"(expansion, channels, repeats, stride), got {setting!r}"
            )
        check_factor("mobilenet_v2", "width_mult", width_mult)
        check_choice("mobilenet_v2", "stem", stem, STEMS)
        draw = generator(seed)
        channels = rounded(32 * width_mult, round_nearest)
        self.in_channels = in_channels
        self.last_channel = rounded(1280 * max(1.0, width_mult), round_nearest)
        small = stem == "cifar"
        first = 1 if small else 2
        layers: list[nn.Module] = [_block(in_channels, channels, 3, first, generator=draw)]
        for stage, (expansion, width, repeats, stride) in enumerate(setting):
            out = rounded(width * width_mult, round_nearest)
            for index in range(repeats):
                step = stride if index == 0 and not (small and stage == 1) else 1
                layers.append(InvertedResidual(channels, out, step, expansion, generator=draw))
                channels = out
        layers.append(_block(channels, self.last_channel, 1, generator=draw))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout, generator=draw),
            nn.Linear(self.last_channel, num_classes, generator=draw),
        )
        initialise(self, draw, linear_std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax."""
        check_images(x, "mobilenet_v2", self.in_channels, 1)
        pooled = F.adaptive_avg_pool2d(self.features(x), 1)
        scores: Tensor = self.classifier(pooled.flatten(1))
        return scores


def _is_setting(setting: object) -> bool:
    return (
        isinstance(setting, (tuple, list))
        and len(setting) > 0
        and all(isinstance(row, (tuple, list)) and len(row) == 4 for row in setting)
        and all(type(number) is int and number > 0 for row in setting for number in row)
    )


def _block(
    channels: int,
    out: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    *,
    generator: Generator | None,
) -> nn.Sequential:
    """Convolution, batch normalisation and ReLU6."""
    return conv_block(channels, out, kernel, stride, groups, nn.ReLU6, draw=generator)


def mobilenet_v2(
    *,
    num_classes: int = 1000,
    width_mult: float = 1.0,
    inverted_residual_setting: Sequence[Sequence[int]] | None = None,
    round_nearest: int = 8,
    dropout: float = 0.2,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    seed: int | None = None,
) -> MobileNetV2:
    """MobileNetV2.

    Args:
        num_classes: how many scores come out.
        width_mult: factor of all channel counts.
        inverted_residual_setting: rows of expansion, channels, repeats and stride, one for each
            stage; the paper's table 2 when None.
        round_nearest: channel counts are multiples of this.
        dropout: probability of a zero before the linear layer.
        in_channels: 1 for grey images, 3 for colour.
        stem: "imagenet"; or "cifar", whose first convolution and second stage keep the size, for
            images of 28 to 64 pixels. The state is the same.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> model = models.mobilenet_v2(num_classes=10, width_mult=0.25, seed=0).eval()
        >>> model(Tensor(np.zeros((2, 3, 64, 64)))).shape
        (2, 10)
    """
    return MobileNetV2(
        num_classes,
        width_mult,
        inverted_residual_setting,
        round_nearest,
        dropout,
        in_channels,
        seed,
        stem,
    )
