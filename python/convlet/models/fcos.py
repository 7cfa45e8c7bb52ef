"""FCOS: a detector of one stage without anchors."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import convlet as cl
from convlet import nn
from convlet.models._layers import (
    check_choice,
    check_counts,
    check_images,
    conv_block,
    generator,
    initialise,
)
from convlet.models.efficientnet import efficientnet_lite0, step
from convlet.models.mobilenet import mobilenet_v2
from convlet.models.published_weights import published
from convlet.models.resnet import resnet18, resnet50
from convlet.models.resnet_blocks import halving_stage
from convlet.nn import functional as F
from convlet.nn.fusion import chain, run

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["FCOS", "FCOS_PLACE", "fcos"]

FCOS_PLACE = 8  # columns of an output before the classes: x, y, stride, 4 distances, centre-ness

STRIDES = (8, 16, 32)
_RARE = 0.01  # how probable each class is at each place before training (Lin et al. 2017, 4.1)


class FCOS(nn.Module):
    """A detector that asks each place: which class, how far to the sides, how near to the middle.

    Tian et al., "FCOS: fully convolutional one-stage object detection", 2019, arXiv:1904.01355, with
    three levels of a light feature pyramid (Lin et al. 2017, arXiv:1612.03144) and narrow heads; made
    by `fcos`, which says what the arguments are.
    """

    def __init__(
        self,
        num_classes: int = 10,
        backbone: str = "small",
        channels: int = 64,
        depth: int = 2,
        in_channels: int = 3,
        seed: int | None = None,
        backbone_weights: str | os.PathLike[str] | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts(
            "fcos",
            num_classes=num_classes,
            channels=channels,
            depth=depth,
            in_channels=in_channels,
        )
        check_choice("fcos", "backbone", backbone, BACKBONES)
        draw = generator(seed)
        self.in_channels, self.num_classes = in_channels, num_classes
        self.backbone = _backbone(backbone, in_channels, draw)
        widths = self.backbone.widths
        self.lateral = nn.ModuleList(
            [nn.Conv2d(width, channels, 1, generator=draw) for width in widths]
        )
        self.smooth = conv_block(channels, channels, 3, draw=draw)
        self.coarse = conv_block(channels, channels, 3, 2, draw=draw)
        self.class_tower = _tower(channels, depth, draw)
        self.box_tower = _tower(channels, depth, draw)
        self.classes = nn.Conv2d(channels, num_classes, 3, padding=1, generator=draw)
        self.places = nn.Conv2d(channels, 5, 3, padding=1, generator=draw)
        self.scales = nn.Parameter(np.zeros(len(STRIDES), np.float32))
        initialise(self, draw)
        for head in (self.classes, self.places):
            nn.init.normal_(head.weight, 0.0, 0.01, draw)
        assert self.classes.bias is not None
        nn.init.constant_(self.classes.bias, -math.log(1 / _RARE - 1))
        if backbone_weights is not None:
            self._load_backbone(backbone, backbone_weights)

    def _load_backbone(self, backbone: str, weights: str | os.PathLike[str]) -> None:
        if backbone == "small":
            raise ValueError('fcos: backbone_weights: there are none of the backbone "small"')
        if self.in_channels != 3:
            raise ValueError(
                f"fcos: in_channels must be 3 with backbone_weights, got {self.in_channels}"
            )
        source = published(backbone)
        whole, cut = WHOLE[backbone]
        network = whole(**dict(source.arguments))
        path = source.find() if weights == "imagenet" else Path(weights)
        network.load_state_dict(source.state(network, path))
        self.backbone.load_state_dict(cut(network).state_dict())

    def forward(self, x: Tensor) -> Tensor:
        """One row per place: x, y, stride, distances to 4 sides, centre-ness, scores of classes.

        (N, C, H, W) -> (N, P, 8 + classes); distances in pixels, centre-ness and scores before the
        sigmoid. The P places are the cells of the levels with strides 8, 16 and 32.
        """
        check_images(x, "fcos", self.in_channels, 32)
        fine, middle = self.backbone(x)
        middle = self.lateral[1](middle)
        fine = self.lateral[0](fine) + F.interpolate(middle, fine.shape[2:])
        levels = (self.smooth(fine), middle, self.coarse(middle))
        return cl.cat([self._rows(level, y) for level, y in enumerate(levels)], 1)

    def _rows(self, level: int, y: Tensor) -> Tensor:
        n, _, height, width = y.shape
        stride = STRIDES[level]
        scores = _as_rows(self.classes(run(self.class_tower, y)))
        places = _as_rows(self.places(run(self.box_tower, y)))
        grid = np.empty((n, height * width, 3), np.float32)
        grid[..., 0] = np.tile((np.arange(width) + 0.5) * stride, height)
        grid[..., 1] = np.repeat((np.arange(height) + 0.5) * stride, width)
        grid[..., 2] = stride
        distances = (places[..., :4] + self.scales[level]).clamp(max=5.0).exp() * (2.0 * stride)
        return cl.cat([cl.Tensor(grid), distances, places[..., 4:], scores], 2)


def fcos(
    num_classes: int = 10,
    backbone: str = "small",
    channels: int = 64,
    depth: int = 2,
    in_channels: int = 3,
    seed: int | None = None,
    backbone_weights: str | os.PathLike[str] | None = None,
) -> FCOS:
    """An `FCOS` detector, to be trained with `convlet.detection.FCOSLoss`.

    Args:
        num_classes: how many classes; there is none for the background.
        backbone: "small" (basic blocks of ResNets, 32 to 128 channels), or "resnet18", "resnet50",
            "mobilenet_v2" or "efficientnet_lite0" of `convlet.models` without their last layers.
        channels: of the pyramid and the heads.
        depth: convolutions of each of the two towers before the last layers.
        in_channels: of the images.
        seed: of the first weights; None takes `convlet.seed`.
        backbone_weights: "imagenet" for the published weights of the backbone, which are looked for as
            by `models.create`, or the path of a file with the published names; None for first weights.

    Raises:
        ValueError: a number is below 1, there is no such backbone, or its weights do not fit.
        OSError: the published weights are not to be had; the message says where to put them.

    Example:
        >>> import convlet as cl
        >>> model = fcos(num_classes=3, seed=0).eval()
        >>> model(cl.Tensor([[[[0.5] * 64] * 64] * 3])).shape  # 8x8 + 4x4 + 2x2 places
        (1, 84, 11)
    """
    return FCOS(num_classes, backbone, channels, depth, in_channels, seed, backbone_weights)


class _Small(nn.Module):
    widths = (96, 128)

    def __init__(self, channels: int, draw: Generator | None) -> None:
        super().__init__()
        self.stem = conv_block(channels, 32, 3, 2, draw=draw)
        self.layer1 = halving_stage(32, 48, draw)
        self.layer2 = halving_stage(48, 96, draw)
        self.layer3 = halving_stage(96, 128, draw)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        y = run(self.stem, x)
        fine: Tensor = self.layer2(self.layer1(y))
        return fine, self.layer3(fine)


class _Cut(nn.Module):
    """The layers of a network for classification up to the strides 8 and 16."""

    def __init__(self, layers: nn.Module, ends: tuple[str, str], widths: tuple[int, int]) -> None:
        super().__init__()
        self.body, self.ends, self.widths = layers, ends, widths

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        seen = []
        for name, layer in self.body.named_children():
            x = layer(x)
            if name in self.ends:
                seen.append(x)
        fine, middle = seen
        return fine, middle


class _EfficientCut(nn.Module):
    """EfficientNet-Lite0 up to the strides 8 and 16, whose steps pad by the size of the image."""

    widths = (40, 112)

    def __init__(self, whole: nn.Module) -> None:
        super().__init__()
        self.conv_stem, self.bn1 = whole.conv_stem, whole.bn1
        self.fine, self.middle = nn.Sequential(*whole.blocks[:3]), nn.Sequential(*whole.blocks[3:5])

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        fine = self.fine(chain([step(self.conv_stem, self.bn1, x)], x))
        return fine, self.middle(fine)


def _resnet_cut(whole: Any) -> nn.Module:
    body = nn.Sequential()
    for name in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3"):
        body.add_module(name, nn.ReLU() if name == "relu" else getattr(whole, name))
    wide = whole.fc.weight.shape[1] // 4
    return _Cut(body, ("layer2", "layer3"), (wide, 2 * wide))


def _mobilenet_cut(whole: Any) -> nn.Module:
    return _Cut(nn.Sequential(*list(whole.features)[:14]), ("6", "13"), (32, 96))


# The networks that a backbone can be cut from, and how.
WHOLE: dict[str, tuple[Callable[..., nn.Module], Callable[[Any], nn.Module]]] = {
    "resnet18": (resnet18, _resnet_cut),
    "resnet50": (resnet50, _resnet_cut),
    "mobilenet_v2": (mobilenet_v2, _mobilenet_cut),
    "efficientnet_lite0": (efficientnet_lite0, _EfficientCut),
}
BACKBONES = ("small", *WHOLE)


def _backbone(name: str, channels: int, draw: Generator | None) -> Any:
    if name == "small":
        return _Small(channels, draw)
    whole, cut = WHOLE[name]
    return cut(whole(num_classes=1, in_channels=channels))


def _tower(channels: int, depth: int, draw: Generator | None) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [
            nn.Conv2d(channels, channels, 3, padding=1, bias=False, generator=draw),
            nn.GroupNorm(math.gcd(channels, 8), channels),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers)


def _as_rows(maps: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H W, C), without a copy."""
    n, channels, height, width = maps.shape
    return maps.permute(0, 2, 3, 1).reshape(n, height * width, channels)
