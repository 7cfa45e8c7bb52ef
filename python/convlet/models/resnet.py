"""Residual networks."""

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
    scaled,
)
from convlet.models.resnet_blocks import BasicBlock, Bottleneck
from convlet.nn.fusion import conv_norm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = [
    "ResNet",
    "resnet18",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
    "resnext50_32x4d",
]


class ResNet(nn.Module):
    """A residual network.  (N, C, H, W) -> (N, classes), for images of any size.

    He et al., "Deep residual learning for image recognition", 2015, arXiv:1512.03385, table 1; made
    by `resnet18` and its kin, which say what the arguments are. State names are torchvision's.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        in_channels: int = 3,
        dropout: float = 0.0,
        width_mult: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_choice("resnet", "stem", stem, STEMS)
        check_counts(
            "resnet",
            num_classes=num_classes,
            groups=groups,
            width_per_group=width_per_group,
            in_channels=in_channels,
        )
        dilate = replace_stride_with_dilation or (False, False, False)
        if not (isinstance(dilate, (tuple, list)) and [type(d) for d in dilate] == [bool] * 3):
            raise ValueError(
                "resnet: replace_stride_with_dilation must be 3 truth values, "
                f"got {replace_stride_with_dilation!r}"
            )
        check_factor("resnet", "width_mult", width_mult)
        draw = generator(seed)
        widths = [scaled(planes, width_mult) for planes in (64, 128, 256, 512)]
        small = stem == "cifar"
        self.in_channels = in_channels
        self.conv1 = nn.Conv2d(
            in_channels,
            widths[0],
            kernel_size=3 if small else 7,
            stride=1 if small else 2,
            padding=1 if small else 3,
            bias=False,
            generator=draw,
        )
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.maxpool = None if small else nn.MaxPool2d(3, stride=2, padding=1)
        make = _Stages(block, widths[0], groups, width_per_group, draw)
        self.layer1 = make(widths[0], layers[0], 1, False)
        self.layer2 = make(widths[1], layers[1], 2, dilate[0])
        self.layer3 = make(widths[2], layers[2], 2, dilate[1])
        self.layer4 = make(widths[3], layers[3], 2, dilate[2])
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(dropout, generator=draw)
        self.fc = nn.Linear(widths[-1] * block.expansion, num_classes, generator=draw)
        initialise(self, draw)
        if zero_init_residual:
            last = "bn2.weight" if block is BasicBlock else "bn3.weight"
            for name, parameter in self.named_parameters():
                if name.startswith("layer") and name.endswith(last):
                    nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax."""
        check_images(x, "resnet", self.in_channels, 1)
        x = conv_norm(self.conv1, self.bn1, x, activation="relu")
        if self.maxpool is not None:
            x = self.maxpool(x)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        scores: Tensor = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return scores


class _Stages:
    """Makes one stage after the other; remembers how wide and how dilated the last one was."""

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        inplanes: int,
        groups: int,
        base_width: int,
        draw: Generator | None,
    ) -> None:
        self.block, self.groups, self.base_width, self.draw = block, groups, base_width, draw
        self.inplanes, self.dilation = inplanes, 1

    def __call__(self, planes: int, blocks: int, stride: int, dilate: bool) -> nn.Sequential:
        before = self.dilation
        if dilate:
            self.dilation, stride = self.dilation * stride, 1
        out, downsample = planes * self.block.expansion, None
        if stride != 1 or self.inplanes != out:
            downsample = nn.Sequential(
                nn.Conv2d(self.inplanes, out, 1, stride, bias=False, generator=self.draw),
                nn.BatchNorm2d(out),
            )
        layers = [self._one(planes, stride, downsample, before)]
        self.inplanes = out
        layers += [self._one(planes, 1, None, self.dilation) for _ in range(1, blocks)]
        return nn.Sequential(*layers)

    def _one(
        self, planes: int, stride: int, downsample: nn.Sequential | None, dilation: int
    ) -> nn.Module:
        return self.block(
            self.inplanes,
            planes,
            stride,
            downsample,
            self.groups,
            self.base_width,
            dilation,
            generator=self.draw,
        )


