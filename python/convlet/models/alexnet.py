"""AlexNet."""

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
    scaled,
)

if TYPE_CHECKING:
    from convlet.tensor import Tensor

__all__ = ["AlexNet", "alexnet"]


class AlexNet(nn.Module):
    """Five convolutions, three of them pooled, and three linear layers.  (N, C, H, W) -> (N, classes).

    Krizhevsky, "One weird trick for parallelizing convolutional neural networks", 2014,
    arXiv:1404.5997, which has the network of Krizhevsky, Sutskever and Hinton 2012 for one processor;
    made by `alexnet`, which says what the arguments are. State names are torchvision's.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        dropout: float = 0.5,
        in_channels: int = 3,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        width_mult: float = 1.0,
        seed: int | None = None,
    ) -> None:
        """Make the layers."""
        super().__init__()
        check_counts("alexnet", num_classes=num_classes, in_channels=in_channels)
        check_choice("alexnet", "stem", stem, STEMS)
        check_factor("alexnet", "width_mult", width_mult)
        a, b, c, d, hidden = (scaled(n, width_mult) for n in (64, 192, 384, 256, 4096))
        draw = generator(seed)
        small = stem == "cifar"
        self.in_channels = in_channels
        self.least = 15 if small else 63
        first = (3, 1, 1) if small else (11, 4, 2)
        self.features = nn.Sequential(
            nn.Conv2d(in_channels, a, *first, generator=draw),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(a, b, 5, padding=2, generator=draw),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(b, c, 3, padding=1, generator=draw),
            nn.ReLU(inplace=True),
            nn.Conv2d(c, d, 3, padding=1, generator=draw),
            nn.ReLU(inplace=True),
            nn.Conv2d(d, d, 3, padding=1, generator=draw),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))
        self.classifier = nn.Sequential(
            nn.Dropout(dropout, generator=draw),
            nn.Linear(d * 6 * 6, hidden, generator=draw),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout, generator=draw),
            nn.Linear(hidden, hidden, generator=draw),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, num_classes, generator=draw),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax."""
        check_images(x, "alexnet", self.in_channels, self.least)
        scores: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return scores


def alexnet(
    *,
    num_classes: int = 1000,
    dropout: float = 0.5,
    in_channels: int = 3,
    stem: Literal["imagenet", "cifar"] = "imagenet",
    width_mult: float = 1.0,
    seed: int | None = None,
) -> AlexNet:
    """AlexNet for one processor.

    Args:
        num_classes: how many scores come out.
        dropout: probability of a zero before the first two linear layers.
        in_channels: 1 for grey images, 3 for colour.
        stem: "imagenet" starts with an 11x11 convolution of stride 4, "cifar" with a 3x3 one of
            stride 1, for images of 28 to 64 pixels; the state differs in `features.0.weight`.
        width_mult: factor of all channel counts, which are rounded to multiples of 8.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: a size is not an int.
        ValueError: a number is out of range.

    Example:
        >>> from convlet import models
        >>> sum(parameter.numel() for parameter in models.alexnet(seed=0).parameters())
        61100840
    """
    return AlexNet(num_classes, dropout, in_channels, stem, width_mult, seed)
