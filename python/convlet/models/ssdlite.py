"""SSDLite: a detector of one stage that corrects default boxes, light enough for a telephone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

import convlet as cl
from convlet import nn
from convlet.models._layers import check_counts, check_images, conv_block, generator
from convlet.models.mobilenet_v3 import LARGE, InvertedResidualV3

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.models.mobilenet_v3 import Row
    from convlet.random import Generator
    from convlet.tensor import Tensor

__all__ = ["SSD_PLACE", "SSDLite", "default_boxes", "ssdlite320_mobilenet_v3_large"]

SSD_PLACE = 9  # columns of an output before the classes: a default box, 4 offsets, the background

_BOXES = 6  # default boxes of a cell
_RATIOS = (2.0, 3.0)
_SCALES = (0.2, 0.95)  # of the finest and the coarsest grid, as shares of the image
_LAST = 1.0  # where the scale would go after the coarsest grid
_SPLIT = 12  # the block whose widened channels are the first grid: stride 16
_EXTRA = (512, 256, 256, 128)
_EPS, _MOMENTUM = 1e-3, 0.03


class SSDLite(nn.Module):
    """A detector that says of each default box which class it holds and how it lies.

    Liu et al., "SSD: single shot multibox detector", 2016, arXiv:1512.02325, with depthwise
    convolutions (Sandler et al. 2018, arXiv:1801.04381, 6.2) on MobileNetV3-Large with a halved tail
    (Howard et al. 2019, arXiv:1905.02244, 6.3); made by `ssdlite320_mobilenet_v3_large`, which says
    what the arguments are. State names are torchvision's.
    """

    def __init__(
        self, num_classes: int = 90, in_channels: int = 3, seed: int | None = None
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("ssdlite", num_classes=num_classes, in_channels=in_channels)
        draw = generator(seed)
        self.in_channels, self.num_classes = in_channels, num_classes
        self.backbone = _Backbone(in_channels, draw)
        self.head = _Heads(self.backbone.widths, num_classes + 1, draw)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.03, draw)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm2d):
                module.momentum = _MOMENTUM

    def forward(self, x: Tensor) -> Tensor:
        """One row per default box: the box, four offsets, scores of the background and classes.

        (N, C, H, W) -> (N, P, 9 + classes); boxes as x and y of the middle, width and height in
        pixels. The P boxes are six about each cell of six grids, 16 pixels apart and up.
        """
        check_images(x, "ssdlite", self.in_channels, 32)
        levels = self.backbone(x)
        boxes = default_boxes([level.shape[2:] for level in levels], x.shape[2:])
        rows = np.broadcast_to(boxes, (x.shape[0], *boxes.shape))
        offsets, scores = self.head(levels)
        return cl.cat([cl.Tensor(np.ascontiguousarray(rows)), offsets, scores], 2)


def ssdlite320_mobilenet_v3_large(
    num_classes: int = 90, in_channels: int = 3, seed: int | None = None
) -> SSDLite:
    """An `SSDLite` detector, to be trained with `convlet.detection.SSDLoss`.

    It was designed for images of 320x320 pixels and takes others; pixels are best brought to about
    -1 to 1.

    Args:
        num_classes: how many classes, without the background, which torchvision counts too: the state
            of its 91 is that of 90 here.
        in_channels: of the images.
        seed: of the first weights; None takes `convlet.seed`.

    Raises:
        ValueError: a number is below 1.

    Example:
        >>> import convlet as cl
        >>> model = ssdlite320_mobilenet_v3_large(num_classes=3, seed=0).eval()
        >>> model(cl.Tensor([[[[0.5] * 64] * 64] * 3])).shape  # six boxes of 16 + 4 + 4 x 1 cells
        (1, 144, 12)
    """
    return SSDLite(num_classes, in_channels, seed)


def default_boxes(grids: Sequence[Sequence[int]], size: Sequence[int]) -> npt.NDArray[np.float32]:
    """The default boxes of SSD.  -> (P, 4): x and y of the middle, width, height in pixels.

    About each cell of each grid, row by row: two squares, and boxes of 2:1, 1:2, 3:1 and 1:3. Their
    scale rises evenly from 0.2 of the image on the finest grid to 0.95 on the coarsest; the second
    square is between it and the next. None is larger than the image (Liu et al. 2016, 2.2).

    Args:
        grids: (rows, columns) of each, from the finest on, at least two.
        size: (height, width) of the image.

    Raises:
        ValueError: there are fewer than two grids.

    Example:
        >>> default_boxes([(1, 2), (1, 1)], (10, 20))[:1].tolist()
        [[5.0, 5.0, 4.0, 2.0]]
    """
    if len(grids) < 2:
        raise ValueError(f"default_boxes: grids must be at least two, got {len(grids)}")
    height, width = size
    steps = np.linspace(*_SCALES, len(grids)).tolist()
    parts = []
    for scale, after, (rows, columns) in zip(steps, [*steps[1:], _LAST], grids, strict=True):
        shapes = [(scale, scale), (math.sqrt(scale * after),) * 2]
        for ratio in map(math.sqrt, _RATIOS):
            shapes += [(scale * ratio, scale / ratio), (scale / ratio, scale * ratio)]
        boxes = np.empty((rows, columns, _BOXES, 4), np.float32)
        boxes[..., 0] = ((np.arange(columns) + 0.5) * (width / columns))[:, None]
        boxes[..., 1] = ((np.arange(rows) + 0.5) * (height / rows))[:, None, None]
        boxes[..., 2:] = np.minimum(shapes, 1) * (width, height)
        parts.append(boxes.reshape(-1, 4))
    return np.concatenate(parts)


class _Backbone(nn.Module):
    """MobileNetV3-Large up to its last layers, then four blocks that halve the grid."""

    def __init__(self, in_channels: int, draw: Generator | None) -> None:
        super().__init__()
        rows = [
            row if number < _SPLIT else _halved(row, number) for number, row in enumerate(LARGE)
        ]
        channels = 16
        layers: list[nn.Module] = [_block(in_channels, channels, 3, 2, 1, nn.Hardswish, draw)]
        for row in rows:
            layers.append(InvertedResidualV3(channels, row, generator=draw))
            channels = row.out
        layers.append(_block(channels, 6 * channels, 1, 1, 1, nn.Hardswish, draw))
        cut: Any = layers[_SPLIT + 1]
        rest = nn.Sequential()
        for name, part in list(cut.block.named_children())[1:]:
            rest.add_module(name, part)
        self.features = nn.Sequential(
            nn.Sequential(*layers[: _SPLIT + 1], cut.block[0]),
            nn.Sequential(rest, *layers[_SPLIT + 2 :]),
        )
        self.widths = [rows[_SPLIT].expanded, 6 * channels, *_EXTRA]
        self.extra = nn.ModuleList(
            [
                _smaller(channels, out, draw)
                for channels, out in zip(self.widths[1:-1], _EXTRA, strict=True)
            ]
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Six grids, each half as fine as the one before."""
        levels = []
        for part in (*self.features, *self.extra):
            x = part(x)
            levels.append(x)
        return levels


