"""The networks of `convlet.models` in PyTorch's own layers, with the same names in their state.

Written from the papers' tables for comparison only; torchvision is not needed.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional as F

from convlet.bench._torch_dense import LRASPP, DeepLabV3
from convlet.bench._torch_detectors import FCOS, SSDLite
from convlet.bench._torch_families import FAMILIES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["build"]


def build(name: str, **arguments: Any) -> Any:
    """The counterpart of `convlet.models.create(name, **arguments)`, without dropout."""
    if name == "lraspp":
        return LRASPP(build("mobilenet_v3_large"), **arguments)
    if name == "deeplabv3":
        backbone = arguments.pop("backbone", "resnet50")
        return DeepLabV3(build(backbone), **arguments)
    family, depth = name.removesuffix("_bn").rstrip("0123456789"), name.removesuffix("_bn")[-2:]
    if name in FAMILIES:
        return FAMILIES[name](**arguments)
    if family == "vgg":
        return VGG(int(depth), name.endswith("_bn"), **arguments)
    if family in {"resnet", "resnext50_32x4d"}:
        return ResNet(int(re.findall(r"\d+", name)[0]), family == "resnext50_32x4d", **arguments)
    others: dict[str, Any] = {
        "fcos": FCOS,
        "lenet5": LeNet,
        "mobilenet_v2": MobileNetV2,
        "resunet": ResUNet,
        "ssdlite320_mobilenet_v3_large": SSDLite,
        "unet": UNet,
    }
    return others[name](**arguments)


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2).flatten(1)
        return self.fc3(F.relu(self.fc2(F.relu(self.fc1(x)))))


class VGG(nn.Module):
    def __init__(
        self, depth: int, norm: bool, num_classes: int = 1000, stem: str = "imagenet"
    ) -> None:
        super().__init__()
        third = {11: 2, 13: 2, 16: 3, 19: 4}[depth]
        first = 1 if depth == 11 else 2
        layers: list[nn.Module] = []
        channels = 3
        for count, width in ((first, 64), (first, 128), *((third, w) for w in (256, 512, 512))):
            for _ in range(count):
                layers += [nn.Conv2d(channels, width, 3, padding=1)]
                layers += [nn.BatchNorm2d(width)] * norm + [nn.ReLU()]
                channels = width
            layers += [nn.Identity() if width == 64 and stem == "cifar" else nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        linear = [nn.Linear(25088, 4096), nn.ReLU(), nn.Identity()]
        linear += [nn.Linear(4096, 4096), nn.ReLU(), nn.Identity(), nn.Linear(4096, num_classes)]
        self.classifier = nn.Sequential(*linear)

    def forward(self, x: Any) -> Any:
        return self.classifier(F.adaptive_avg_pool2d(self.features(x), 7).flatten(1))


class Residual(nn.Module):
    """A basic block, or a bottleneck where `deep`."""

    def __init__(
        self, channels: int, planes: int, stride: int, deep: bool, groups: int = 1
    ) -> None:
        super().__init__()
        self.deep, out = deep, planes * (4 if deep else 1)
        kernels = (1, 3, 1) if deep else (3, 3)
        strides = (1, stride, 1) if deep else (stride, 1)
        middle = planes * (2 if groups > 1 else 1)
        widths = (channels, middle, middle, out) if deep else (channels, planes, planes)
        for i, (k, s) in enumerate(zip(kernels, strides, strict=True)):
            parts = groups if k == 3 else 1
            conv = nn.Conv2d(widths[i], widths[i + 1], k, s, k // 2, groups=parts, bias=False)
            self.add_module(f"conv{i + 1}", conv)
            self.add_module(f"bn{i + 1}", nn.BatchNorm2d(widths[i + 1]))
        self.downsample = None
        if stride != 1 or channels != out:
            conv = nn.Conv2d(channels, out, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(out))

    def forward(self, x: Any) -> Any:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        if self.deep:
            y = self.bn3(self.conv3(F.relu(y, inplace=True)))
        y += x if self.downsample is None else self.downsample(x)
        return F.relu(y, inplace=True)


class ResNet(nn.Module):
    def __init__(
        self, depth: int, grouped: bool, num_classes: int = 1000, stem: str = "imagenet"
    ) -> None:
        super().__init__()
        table = {18: (2, 2, 2, 2), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
        blocks = table.get(depth, (3, 4, 6, 3))
        deep, small = depth >= 50, stem == "cifar"
        shape = (3, 1, 1) if small else (7, 2, 3)
        self.conv1, self.bn1 = nn.Conv2d(3, 64, *shape, bias=False), nn.BatchNorm2d(64)
        self.pool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        channels = 64
        for stage, count in enumerate(blocks):
            layers, planes = [], 64 * 2**stage
            for i in range(count):
                stride, groups = 2 if stage and i == 0 else 1, 32 if grouped else 1
                layers.append(Residual(channels, planes, stride, deep, groups))
                channels = planes * (4 if deep else 1)
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, x: Any) -> Any:
        x = self.pool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def conv_norm(channels: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> Any:
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU6(inplace=True))


class Inverted(nn.Module):
    def __init__(self, channels: int, out: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = channels * expansion
        self.added = stride == 1 and channels == out
        layers = [conv_norm(channels, hidden, 1)] * (expansion != 1)
        layers += [conv_norm(hidden, hidden, 3, stride, hidden)]
        layers += [nn.Conv2d(hidden, out, 1, bias=False), nn.BatchNorm2d(out)]
        self.conv = nn.Sequential(*layers)

    def forward(self, x: Any) -> Any:
        return x + self.conv(x) if self.added else self.conv(x)


class MobileNetV2(nn.Module):
    def __init__(self, num_classes: int = 1000, stem: str = "imagenet") -> None:
        super().__init__()
        step = 1 if stem == "cifar" else 2
        layers, channels = [conv_norm(3, 32, 3, step)], 32
        expansions, widths = (1, 6, 6, 6, 6, 6, 6), (16, 24, 32, 64, 96, 160, 320)
        strides = (1, step, 2, 2, 1, 2, 1)
        stages = zip(expansions, widths, (1, 2, 3, 4, 3, 3, 1), strides, strict=True)
        for expansion, width, repeats, stride in stages:
            for i in range(repeats):
                layers.append(Inverted(channels, width, stride if i == 0 else 1, expansion))
                channels = width
        self.features = nn.Sequential(*layers, conv_norm(320, 1280, 1))
        self.classifier = nn.Sequential(nn.Identity(), nn.Linear(1280, num_classes))

    def forward(self, x: Any) -> Any:
        return self.classifier(F.adaptive_avg_pool2d(self.features(x), 1).flatten(1))


class UNet(nn.Module):
    def __init__(self, in_channels: int = 3, num_classes: int = 1, base_channels: int = 32) -> None:
        super().__init__()
        c = [base_channels * 2**level for level in range(5)]
        for level, name in enumerate(("enc1", "enc2", "enc3", "enc4", "bottleneck")):
            block = double(in_channels if level == 0 else c[level - 1], c[level], name)
            self.add_module(name.replace("enc", "encoder"), block)
        for level in (4, 3, 2, 1):
            up = nn.ConvTranspose2d(c[level], c[level - 1], 2, 2)
            self.add_module(f"upconv{level}", up)
            self.add_module(f"decoder{level}", double(c[level], c[level - 1], f"dec{level}"))
        self.conv = nn.Conv2d(base_channels, num_classes, 1)

    def forward(self, x: Any) -> Any:
        kept: list[Any] = []
        for level in (1, 2, 3, 4):
            kept.append(getattr(self, f"encoder{level}")(x))
            x = F.max_pool2d(kept[-1], 2)
        x = self.bottleneck(x)
        for level in (4, 3, 2, 1):
            x = torch.cat((getattr(self, f"upconv{level}")(x), kept[level - 1]), 1)
            x = getattr(self, f"decoder{level}")(x)
        return self.conv(x)


def join(channels: int, out: int, kernel: int, stride: int = 1) -> Any:
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out), nn.ReLU(inplace=True))


class ResUNet(nn.Module):
    def __init__(self, in_channels: int = 3, num_classes: int = 1, base_channels: int = 24) -> None:
        super().__init__()
        c = base_channels
        self.stem, self.layer1 = join(in_channels, c, 3, 2), Residual(c, c, 1, False)
        for level, (channels, out) in enumerate(((c, 2 * c), (2 * c, 4 * c), (4 * c, 6 * c)), 2):
            blocks = (Residual(channels, out, 2, False), Residual(out, out, 1, False))
            self.add_module(f"layer{level}", nn.Sequential(*blocks))
        for level, (channels, out, skip) in ((3, (6, 3, 4)), (2, (3, 2, 2)), (1, (2, 1, 1))):
            self.add_module(f"up{level}", join(channels * c, out * c, 1))
            self.add_module(f"decoder{level}", join((out + skip) * c, out * c, 3))
        self.coarse = nn.Conv2d(3 * c, num_classes, 1)
        self.fine = nn.Conv2d(c, 4 * num_classes, 3, padding=1)

    def forward(self, x: Any) -> Any:
        kept = [self.layer1(self.stem(x))]
        kept += [self.layer2(kept[0])]
        kept += [self.layer3(kept[1])]
        y, coarse = self.layer4(kept[2]), None
        for level in (3, 2, 1):
            skip = kept[level - 1]
            up = F.interpolate(getattr(self, f"up{level}")(y), skip.shape[2:])
            y = getattr(self, f"decoder{level}")(torch.cat((up, skip), 1))
            coarse = self.coarse(y) if level == 3 else coarse
        fine = F.pixel_shuffle(self.fine(y), 2)[:, :, : x.shape[2], : x.shape[3]]
        return fine + F.interpolate(coarse, x.shape[2:], mode="bilinear")


def double(channels: int, out: int, name: str) -> Any:
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    widths: Sequence[int] = (channels, out)
    for i, width in enumerate(widths, 1):
        layers[f"{name}conv{i}"] = nn.Conv2d(width, out, 3, padding=1, bias=False)
        layers[f"{name}norm{i}"] = nn.BatchNorm2d(out)
        layers[f"{name}relu{i}"] = nn.ReLU(inplace=True)
    return nn.Sequential(layers)
