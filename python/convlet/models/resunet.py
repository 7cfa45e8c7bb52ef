"""A U-Net with a residual encoder, which looks at every second pixel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convlet import nn
from convlet.joining import cat
from convlet.models._layers import (
    check_counts,
    check_factor,
    check_images,
    conv_block,
    generator,
    initialise,
)
from convlet.models.resnet_blocks import BasicBlock, halving_stage
from convlet.nn import functional as F
from convlet.nn.fusion import run

if TYPE_CHECKING:
    from convlet.tensor import Tensor

__all__ = ["ResUNet", "resunet"]

_RARE = 0.02  # how probable each class but the first is at each pixel before training


class ResUNet(nn.Module):
    """A residual encoder, a decoder, and bridges.  (N, C, H, W) -> (N, classes, H, W).

    The U of Ronneberger, Fischer and Brox 2015, arXiv:1505.04597, with three changes that let it
    learn in a fraction of the time: the first convolution has stride 2 and the encoder is made of
    the basic blocks of He et al. 2015, arXiv:1512.03385; the decoder ends at every second pixel,
    with the scores of four pixels in each place (Shi et al. 2016, arXiv:1609.05158); and scores of
    every eighth pixel are added to them (Long, Shelhamer and Darrell 2014, arXiv:1411.4038), through
    which the encoder learns what is there before the decoder has learned where it ends. Made by
    `resunet`, which says what the arguments are.

    Before training each pixel is most probably of class 0, the background, as all classes were of
    objects in Lin et al. 2017, arXiv:1708.02002, section 4.1.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1,
        base_channels: int = 24,
        dropout: float = 0.0,
        width_mult: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts(
            "resunet", in_channels=in_channels, num_classes=num_classes, base_channels=base_channels
        )
        check_factor("resunet", "width_mult", width_mult)
        draw = generator(seed)
        c = max(1, round(base_channels * width_mult))
        self.in_channels = in_channels
        self.stem = conv_block(in_channels, c, 3, 2, draw=draw)
        self.layer1 = BasicBlock(c, c, generator=draw)
        self.layer2 = halving_stage(c, 2 * c, draw)
        self.layer3 = halving_stage(2 * c, 4 * c, draw)
        self.layer4 = halving_stage(4 * c, 6 * c, draw)
        self.dropout = nn.Dropout(dropout, generator=draw)
        self.up3 = conv_block(6 * c, 3 * c, 1, draw=draw)
        self.decoder3 = conv_block(3 * c + 4 * c, 3 * c, 3, draw=draw)
        self.up2 = conv_block(3 * c, 2 * c, 1, draw=draw)
        self.decoder2 = conv_block(2 * c + 2 * c, 2 * c, 3, draw=draw)
        self.up1 = conv_block(2 * c, c, 1, draw=draw)
        self.decoder1 = conv_block(c + c, c, 3, draw=draw)
        self.coarse = nn.Conv2d(3 * c, num_classes, 1, generator=draw)
        self.fine = nn.Conv2d(c, 4 * num_classes, 3, padding=1, generator=draw)
        initialise(self, draw)
        for scores in (self.coarse, self.fine):
            nn.init.normal_(scores.weight, 0.0, 0.01, draw)
        assert self.coarse.bias is not None
        nn.init.constant_(self.coarse.bias, -math.log(1 / _RARE - 1))
        self.coarse.bias.data[: num_classes > 1] = 0.0

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class at each pixel, before softmax or sigmoid."""
        check_images(x, "resunet", self.in_channels, 16)
        height, width = x.shape[2:]
        first: Tensor = self.layer1(run(self.stem, x))
        second: Tensor = self.layer2(first)
        third: Tensor = self.layer3(second)
        y = self.dropout(self.layer4(third))
        y = self.decoder3(_bridge(self.up3(y), third))
        coarse = F.interpolate(self.coarse(y), (height, width), mode="bilinear")
        y = self.decoder2(_bridge(self.up2(y), second))
        y = self.decoder1(_bridge(self.up1(y), first))
        fine = F.pixel_shuffle(self.fine(y), 2)
        if fine.shape[2:] != (height, width):  # an odd side was rounded up
            fine = fine[:, :, :height, :width]
        return fine + coarse


def _bridge(y: Tensor, skip: Tensor) -> Tensor:
    """The decoder's image in the size of the encoder's, and the encoder's."""
    return cat((F.interpolate(y, skip.shape[2:]), skip), 1)


def resunet(
    in_channels: int = 3,
    num_classes: int = 1,
    base_channels: int = 24,
    *,
    dropout: float = 0.0,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> ResUNet:
    """A U-Net with a residual encoder: the quick one to train.

    Args:
        in_channels: 1 for grey images, 3 for colour.
        num_classes: how many scores each pixel gets; 0 is the background where there is one.
        base_channels: channels of the first level; those below have 2, 4 and 6 times as many.
        dropout: probability of a zero at the end of the encoder.
        width_mult: factor of `base_channels`, by the name that the other networks have for it.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> model = models.resunet(in_channels=1, num_classes=2, base_channels=4, seed=0).eval()
        >>> model(Tensor(np.zeros((1, 1, 50, 35)))).shape
        (1, 2, 50, 35)
    """
    return ResUNet(in_channels, num_classes, base_channels, dropout, width_mult, seed)