class _Heads(nn.Module):
    """Offsets and scores of the default boxes of all grids."""

    def __init__(self, widths: Sequence[int], classes: int, draw: Generator | None) -> None:
        super().__init__()
        self.classification_head = _Head(widths, classes, draw)
        self.regression_head = _Head(widths, 4, draw)

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """(N, P, 4) and (N, P, classes)."""
        return self.regression_head(levels), self.classification_head(levels)


class _Head(nn.Module):
    def __init__(self, widths: Sequence[int], columns: int, draw: Generator | None) -> None:
        super().__init__()
        self.columns = columns
        self.module_list = nn.ModuleList(
            [
                nn.Sequential(
                    _block(width, width, 3, 1, width, nn.ReLU6, draw),
                    nn.Conv2d(width, _BOXES * columns, 1, generator=draw),
                )
                for width in widths
            ]
        )

    def forward(self, levels: Sequence[Tensor]) -> Tensor:
        rows = []
        for layers, level in zip(self.module_list, levels, strict=True):
            maps = layers(level)
            n = maps.shape[0]
            rows.append(maps.permute(0, 2, 3, 1).reshape(n, -1, self.columns))
        return cl.cat(rows, 1)


def _halved(row: Row, number: int) -> Row:
    """A row of the tail with half its channels; the first is as wide inside as it was."""
    expanded = row.expanded if number == _SPLIT else row.expanded // 2
    return row._replace(expanded=expanded, out=row.out // 2)


def _smaller(channels: int, out: int, draw: Generator | None) -> nn.Sequential:
    half = out // 2
    return nn.Sequential(
        _block(channels, half, 1, 1, 1, nn.ReLU6, draw),
        _block(half, half, 3, 2, half, nn.ReLU6, draw),
        _block(half, out, 1, 1, 1, nn.ReLU6, draw),
    )


def _block(
    channels: int,
    out: int,
    kernel: int,
    stride: int,
    groups: int,
    activation: type[nn.Module],
    draw: Generator | None,
) -> nn.Sequential:
    return conv_block(channels, out, kernel, stride, groups, activation, eps=_EPS, draw=draw)
