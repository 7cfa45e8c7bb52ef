"""DeepLabV3: a class for each pixel, from what is near and what is far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from convlet import nn
from convlet.joining import cat
from convlet.models._layers import (
    check_choice,
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

__all__ = ["ASPP", "DeepLabV3", "DeepLabV3Outputs", "deeplabv3"]

RATES = (12, 24, 36)  # for maps 8 pixels apart; the paper's section 3.3


class DeepLabV3Outputs(NamedTuple):
    """What a DeepLabV3 with an auxiliary classifier gives in training."""

    out: Tensor
    aux: Tensor


class _Pooled(nn.Sequential):
    """What the whole image says, at each pixel."""

    def forward(self, input: Tensor) -> Tensor:
        y = super().forward(input)
        return F.interpolate(y, input.shape[2:], mode="bilinear", align_corners=False)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: looks of several widths at each pixel, and at the whole.

    (N, C, H, W) -> (N, out, H, W). Chen et al. 2017, arXiv:1706.05587, figure 5.

    Args:
        in_channels: C.
        rates: dilations of the 3x3 convolutions.
        out_channels: of each look, and of their combination.
        dropout: probability of a zero at the end.
        generator: of first weights and dropout.

    Example:
        >>> import numpy as np
        >>> from convlet import Tensor
        >>> ASPP(4, (2, 4), 8).eval()(Tensor(np.zeros((1, 4, 9, 7)))).shape
        (1, 8, 9, 7)
    """

    def __init__(
        self,
        in_channels: int,
        rates: tuple[int, ...] = RATES,
        out_channels: int = 256,
        dropout: float = 0.5,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        wide = [
            conv_block(in_channels, out_channels, 3, dilation=rate, draw=generator)
            for rate in rates
        ]
        pooled = conv_block(in_channels, out_channels, 1, draw=generator)
        self.convs = nn.ModuleList(
            [
                conv_block(in_channels, out_channels, 1, draw=generator),
                *wide,
                _Pooled(nn.AdaptiveAvgPool2d(1), *pooled),
            ]
        )
        self.project = nn.Sequential(
            *conv_block((len(rates) + 2) * out_channels, out_channels, 1, draw=generator),
            nn.Dropout(dropout, generator=generator),
        )

    def forward(self, x: Tensor) -> Tensor:
        """All looks, combined."""
        y: Tensor = self.project(cat([conv(x) for conv in self.convs], 1))
        return y


class DeepLabV3(nn.Module):
    """A backbone that dilates, and atrous spatial pyramid pooling.  (N, C, H, W) -> (N, K, H, W).

    Chen, Papandreou, Schroff and Adam, "Rethinking atrous convolution for semantic image
    segmentation", 2017, arXiv:1706.05587; made by `deeplabv3`, which says what the arguments are.
    State names are torchvision's.
    """

    def __init__(
        self,
        num_classes: int = 21,
        backbone: Literal["resnet50", "resnet101", "mobilenet_v3_large"] = "resnet50",
        aux_loss: bool = False,
        dropout: float = 0.5,
        in_channels: int = 3,
        width_mult: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_choice("deeplabv3", "backbone", backbone, tuple(DENSE_BACKBONES))
        check_counts("deeplabv3", num_classes=num_classes, in_channels=in_channels)
        check_factor("deeplabv3", "width_mult", width_mult)
        draw = generator(None if seed is None else seed + 1)  # other numbers than the backbone's
        self.in_channels = in_channels
        self.backbone = DENSE_BACKBONES[backbone](in_channels, width_mult, seed)
        before, last = self.backbone.widths
        wide = scaled(256, width_mult)
        self.classifier = nn.Sequential(
            ASPP(last, RATES, wide, dropout, generator=draw),
            *conv_block(wide, wide, 3, draw=draw),
            nn.Conv2d(wide, num_classes, 1, generator=draw),
        )
        self.aux_classifier: nn.Sequential | None = None
        if aux_loss:
            self.aux_classifier = nn.Sequential(
                *conv_block(before, before // 4, 3, draw=draw),
                nn.Dropout(0.1, generator=draw),
                nn.Conv2d(before // 4, num_classes, 1, generator=draw),
            )
            initialise(self.aux_classifier, draw)
        initialise(self.classifier, draw)

    def forward(self, x: Tensor) -> Tensor | DeepLabV3Outputs:
        """Scores of each class at each pixel, before softmax; in training the auxiliary ones too."""
        check_images(x, "deeplabv3", self.in_channels, 1)
        before, last = self.backbone(x)
        out = _enlarged(self.classifier(last), x)
        if not self.training or self.aux_classifier is None:
            return out
        return DeepLabV3Outputs(out, _enlarged(self.aux_classifier(before), x))


def _enlarged(scores: Tensor, x: Tensor) -> Tensor:
    return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)


def deeplabv3(
    num_classes: int = 21,
    backbone: Literal["resnet50", "resnet101", "mobilenet_v3_large"] = "resnet50",
    *,
    aux_loss: bool = False,
    dropout: float = 0.5,
    in_channels: int = 3,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> DeepLabV3:
    """DeepLabV3 on a ResNet or a MobileNetV3-Large.

    Args:
        num_classes: how many scores each pixel gets; 21 are those of Pascal VOC.
        backbone: "resnet50", "resnet101", whose last stage sees every eighth pixel, or
            "mobilenet_v3_large", every sixteenth.
        aux_loss: whether there is an auxiliary classifier on the stage before the last, whose scores
            come too in training, as a `DeepLabV3Outputs`; its weights are published with the others.
        dropout: probability of a zero after the pyramid.
        in_channels: 1 for grey images, 3 for colour.
        width_mult: factor of all channel counts, which are rounded to multiples of 8.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range, or there is no such backbone.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> model = models.deeplabv3(3, "mobilenet_v3_large", width_mult=0.25, seed=0).eval()
        >>> model(Tensor(np.zeros((1, 3, 50, 35)))).shape
        (1, 3, 50, 35)
    """
    return DeepLabV3(num_classes, backbone, aux_loss, dropout, in_channels, width_mult, seed)
