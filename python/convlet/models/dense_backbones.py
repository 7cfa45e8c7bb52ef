"""Networks for classification without their last layers, for a class at each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet import nn
from convlet.models.mobilenet_v3 import mobilenet_v3_large
from convlet.models.resnet import resnet50, resnet101
from convlet.nn.fusion import conv_norm

if TYPE_CHECKING:
    from convlet.models.resnet import ResNet
    from convlet.tensor import Tensor

__all__ = ["DENSE_BACKBONES", "MobileNetBackbone", "ResNetBackbone"]


class ResNetBackbone(nn.Module):
    """A ResNet up to its last stage, 8 pixels apart: stages 3 and 4 dilate instead of striding.

    (N, C, H, W) -> the images of stage 3 and of stage 4, whose channels are `widths`.
    """

    def __init__(self, whole: ResNet) -> None:
        """Take the layers of a whole network."""
        super().__init__()
        self.conv1, self.bn1, self.maxpool = whole.conv1, whole.bn1, whole.maxpool
        self.layer1, self.layer2 = whole.layer1, whole.layer2
        self.layer3, self.layer4 = whole.layer3, whole.layer4
        wide = whole.fc.in_features
        self.widths = (wide // 2, wide)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What stages 3 and 4 see."""
        x = conv_norm(self.conv1, self.bn1, x, activation="relu")
        if self.maxpool is not None:
            x = self.maxpool(x)
        middle: Tensor = self.layer3(self.layer2(self.layer1(x)))
        return middle, self.layer4(middle)


class MobileNetBackbone(nn.Sequential):
    """The convolutions of a MobileNetV3-Large, 16 pixels apart: the last three blocks dilate.

    (N, C, H, W) -> the images of block 4, 8 pixels apart, and of the last layer; `widths` are
    their channels.
    """

    LOW = 4

    def __init__(self, features: nn.Sequential) -> None:
        """Take the layers of a whole network."""
        super().__init__(*features)
        self.widths = tuple(
            [m for m in features[at].modules() if isinstance(m, nn.BatchNorm2d)][-1].num_features
            for at in (self.LOW, len(features) - 1)
        )

    def forward(self, input: Tensor) -> tuple[Tensor, Tensor]:
        """What block 4 and the last layer see."""
        x = input
        for index, layer in enumerate(self):
            x = layer(x)
            if index == self.LOW:
                low = x
        return low, x


def _resnet(make: Any) -> Any:
    def build(in_channels: int, width_mult: float, seed: int | None) -> ResNetBackbone:
        return ResNetBackbone(
            make(
                num_classes=1,
                replace_stride_with_dilation=(False, True, True),
                in_channels=in_channels,
                width_mult=width_mult,
                seed=seed,
            )
        )

    return build


def _mobilenet(in_channels: int, width_mult: float, seed: int | None) -> MobileNetBackbone:
    whole = mobilenet_v3_large(
        num_classes=1, in_channels=in_channels, width_mult=width_mult, seed=seed, dilated=True
    )
    return MobileNetBackbone(whole.features)


# Made of channels of the images, a factor of all widths, and a seed.
DENSE_BACKBONES: dict[str, Any] = {
    "resnet50": _resnet(resnet50),
    "resnet101": _resnet(resnet101),
    "mobilenet_v3_large": _mobilenet,
}
