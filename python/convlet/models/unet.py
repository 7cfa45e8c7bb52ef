"""U-Net."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import nn
from convlet.joining import cat
from convlet.models._layers import (
    check_counts,
    check_factor,
    check_images,
    generator,
    initialise,
)
from convlet.nn import functional as F

if TYPE_CHECKING:
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["UNet", "unet"]


class UNet(nn.Module):
    """An encoder, a decoder and bridges between them.  (N, C, H, W) -> (N, classes, H, W).

    Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image
    segmentation", 2015, arXiv:1505.04597, figure 1, with padded convolutions so that the output has
    the size of the input, and batch normalisation (Ioffe and Szegedy 2015) after each of them; made
    by `unet`, which says what the arguments are. State names are those of the U-Net in PyTorch Hub
    (mateuszbuda/brain-segmentation-pytorch).

    Height and width are halved four times. Where a half is rounded down, the decoder's image gets a
    row or column of zeros at the bottom or the right, so any size from 16 x 16 fits.
    """

    def __init__(
        self,
        in_channels: int = 3,
        num_classes: int = 1,
        base_channels: int = 32,
        dropout: float = 0.0,
        width_mult: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts(
            "unet", in_channels=in_channels, num_classes=num_classes, base_channels=base_channels
        )
        check_factor("unet", "width_mult", width_mult)
        draw = generator(seed)
        c = max(1, round(base_channels * width_mult))
        self.in_channels = in_channels
        self.encoder1 = _block(in_channels, c, "enc1", draw)
        self.pool1 = nn.MaxPool2d(2, 2)
        self.encoder2 = _block(c, 2 * c, "enc2", draw)
        self.pool2 = nn.MaxPool2d(2, 2)
        self.encoder3 = _block(2 * c, 4 * c, "enc3", draw)
        self.pool3 = nn.MaxPool2d(2, 2)
        self.encoder4 = _block(4 * c, 8 * c, "enc4", draw)
        self.pool4 = nn.MaxPool2d(2, 2)
        self.bottleneck = _block(8 * c, 16 * c, "bottleneck", draw)
        self.dropout = nn.Dropout(dropout, generator=draw)
        self.upconv4 = nn.ConvTranspose2d(16 * c, 8 * c, 2, 2, generator=draw)
        self.decoder4 = _block(16 * c, 8 * c, "dec4", draw)
        self.upconv3 = nn.ConvTranspose2d(8 * c, 4 * c, 2, 2, generator=draw)
        self.decoder3 = _block(8 * c, 4 * c, "dec3", draw)
        self.upconv2 = nn.ConvTranspose2d(4 * c, 2 * c, 2, 2, generator=draw)
        self.decoder2 = _block(4 * c, 2 * c, "dec2", draw)
        self.upconv1 = nn.ConvTranspose2d(2 * c, c, 2, 2, generator=draw)
        self.decoder1 = _block(2 * c, c, "dec1", draw)
        self.conv = nn.Conv2d(c, num_classes, 1, generator=draw)
        initialise(self, draw)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class at each pixel, before softmax or sigmoid."""
        check_images(x, "unet", self.in_channels, 16)
        first = self.encoder1(x)
        second = self.encoder2(self.pool1(first))
        third = self.encoder3(self.pool2(second))
        fourth = self.encoder4(self.pool3(third))
        y = self.dropout(self.bottleneck(self.pool4(fourth)))
        y = self.decoder4(_bridge(self.upconv4(y), fourth))
        y = self.decoder3(_bridge(self.upconv3(y), third))
        y = self.decoder2(_bridge(self.upconv2(y), second))
        y = self.decoder1(_bridge(self.upconv1(y), first))
        scores: Tensor = self.conv(y)
        return scores


def _block(channels: int, out: int, name: str, draw: Generator | None) -> nn.Sequential:
    """Two 3x3 convolutions, each with batch normalisation and ReLU."""
    layers: dict[str, nn.Module] = {}
    for index, width in (("1", channels), ("2", out)):
        layers[f"{name}conv{index}"] = nn.Conv2d(
            width, out, 3, padding=1, bias=False, generator=draw
        )
        layers[f"{name}norm{index}"] = nn.BatchNorm2d(out)
        layers[f"{name}relu{index}"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)


def _bridge(y: Tensor, skip: Tensor) -> Tensor:
    """The decoder's image, brought to the size of the encoder's, and the encoder's."""
    below, right = skip.shape[2] - y.shape[2], skip.shape[3] - y.shape[3]
    if below or right:
        y = F.pad(y, (0, right, 0, below))
    return cat((y, skip), 1)


def unet(
    in_channels: int = 3,
    num_classes: int = 1,
    base_channels: int = 32,
    *,
    dropout: float = 0.0,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> UNet:
    """U-Net with four levels, padded convolutions and batch normalisation.

    Args:
        in_channels: 1 for grey images, 3 for colour.
        num_classes: how many scores each pixel gets.
        base_channels: channels of the first level; each level below has twice as many. The paper
            has 64.
        dropout: probability of a zero at the end of the encoder, as in the paper's section 3.1.
        width_mult: factor of `base_channels`, by the name that the other networks have for it.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> model = models.unet(in_channels=1, num_classes=2, base_channels=4, seed=0).eval()
        >>> model(Tensor(np.zeros((1, 1, 50, 35)))).shape
        (1, 2, 50, 35)
    """
    return UNet(in_channels, num_classes, base_channels, dropout, width_mult, seed)
