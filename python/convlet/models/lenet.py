"""LeNet-5."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import nn
from convlet.models._layers import check_factor
from convlet.nn.fusion import run
from convlet.ops._arguments import pair
from convlet.random import Generator

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.tensor import Tensor

__all__ = ["LeNet5", "lenet5"]


class LeNet5(nn.Module):
    """LeNet-5 with ReLU, max pooling and dropout.  (N, C, H, W) -> (N, classes).

    LeCun et al., "Gradient-based learning applied to document recognition", 1998, figure 2; made by
    `lenet5`, which says what the arguments are.
    """

    def __init__(
        self,
        classes: int = 10,
        in_channels: int = 1,
        image_size: int | Sequence[int] = 28,
        kernel_size: int | Sequence[int] = 5,
        dropout: float = 0.25,
        seed: int | None = None,
        width_mult: float = 1.0,
    ) -> None:
        """Make the layers for one size of image."""
        super().__init__()
        size = pair(image_size, "lenet5", "image_size")
        kernel = pair(kernel_size, "lenet5", "kernel_size")
        if min(kernel) < 1:
            raise ValueError(f"lenet5: kernel_size must be at least 1, got {kernel}")
        rest_h, rest_w = (_rest(n, k) for n, k in zip(size, kernel, strict=True))
        if min(rest_h, rest_w) < 1:
            least = tuple(_least(k) for k in kernel)
            raise ValueError(
                f"lenet5: image_size must be at least {least} for kernel_size {kernel}, got {size}"
            )
        check_factor("lenet5", "width_mult", width_mult)
        a, b, c, d = (max(1, round(n * width_mult)) for n in (6, 16, 120, 84))
        draw = None if seed is None else Generator(seed)
        border = (kernel[0] // 2, kernel[1] // 2)
        self.image_size = size
        self.conv1 = nn.Conv2d(in_channels, a, kernel, padding=border, generator=draw)
        self.conv2 = nn.Conv2d(a, b, kernel, generator=draw)
        self.pool = nn.MaxPool2d(2)
        self.relu = nn.ReLU()
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(dropout, generator=draw)
        self.fc1 = nn.Linear(b * rest_h * rest_w, c, generator=draw)
        self.fc2 = nn.Linear(c, d, generator=draw)
        self.fc3 = nn.Linear(d, classes, generator=draw)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of each class, before softmax."""
        if x.shape[1:] != (self.conv1.in_channels, *self.image_size):
            wanted = ("N", self.conv1.in_channels, *self.image_size)
            raise ValueError(
                f"lenet5: images must be ({', '.join(map(str, wanted))}), got {x.shape}"
            )
        x = run((self.conv1, self.relu, self.pool, self.conv2, self.relu, self.pool), x)
        x = run((self.flatten, self.fc1, self.relu, self.dropout), x)
        scores: Tensor = run((self.fc2, self.relu, self.dropout, self.fc3), x)
        return scores


def lenet5(
    classes: int = 10,
    in_channels: int = 1,
    image_size: int | Sequence[int] = 28,
    kernel_size: int | Sequence[int] = 5,
    dropout: float = 0.25,
    seed: int | None = None,
    width_mult: float = 1.0,
) -> LeNet5:
    """LeNet-5 with ReLU, max pooling and dropout.

    Args:
        classes: how many scores come out.
        in_channels: 1 for grey images, 3 for colour.
        image_size: height and width of the images.
        kernel_size: of both convolutions; the first is padded by half of it.
        dropout: probability of a zero after the first two fully connected layers.
        seed: makes first weights and dropout repeatable; `convlet.seed` decides when None.
        width_mult: factor of the 6 and 16 channels and of the 120 and 84 values.

    Raises:
        TypeError: a size is not an int.
        ValueError: the images are too small for the kernel, or a number is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import models, Tensor
        >>> models.lenet5(seed=0)(Tensor(np.zeros((2, 1, 28, 28)))).shape
        (2, 10)
    """
    return LeNet5(classes, in_channels, image_size, kernel_size, dropout, seed, width_mult)


def _rest(extent: int, kernel: int) -> int:
    """Height or width that is left before the fully connected layers."""
    first = (extent + 2 * (kernel // 2) - kernel + 1) // 2
    return (first - kernel + 1) // 2


def _least(kernel: int) -> int:
    """The smallest height or width of which something is left."""
    return 2 * (kernel + 1) - 1 + kernel - 2 * (kernel // 2)
