"""More networks of `convlet.models` in PyTorch's own layers, with the same names in their state.

Written from the papers' tables for comparison only; neither torchvision nor timm is needed.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

__all__ = ["FAMILIES"]


def block(
    channels: int,
    out: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    act: Any = nn.ReLU,
    **norm: Any,
) -> list[nn.Module]:
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [conv, nn.BatchNorm2d(out, **norm), *([act()] if act else [])]


class AlexNet(nn.Module):
    def __init__(self, num_classes: int = 1000, stem: str = "imagenet") -> None:
        super().__init__()
        first = (11, 4, 2) if stem == "imagenet" else (3, 1, 1)
        layers: list[nn.Module] = [nn.Conv2d(3, 64, *first), nn.ReLU(), nn.MaxPool2d(3, 2)]
        layers += [nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        for a, b in ((192, 384), (384, 256), (256, 256)):
            layers += [nn.Conv2d(a, b, 3, padding=1), nn.ReLU()]
        self.features = nn.Sequential(*layers, nn.MaxPool2d(3, 2))
        linear = [nn.Identity(), nn.Linear(9216, 4096), nn.ReLU()]
        linear += [nn.Identity(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, num_classes)]
        self.classifier = nn.Sequential(*linear)

    def forward(self, x: Any) -> Any:
        return self.classifier(F.adaptive_avg_pool2d(self.features(x), 6).flatten(1))


class Fire(nn.Module):
    def __init__(self, channels: int, narrow: int, wide: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, narrow, 1)
        self.expand1x1 = nn.Conv2d(narrow, wide, 1)
        self.expand3x3 = nn.Conv2d(narrow, wide, 3, padding=1)

    def forward(self, x: Any) -> Any:
        x = F.relu(self.squeeze(x))
        return torch.cat([F.relu(self.expand1x1(x)), F.relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    def __init__(self, num_classes: int = 1000, stem: str = "imagenet") -> None:
        super().__init__()
        stride = 2 if stem == "imagenet" else 1
        layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, stride), nn.ReLU()]
        channels = 64
        for narrow, wide, count in ((16, 64, 2), (32, 128, 2), (48, 192, 2), (64, 256, 2)):
            if narrow != 64:
                layers.append(nn.MaxPool2d(3, 2, ceil_mode=True))
            for _ in range(count):
                layers.append(Fire(channels, narrow, wide))
                channels = 2 * wide
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Identity(), nn.Conv2d(512, num_classes, 1), nn.ReLU())

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x)).mean((2, 3))


class Excitation(nn.Module):
    def __init__(self, channels: int, narrow: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, narrow, 1), nn.Conv2d(narrow, channels, 1)

    def forward(self, x: Any) -> Any:
        return x * F.hardsigmoid(self.fc2(F.relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class InvertedV3(nn.Module):
    def __init__(
        self, channels: int, k: int, mid: int, out: int, se: int, act: Any, s: int
    ) -> None:
        super().__init__()
        norm: dict[str, Any] = {"eps": 1e-3, "momentum": 0.01}
        layers = []
        if mid != channels:
            layers.append(nn.Sequential(*block(channels, mid, 1, act=act, **norm)))
        layers.append(nn.Sequential(*block(mid, mid, k, s, mid, act, **norm)))
        if se:
            layers.append(Excitation(mid, se))
        layers.append(nn.Sequential(*block(mid, out, 1, act=None, **norm)))
        self.block, self.added = nn.Sequential(*layers), s == 1 and channels == out

    def forward(self, x: Any) -> Any:
        return x + self.block(x) if self.added else self.block(x)


class MobileNetV3(nn.Module):
    """The squeezed channels stand in the table: a quarter of the expanded ones, in eights."""

    def __init__(self, large: bool, num_classes: int = 1000, stem: str = "imagenet") -> None:
        super().__init__()
        re, hs = nn.ReLU, nn.Hardswish
        rows = [
            (3, 16, 16, 0, re, 1), (3, 64, 24, 0, re, 2), (3, 72, 24, 0, re, 1),
            (5, 72, 40, 24, re, 2), (5, 120, 40, 32, re, 1), (5, 120, 40, 32, re, 1),
            (3, 240, 80, 0, hs, 2), (3, 200, 80, 0, hs, 1), (3, 184, 80, 0, hs, 1),
            (3, 184, 80, 0, hs, 1), (3, 480, 112, 120, hs, 1), (3, 672, 112, 168, hs, 1),
            (5, 672, 160, 168, hs, 2), (5, 960, 160, 240, hs, 1), (5, 960, 160, 240, hs, 1),
        ] if large else [
            (3, 16, 16, 8, re, 2), (3, 72, 24, 0, re, 2), (3, 88, 24, 0, re, 1),
            (5, 96, 40, 24, hs, 2), (5, 240, 40, 64, hs, 1), (5, 240, 40, 64, hs, 1),
            (5, 120, 48, 32, hs, 1), (5, 144, 48, 40, hs, 1), (5, 288, 96, 72, hs, 2),
            (5, 576, 96, 144, hs, 1), (5, 576, 96, 144, hs, 1),
        ]  # fmt: skip
        norm: dict[str, Any] = {"eps": 1e-3, "momentum": 0.01}
        channels, small = 16, stem == "cifar"
        layers: list[nn.Module] = [nn.Sequential(*block(3, 16, 3, 2 - small, act=hs, **norm))]
        for k, mid, out, se, act, s in rows:
            layers.append(InvertedV3(channels, k, mid, out, se, act, 1 if small else s))
            small, channels = small and s == 1, out
        layers.append(nn.Sequential(*block(channels, 6 * channels, 1, act=hs, **norm)))
        self.features, last = nn.Sequential(*layers), 1280 if large else 1024
        linear = [nn.Linear(6 * channels, last), hs(), nn.Identity(), nn.Linear(last, num_classes)]
        self.classifier = nn.Sequential(*linear)

    def forward(self, x: Any) -> Any:
        return self.classifier(self.features(x).mean((2, 3)))


def same(conv: Any, x: Any) -> Any:
    """As TensorFlow: ceil(size / stride) pixels, the odd zero at the end."""
    (k, _), (s, _), sides = conv.kernel_size, conv.stride, []
    for n in x.shape[:1:-1]:
        zeros = max(0, (-(-n // s) - 1) * s + k - n)
        sides += [zeros // 2, zeros - zeros // 2]
    return F.conv2d(F.pad(x, sides), conv.weight, None, conv.stride, groups=conv.groups)


class Lite(nn.Module):
    def __init__(self, channels: int, out: int, stride: int, kernel: int, expansion: int) -> None:
        super().__init__()
        mid, self.wide = channels * expansion, expansion > 1
        names = ("conv_pw", "conv_dw", "conv_pwl") if self.wide else ("conv_dw", "conv_pw")
        convs = {
            "conv_dw": nn.Conv2d(mid, mid, kernel, stride, groups=mid, bias=False),
            names[-1]: nn.Conv2d(mid, out, 1, bias=False),
        }
        if self.wide:
            convs["conv_pw"] = nn.Conv2d(channels, mid, 1, bias=False)
        self.names, self.added = names, stride == 1 and channels == out
        for i, name in enumerate(names, 1):
            self.add_module(name, convs[name])
            self.add_module(f"bn{i}", nn.BatchNorm2d(convs[name].out_channels, 1e-3, 0.01))

    def forward(self, x: Any) -> Any:
        y = x
        for i, name in enumerate(self.names, 1):
            y = getattr(self, f"bn{i}")(same(getattr(self, name), y))
            y = y if i == len(self.names) else F.relu6(y)
        return x + y if self.added else y


class EfficientNetLite(nn.Module):
    def __init__(self, num_classes: int = 1000, stem: str = "imagenet") -> None:
        super().__init__()
        small, channels = stem == "cifar", 32
        self.conv_stem = nn.Conv2d(3, 32, 3, 1 if small else 2, bias=False)
        self.bn1 = nn.BatchNorm2d(32, 1e-3, 0.01)
        stages = []
        widths, repeats = (16, 24, 40, 80, 112, 192, 320), (1, 2, 2, 3, 3, 4, 1)
        strides, kernels = (1, 1 if small else 2, 2, 2, 1, 2, 1), (3, 3, 5, 3, 5, 5, 3)
        for i, out in enumerate(widths):
            blocks = []
            for j in range(repeats[i]):
                stride = 1 if j else strides[i]
                blocks.append(Lite(channels, out, stride, kernels[i], 6 if i else 1))
                channels = out
            stages.append(nn.Sequential(*blocks))
        self.blocks = nn.Sequential(*stages)
        self.conv_head = nn.Conv2d(320, 1280, 1, bias=False)
        self.bn2, self.classifier = nn.BatchNorm2d(1280, 1e-3, 0.01), nn.Linear(1280, num_classes)

    def forward(self, x: Any) -> Any:
        x = self.blocks(F.relu6(self.bn1(same(self.conv_stem, x))))
        return self.classifier(F.relu6(self.bn2(self.conv_head(x))).mean((2, 3)))


class Shuffle(nn.Module):
    def __init__(self, channels: int, out: int, stride: int) -> None:
        super().__init__()
        half, self.stride = out // 2, stride
        side = block(channels, channels, 3, 2, channels, None) + block(channels, half, 1)
        self.branch1 = nn.Sequential(*(side if stride == 2 else []))
        first = block(channels if stride == 2 else half, half, 1)
        middle = block(half, half, 3, stride, half, None)
        self.branch2 = nn.Sequential(*first, *middle, *block(half, half, 1))

    def forward(self, x: Any) -> Any:
        a, b = (x, x) if self.stride == 2 else x.chunk(2, 1)
        y = torch.cat((self.branch1(a), self.branch2(b)), 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class ShuffleNet(nn.Module):
    def __init__(self, half: bool, num_classes: int = 1000, stem: str = "imagenet") -> None:
        super().__init__()
        small, channels = stem == "cifar", 24
        self.conv1 = nn.Sequential(*block(3, 24, 3, 1 if small else 2))
        self.pool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        for stage, (count, width) in enumerate(((4, 116), (8, 232), (4, 464)), 2):
            out = {116: 48, 232: 96, 464: 192}[width] if half else width
            units = [Shuffle(channels, out, 2), *(Shuffle(out, out, 1) for _ in range(count - 1))]
            self.add_module(f"stage{stage}", nn.Sequential(*units))
            channels = out
        self.conv5 = nn.Sequential(*block(channels, 1024, 1))
        self.fc = nn.Linear(1024, num_classes)

    def forward(self, x: Any) -> Any:
        x = self.stage4(self.stage3(self.stage2(self.pool(self.conv1(x)))))
        return self.fc(self.conv5(x).mean((2, 3)))


class Dense(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, 128, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(128), nn.Conv2d(128, 32, 3, padding=1, bias=False)

    def forward(self, x: Any) -> Any:
        y = self.conv2(F.relu(self.norm2(self.conv1(F.relu(self.norm1(x))))))
        return torch.cat((x, y), 1)


class DenseNet(nn.Module):
    def __init__(self, num_classes: int = 1000, stem: str = "imagenet") -> None:
        super().__init__()
        small, channels = stem == "cifar", 64
        shape = (3, 1, 1) if small else (7, 2, 3)
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        parts["conv0"], parts["norm0"] = nn.Conv2d(3, 64, *shape, bias=False), nn.BatchNorm2d(64)
        parts["relu0"] = nn.ReLU()
        parts["pool0"] = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        for stage, count in enumerate((6, 12, 24, 16), 1):
            layers: OrderedDict[str, nn.Module] = OrderedDict()
            for i in range(count):
                layers[f"denselayer{i + 1}"] = Dense(channels)
                channels += 32
            parts[f"denseblock{stage}"] = nn.Sequential(layers)
            if stage < 4:
                half = nn.Conv2d(channels, channels // 2, 1, bias=False)
                step = [("norm", nn.BatchNorm2d(channels)), ("relu", nn.ReLU()), ("conv", half)]
                parts[f"transition{stage}"] = nn.Sequential(
                    OrderedDict([*step, ("pool", nn.AvgPool2d(2))])
                )
                channels //= 2
        parts["norm5"] = nn.BatchNorm2d(channels)
        self.features, self.classifier = nn.Sequential(parts), nn.Linear(channels, num_classes)

    def forward(self, x: Any) -> Any:
        return self.classifier(F.relu(self.features(x)).mean((2, 3)))


class Basic(nn.Module):
    def __init__(self, channels: int, out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out, 1e-3)

    def forward(self, x: Any) -> Any:
        return F.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    def __init__(self, c: int, a: int, b: int, d: int, e: int, f: int, g: int) -> None:
        super().__init__()
        self.branch1 = Basic(c, a, 1)
        self.branch2 = nn.Sequential(Basic(c, b, 1), Basic(b, d, 3))
        self.branch3 = nn.Sequential(Basic(c, e, 1), Basic(e, f, 3))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), Basic(c, g, 1))

    def forward(self, x: Any) -> Any:
        return torch.cat([way(x) for way in self.children()], 1)


class GoogLeNet(nn.Module):
    def __init__(self, num_classes: int = 1000, stem: str = "imagenet") -> None:
        super().__init__()
        self.small = stem == "cifar"
        self.conv1 = Basic(3, 64, 3, 1) if self.small else Basic(3, 64, 7, 2)
        self.conv2, self.conv3 = Basic(64, 64, 1), Basic(64, 192, 3)
        table = {
            "3a": (192, 64, 96, 128, 16, 32, 32), "3b": (256, 128, 128, 192, 32, 96, 64),
            "4a": (480, 192, 96, 208, 16, 48, 64), "4b": (512, 160, 112, 224, 24, 64, 64),
            "4c": (512, 128, 128, 256, 24, 64, 64), "4d": (512, 112, 144, 288, 32, 64, 64),
            "4e": (528, 256, 160, 320, 32, 128, 128), "5a": (832, 256, 160, 320, 32, 128, 128),
            "5b": (832, 384, 192, 384, 48, 128, 128),
        }  # fmt: skip
        self.names = list(table)
        for name, row in table.items():
            self.add_module(f"inception{name}", Inception(*row))
        self.fc = nn.Linear(1024, num_classes)

    def forward(self, x: Any) -> Any:
        x = self.conv1(x)
        x = x if self.small else F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = F.max_pool2d(self.conv3(self.conv2(x)), 3, 2, ceil_mode=True)
        for name in self.names:
            x = getattr(self, f"inception{name}")(x)
            if name == "3b":
                x = F.max_pool2d(x, 3, 2, ceil_mode=True)
            elif name == "4e":
                x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        return self.fc(x.mean((2, 3)))


FAMILIES: dict[str, Any] = {
    "alexnet": AlexNet,
    "densenet121": DenseNet,
    "efficientnet_lite0": EfficientNetLite,
    "googlenet": GoogLeNet,
    "mobilenet_v3_large": lambda **more: MobileNetV3(True, **more),
    "mobilenet_v3_small": lambda **more: MobileNetV3(False, **more),
    "shufflenet_v2_x0_5": lambda **more: ShuffleNet(True, **more),
    "shufflenet_v2_x1_0": lambda **more: ShuffleNet(False, **more),
    "squeezenet1_1": SqueezeNet,
}
