"""The detectors of `convlet.models` in PyTorch's own layers, and FCOS's loss in its operators.

Written from the papers for comparison only; torchvision is not needed.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from convlet.bench._torch_families import InvertedV3, block

__all__ = ["FCOS", "SSDLite", "fcos_loss"]


class Basic(nn.Module):
    def __init__(self, channels: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        if stride > 1:
            shortcut = nn.Conv2d(channels, out, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(out))

    def forward(self, x: Any) -> Any:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(*block(3, 32, 3, 2))
        for stage, (a, b) in enumerate(((32, 48), (48, 96), (96, 128)), 1):
            self.add_module(f"layer{stage}", nn.Sequential(Basic(a, b, 2), Basic(b, b)))

    def forward(self, x: Any) -> Any:
        fine = self.layer2(self.layer1(self.stem(x)))
        return fine, self.layer3(fine)


class FCOS(nn.Module):
    """The places of the grids come with the outputs: 8, 16 and 32 pixels apart."""

    def __init__(self, num_classes: int = 10, channels: int = 64, depth: int = 2) -> None:
        super().__init__()
        self.scales = nn.Parameter(torch.zeros(3))
        self.backbone = Small()
        self.lateral = nn.ModuleList([nn.Conv2d(width, channels, 1) for width in (96, 128)])
        self.smooth = nn.Sequential(*block(channels, channels, 3))
        self.coarse = nn.Sequential(*block(channels, channels, 3, 2))
        for name in ("class_tower", "box_tower"):
            layers: list[nn.Module] = []
            for _ in range(depth):
                layers += [nn.Conv2d(channels, channels, 3, padding=1, bias=False)]
                layers += [nn.GroupNorm(math.gcd(channels, 8), channels), nn.ReLU()]
            self.add_module(name, nn.Sequential(*layers))
        self.classes = nn.Conv2d(channels, num_classes, 3, padding=1)
        self.places = nn.Conv2d(channels, 5, 3, padding=1)

    def forward(self, x: Any) -> Any:
        fine, middle = self.backbone(x)
        middle = self.lateral[1](middle)
        fine = self.lateral[0](fine) + F.interpolate(middle, fine.shape[2:])
        levels = (self.smooth(fine), middle, self.coarse(middle))
        return torch.cat([self.rows(y, level) for level, y in enumerate(levels)], 1)

    def rows(self, y: Any, level: int) -> Any:
        n, stride = len(y), 8 * 2**level
        down, right = (stride * (torch.arange(side) + 0.5) for side in y.shape[2:])
        grid = torch.stack([*torch.meshgrid(right, down, indexing="xy")], -1).reshape(1, -1, 2)
        grid = F.pad(grid, (0, 1), value=stride).expand(n, -1, -1)
        scores = self.classes(self.class_tower(y)).flatten(2).transpose(1, 2)
        places = self.places(self.box_tower(y)).flatten(2).transpose(1, 2)
        sides = (places[..., :4] + self.scales[level]).clamp(max=5).exp() * (2 * stride)
        return torch.cat([grid, sides, places[..., 4:], scores], 2)


def fcos_loss(rows: Any, targets: Any) -> Any:
    """Focal loss, GIoU loss and centre-ness by one place for all images; no box is to be ignored."""
    points, strides = rows[0, :, :2].detach(), rows[0, :, 2].detach()
    found = [assign(points, strides, one[one[:, 4] >= 0]) for one in targets]
    matched, sides, label = (torch.stack(parts) for parts in zip(*found, strict=True))
    count = matched.sum().clamp(min=1)
    logits = rows[..., 8:]
    wanted = F.one_hot(label + 1, logits.shape[2] + 1)[..., 1:].to(logits.dtype)
    p = logits.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    weight = 0.25 * wanted + 0.75 * (1 - wanted)
    loss = (weight * (p + wanted - 2 * p * wanted) ** 2 * entropy).sum() / count
    if not matched.any():
        return loss
    said, true = rows[matched][:, 3:7], sides[matched]
    across, down = true[:, 0::2], true[:, 1::2]
    middle = (across.amin(1) / across.amax(1) * (down.amin(1) / down.amax(1))).sqrt()
    least, most = torch.minimum(said, true), torch.maximum(said, true)
    inner, hull, ours, theirs = (
        (s[:, 0] + s[:, 2]) * (s[:, 1] + s[:, 3]) for s in (least, most, said, true)
    )
    union = ours + theirs - inner
    giou = inner / union - (hull - union) / hull
    loss = loss + (middle * (1 - giou)).sum() / middle.sum()
    centre = rows[matched][:, 7]
    return loss + F.binary_cross_entropy_with_logits(centre, middle, reduction="sum") / count


def assign(points: Any, strides: Any, boxes: Any) -> tuple[Any, Any, Any]:
    """Which places answer for a box, its four sides seen from there, and its class or -1."""
    if not len(boxes):
        none = torch.zeros(len(points), dtype=torch.bool)
        return none, torch.zeros(len(points), 4), torch.full((len(points),), -1)
    first, last = points[:, None] - boxes[:, :2], boxes[:, 2:4] - points[:, None]
    sides = torch.cat([first, last], 2)
    off = (first - last).abs().amax(2) / 2
    farthest, step = sides.amax(2), strides[:, None]
    able = (sides.amin(2) > 0) & (off < 1.5 * step)
    able &= (farthest > torch.where(step == strides.min(), 0, 4 * step)) & (
        farthest <= torch.where(step == strides.max(), math.inf, 8 * step)
    )
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    cost, best = torch.where(able, areas, math.inf).min(1)
    matched = cost.isfinite()
    label = torch.where(matched, boxes[best, 4].long(), -1)
    return matched, sides[torch.arange(len(points)), best], label


class SSDLite(nn.Module):
    """MobileNetV3-Large with a halved tail; `num_classes` does without the background."""

    def __init__(self, num_classes: int = 90) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.head = nn.Module()
        for name, columns in (("classification_head", num_classes + 1), ("regression_head", 4)):
            head = nn.Module()
            head.module_list = nn.ModuleList(
                [
                    nn.Sequential(
                        nn.Sequential(*block(c, c, 3, 1, c, nn.ReLU6, eps=1e-3, momentum=0.03)),
                        nn.Conv2d(c, 6 * columns, 1),
                    )
                    for c in (672, 480, 512, 256, 256, 128)
                ]
            )
            self.head.add_module(name, head)

    def forward(self, x: Any) -> Any:
        levels = self.backbone(x)
        parts = [boxes([y.shape[2:] for y in levels], x.shape[2:]).expand(len(x), -1, -1)]
        for head in (self.head.regression_head, self.head.classification_head):
            rows = []
            for layers, y in zip(head.module_list, levels, strict=True):
                maps = layers(y)
                n, c, h, w = maps.shape
                rows.append(maps.view(n, 6, c // 6, h, w).permute(0, 3, 4, 1, 2).flatten(1, 3))
            parts.append(torch.cat(rows, 1))
        return torch.cat(parts, 2)


def boxes(grids: Any, size: Any) -> Any:
    """Six default boxes about each cell, as the SSD paper's 2.2 counts their scales."""
    scales = [0.2 + 0.75 * k / (len(grids) - 1) for k in range(len(grids))] + [1.0]
    found = []
    for k, (rows, columns) in enumerate(grids):
        shapes = [(scales[k],) * 2, (math.sqrt(scales[k] * scales[k + 1]),) * 2]
        for ratio in (2, 3):
            w, h = scales[k] * math.sqrt(ratio), scales[k] / math.sqrt(ratio)
            shapes += [(w, h), (h, w)]
        for y in range(rows):
            for x in range(columns):
                middle = ((x + 0.5) / columns, (y + 0.5) / rows)
                found += [[*middle, min(w, 1), min(h, 1)] for w, h in shapes]
    return torch.tensor(found) * torch.tensor([size[1], size[0]] * 2)


