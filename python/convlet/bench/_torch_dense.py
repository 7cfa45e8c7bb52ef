"""Networks for a class at each pixel in PyTorch's own layers, with the same names in their state.

Written from the papers for comparison only; torchvision is not needed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["LRASPP", "DeepLabV3"]


def block(channels: int, out: int, kernel: int, dilation: int = 1) -> list[nn.Module]:
    padding = kernel // 2 * dilation
    conv = nn.Conv2d(channels, out, kernel, padding=padding, dilation=dilation, bias=False)
    return [conv, nn.BatchNorm2d(out), nn.ReLU()]


def dilate(layers: Any, first: int, others: int) -> None:
    """Stride 1 in a stage; its first block dilates by `first`, the others by `others`."""
    for number, part in enumerate(layers):
        for conv in part.modules():
            if isinstance(conv, nn.Conv2d):
                conv.stride = (1, 1)
                rate = others if number else first
                side = conv.kernel_size[0] // 2 * rate
                conv.dilation, conv.padding = (rate, rate), (side, side)


class Resnet(nn.Module):
    def __init__(self, whole: Any) -> None:
        super().__init__()
        self.conv1, self.bn1, self.maxpool = whole.conv1, whole.bn1, whole.pool
        self.layer1, self.layer2 = whole.layer1, whole.layer2
        self.layer3, self.layer4 = whole.layer3, whole.layer4
        dilate(self.layer3, 1, 2)
        dilate(self.layer4, 2, 4)
        self.widths = (1024, 2048)

    def forward(self, x: Any) -> Any:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        middle = self.layer3(self.layer2(self.layer1(x)))
        return middle, self.layer4(middle)


class Mobilenet(nn.Sequential):
    def __init__(self, whole: Any) -> None:
        super().__init__(*whole.features)
        for part in list(self)[13:16]:
            convs = [conv for conv in part.modules() if isinstance(conv, nn.Conv2d)]
            dilate([conv for conv in convs if conv.groups > 1], 2, 2)
        self.widths = (40, 960)

    def forward(self, input: Any) -> Any:
        seen = [input]
        for layer in self:
            seen.append(layer(seen[-1]))
        return seen[5], seen[-1]


class Pyramid(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        looks = [nn.Sequential(*block(channels, 256, 1))]
        looks += [nn.Sequential(*block(channels, 256, 3, rate)) for rate in (12, 24, 36)]
        looks += [nn.Sequential(nn.AdaptiveAvgPool2d(1), *block(channels, 256, 1))]
        self.convs = nn.ModuleList(looks)
        self.project = nn.Sequential(*block(1280, 256, 1), nn.Identity())

    def forward(self, x: Any) -> Any:
        seen = [look(x) for look in self.convs]
        seen[-1] = seen[-1].expand_as(seen[0])
        return self.project(torch.cat(seen, 1))


def enlarged(scores: Any, x: Any) -> Any:
    return F.interpolate(scores, x.shape[2:], mode="bilinear", align_corners=False)


class DeepLabV3(nn.Module):
    """On a `backbone` network that already exists."""

    def __init__(self, whole: Any, num_classes: int = 21) -> None:
        super().__init__()
        self.backbone: Any = Mobilenet(whole) if hasattr(whole, "features") else Resnet(whole)
        last = nn.Conv2d(256, num_classes, 1)
        self.classifier = nn.Sequential(Pyramid(self.backbone.widths[1]), *block(256, 256, 3), last)

    def forward(self, x: Any) -> Any:
        return enlarged(self.classifier(self.backbone(x)[1]), x)


class LiteHead(nn.Module):
    def __init__(self, low: int, high: int, num_classes: int) -> None:
        super().__init__()
        self.cbr = nn.Sequential(*block(high, 128, 1))
        weights = nn.Conv2d(high, 128, 1, bias=False)
        self.scale = nn.Sequential(nn.AdaptiveAvgPool2d(1), weights, nn.Sigmoid())
        self.low_classifier = nn.Conv2d(low, num_classes, 1)
        self.high_classifier = nn.Conv2d(128, num_classes, 1)

    def forward(self, low: Any, high: Any) -> Any:
        x = enlarged(self.cbr(high) * self.scale(high), low)
        return self.low_classifier(low) + self.high_classifier(x)


class LRASPP(nn.Module):
    def __init__(self, whole: Any, num_classes: int = 21) -> None:
        super().__init__()
        self.backbone = Mobilenet(whole)
        self.classifier = LiteHead(*self.backbone.widths, num_classes)

    def forward(self, x: Any) -> Any:
        return enlarged(self.classifier(*self.backbone(x)), x)
