"""LR-ASPP: a class for each pixel with little work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import nn
from convlet.models._layers import (
    check_counts,
    check_factor,
    check_images,
    conv_block,
    generator,
    initialise,
    scaled,
)
from convlet.models.dense_backbones import DENSE_BACKBONES
from convlet.nn import functional as F

if TYPE_CHECKING:
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["LRASPP", "lraspp"]


class LRASPPHead(nn.Module):
    """Weigh the coarse image's channels by what its average says; add what the fine one sees."""

    def __init__(
        self,
        low_channels: int,
        high_channels: int,
        num_classes: int,
        inter_channels: int = 128,
        dropout: float = 0.0,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        self.cbr = conv_block(high_channels, inter_channels, 1, draw=generator)
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(high_channels, inter_channels, 1, bias=False, generator=generator),
            nn.Sigmoid(),
        )
        self.dropout = nn.Dropout(dropout, generator=generator)
        self.low_classifier = nn.Conv2d(low_channels, num_classes, 1, generator=generator)
        self.high_classifier = nn.Conv2d(inter_channels, num_classes, 1, generator=generator)

    def forward(self, low: Tensor, high: Tensor) -> Tensor:
        """Scores at each pixel of the fine image."""
        weighed = self.dropout(self.cbr(high) * self.scale(high))
        # Scores instead of what they are made of: the same, as both are linear, and fewer channels.
        coarse = self.high_classifier(weighed)
        enlarged = F.interpolate(coarse, low.shape[2:], mode="bilinear", align_corners=False)
        scores: Tensor = self.low_classifier(low) + enlarged
        return scores


class LRASPP(nn.Module):
    """MobileNetV3-Large and a light head on two of its layers.  (N, C, H, W) -> (N, K, H, W).

    Howard et al., "Searching for MobileNetV3", 2019, arXiv:1905.02244, section 6.4; made by
    `lraspp`, which says what the arguments are. State names are torchvision's.
    """

    def __init__(
        self,
        num_classes: int = 21,
        dropout: float = 0.0,
        in_channels: int = 3,
        width_mult: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("lraspp", num_classes=num_classes, in_channels=in_channels)
        check_factor("lraspp", "width_mult", width_mult)
        draw = generator(None if seed is None else seed + 1)  # other numbers than the backbone's
        self.in_channels = in_channels
        self.backbone = DENSE_BACKBONES["mobilenet_v3_large"](in_channels, width_mult, seed)
        low, high = self.backbone.widths
        inter = scaled(128, width_mult)
        self.classifier = LRASPPHead(low, high, num_classes, inter, dropout, generator=draw)
        initialise(self.classifier, draw)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class at each pixel, before softmax."""
        check_images(x, "lraspp", self.in_channels, 1)
        scores = self.classifier(*self.backbone(x))
        return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)


def lraspp(
    num_classes: int = 21,
    *,
    dropout: float = 0.0,
    in_channels: int = 3,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> LRASPP:
    """LR-ASPP on a MobileNetV3-Large.

    Args:
        num_classes: how many scores each pixel gets; 21 are those of Pascal VOC.
        dropout: probability of a zero before the last layer of the coarse image.
        in_channels: 1 for grey images, 3 for colour.
        width_mult: factor of all channel counts, which are rounded to multiples of 8.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> sum(parameter.numel() for parameter in models.lraspp().parameters())
        3221538
        >>> model = models.lraspp(3, width_mult=0.25, seed=0).eval()
        >>> model(Tensor(np.zeros((1, 3, 50, 35)))).shape
        (1, 3, 50, 35)
    """
    return LRASPP(num_classes, dropout, in_channels, width_mult, seed)