class Backbone(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        re, hs = nn.ReLU, nn.Hardswish
        norm: dict[str, Any] = {"eps": 1e-3, "momentum": 0.03}
        rows = [
            (3, 16, 16, 0, re, 1), (3, 64, 24, 0, re, 2), (3, 72, 24, 0, re, 1),
            (5, 72, 40, 24, re, 2), (5, 120, 40, 32, re, 1), (5, 120, 40, 32, re, 1),
            (3, 240, 80, 0, hs, 2), (3, 200, 80, 0, hs, 1), (3, 184, 80, 0, hs, 1),
            (3, 184, 80, 0, hs, 1), (3, 480, 112, 120, hs, 1), (3, 672, 112, 168, hs, 1),
            (5, 672, 80, 168, hs, 2), (5, 480, 80, 120, hs, 1), (5, 480, 80, 120, hs, 1),
        ]  # fmt: skip
        channels = 16
        layers: list[Any] = [nn.Sequential(*block(3, 16, 3, 2, act=hs, **norm))]
        for row in rows:
            layers.append(InvertedV3(channels, *row))
            channels = row[2]
        layers.append(nn.Sequential(*block(80, 480, 1, act=hs, **norm)))
        cut = layers[13].block
        self.features = nn.Sequential(
            nn.Sequential(*layers[:13], cut[0]), nn.Sequential(cut[1:], *layers[14:])
        )
        self.extra = nn.ModuleList()
        for a, b in ((480, 512), (512, 256), (256, 256), (256, 128)):
            half, act = b // 2, nn.ReLU6
            parts = (
                block(a, half, 1, 1, 1, act, **norm),
                block(half, half, 3, 2, half, act, **norm),
                block(half, b, 1, 1, 1, act, **norm),
            )
            self.extra.append(nn.Sequential(*(nn.Sequential(*part) for part in parts)))
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 0.03

    def forward(self, x: Any) -> Any:
        levels = []
        for part in (*self.features, *self.extra):
            x = part(x)
            levels.append(x)
        return levels