def resnet18(
    *,
    num_classes: int = 1000,
    zero_init_residual: bool = False,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    in_channels: int = 3,
    dropout: float = 0.0,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> ResNet:
    """ResNet-18: two basic blocks in each of four stages.

    Args:
        num_classes: how many scores come out.
        zero_init_residual: whether each block starts as the identity (Goyal et al. 2017,
            arXiv:1706.02677, section 5.1).
        stem: "imagenet" starts with a 7x7 convolution of stride 2 and max pooling, as in the paper
            and in torchvision; "cifar" with a 3x3 convolution of stride 1 and no pooling, as is
            usual for images of 32 x 32 pixels. The state differs in the shape of `conv1.weight`.
        in_channels: 1 for grey images, 3 for colour.
        dropout: probability of a zero before the linear layer.
        width_mult: factor of all channel counts, which are rounded to multiples of 8.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range, or `stem` is neither of the two.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> model = models.resnet18(num_classes=10, stem="cifar", seed=0).eval()
        >>> model(Tensor(np.zeros((2, 3, 32, 32)))).shape
        (2, 10)
    """
    return ResNet(
        BasicBlock,
        (2, 2, 2, 2),
        num_classes,
        zero_init_residual,
        stem=stem,
        in_channels=in_channels,
        dropout=dropout,
        width_mult=width_mult,
        seed=seed,
    )


def resnet34(
    *,
    num_classes: int = 1000,
    zero_init_residual: bool = False,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    in_channels: int = 3,
    dropout: float = 0.0,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> ResNet:
    """ResNet-34: 3, 4, 6 and 3 basic blocks.  Arguments and errors are those of `resnet18`."""
    return ResNet(
        BasicBlock,
        (3, 4, 6, 3),
        num_classes,
        zero_init_residual,
        stem=stem,
        in_channels=in_channels,
        dropout=dropout,
        width_mult=width_mult,
        seed=seed,
    )


def resnet50(
    *,
    num_classes: int = 1000,
    zero_init_residual: bool = False,
    groups: int = 1,
    width_per_group: int = 64,
    replace_stride_with_dilation: Sequence[bool] | None = None,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    in_channels: int = 3,
    dropout: float = 0.0,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> ResNet:
    """ResNet-50: 3, 4, 6 and 3 bottlenecks.

    Args and errors are those of `resnet18`, and:

    Args:
        num_classes: how many scores come out.
        zero_init_residual: whether each block starts as the identity.
        groups: of the 3x3 convolutions; 32 with `width_per_group` 4 is ResNeXt-50 32x4d.
        width_per_group: channels of each group in the first stage; 128 is Wide ResNet-50-2.
        replace_stride_with_dilation: for stages 2, 3 and 4, whether they keep the size of the image
            and dilate instead, as networks that label each pixel want it.
        stem: "imagenet" or "cifar".
        in_channels: 1 for grey images, 3 for colour.
        dropout: probability of a zero before the linear layer.
        width_mult: factor of all channel counts, which are rounded to multiples of 8.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Example:
        >>> from convlet import models
        >>> sum(parameter.numel() for parameter in models.resnet50().parameters())
        25557032
    """
    return ResNet(
        Bottleneck,
        (3, 4, 6, 3),
        num_classes,
        zero_init_residual,
        groups,
        width_per_group,
        replace_stride_with_dilation,
        stem,
        in_channels,
        dropout,
        width_mult,
        seed,
    )


def resnext50_32x4d(
    *,
    num_classes: int = 1000,
    zero_init_residual: bool = False,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    in_channels: int = 3,
    dropout: float = 0.0,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> ResNet:
    """ResNeXt-50 32x4d: ResNet-50 whose 3x3 convolutions have 32 groups of 4 channels and more.

    Xie et al., "Aggregated residual transformations for deep neural networks", 2016,
    arXiv:1611.05431. Arguments and errors are those of `resnet18`.
    """
    return resnet50(
        num_classes=num_classes,
        zero_init_residual=zero_init_residual,
        groups=32,
        width_per_group=4,
        stem=stem,
        in_channels=in_channels,
        dropout=dropout,
        width_mult=width_mult,
        seed=seed,
    )


def resnet101(
    *,
    num_classes: int = 1000,
    zero_init_residual: bool = False,
    groups: int = 1,
    width_per_group: int = 64,
    replace_stride_with_dilation: Sequence[bool] | None = None,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    in_channels: int = 3,
    dropout: float = 0.0,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> ResNet:
    """ResNet-101: 3, 4, 23 and 3 bottlenecks.  Arguments and errors are those of `resnet50`."""
    return ResNet(
        Bottleneck,
        (3, 4, 23, 3),
        num_classes,
        zero_init_residual,
        groups,
        width_per_group,
        replace_stride_with_dilation,
        stem,
        in_channels,
        dropout,
        width_mult,
        seed,
    )


def resnet152(
    *,
    num_classes: int = 1000,
    zero_init_residual: bool = False,
    groups: int = 1,
    width_per_group: int = 64,
    replace_stride_with_dilation: Sequence[bool] | None = None,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    in_channels: int = 3,
    dropout: float = 0.0,
    width_mult: float = 1.0,
    seed: int | None = None,
) -> ResNet:
    """ResNet-152: 3, 8, 36 and 3 bottlenecks.  Arguments and errors are those of `resnet50`."""
    return ResNet(
        Bottleneck,
        (3, 8, 36, 3),
        num_classes,
        zero_init_residual,
        groups,
        width_per_group,
        replace_stride_with_dilation,
        stem,
        in_channels,
        dropout,
        width_mult,
        seed,
    )
