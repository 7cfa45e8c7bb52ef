"""The two blocks of residual networks, and a stage of small ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import nn
from convlet.nn.fusion import Step, chain

if TYPE_CHECKING:
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["BasicBlock", "Bottleneck", "halving_stage"]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and what came in, added.  The paper's figure 5, left.

    Addition and ReLU are done in the pass of the last normalisation, so the block has no layer for
    them.
    """

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Sequential | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        for name, value, only in (
            ("groups", groups, 1),
            ("width_per_group", base_width, 64),
            ("dilation", dilation, 1),
        ):
            if value != only:
                raise ValueError(f"resnet: {name} must be {only} for basic blocks, got {value}")
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False, generator=generator)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False, generator=generator)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape, up to `stride` and `planes`."""
        identity = x if self.downsample is None else self.downsample(x)
        steps = Step(self.conv1, self.bn1, "relu"), Step(self.conv2, self.bn2, "relu")
        return chain(steps, x, identity)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and what came in, added.  The paper's figure 5, right.

    The stride is that of the 3x3 convolution, as in torchvision ("ResNet v1.5").
    """

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: nn.Sequential | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        *,
        generator: Generator | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        width, out = max(1, planes * base_width // 64) * groups, planes * self.expansion
        self.conv1 = nn.Conv2d(inplanes, width, 1, bias=False, generator=generator)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(
            width, width, 3, stride, dilation, dilation, groups, bias=False, generator=generator
        )
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False, generator=generator)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape, up to `stride` and four times `planes`."""
        identity = x if self.downsample is None else self.downsample(x)
        steps = (
            Step(self.conv1, self.bn1, "relu"),
            Step(self.conv2, self.bn2, "relu"),
            Step(self.conv3, self.bn3, "relu"),
        )
        return chain(steps, x, identity)


def halving_stage(channels: int, out: int, draw: Generator | None = None) -> nn.Sequential:
    """Two basic blocks, of which the first halves the grid.  (N, C, H, W) -> (N, out, H/2, W/2).

    >>> import numpy as np
    >>> from convlet import Tensor
    >>> halving_stage(4, 8).eval()(Tensor(np.zeros((1, 4, 6, 10)))).shape
    (1, 8, 3, 5)
    """
    shortcut = nn.Sequential(
        nn.Conv2d(channels, out, 1, 2, bias=False, generator=draw), nn.BatchNorm2d(out)
    )
    return nn.Sequential(
        BasicBlock(channels, out, 2, shortcut, generator=draw), BasicBlock(out, out, generator=draw)
    )
