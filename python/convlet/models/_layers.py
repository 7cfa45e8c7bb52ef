"""What the families share: first weights and checks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convlet import nn
from convlet.nn import init
from convlet.nn._arguments import positive
from convlet.random import Generator

if TYPE_CHECKING:
    from convlet.tensor import Tensor

__all__ = [
    "STEMS",
    "check_choice",
    "check_counts",
    "check_factor",
    "check_images",
    "conv_block",
    "generator",
    "initialise",
    "rounded",
    "scaled",
]

STEMS = ("imagenet", "cifar")


def generator(seed: int | None) -> Generator | None:
    """Where a model's random numbers come from; None leaves it to `convlet.seed`."""
    return None if seed is None else Generator(seed)


def initialise(model: nn.Module, source: Generator | None, linear_std: float | None = None) -> None:
    """Draw first weights as torchvision does for networks with ReLU.

    Convolutions follow He et al. 2015 with the spread of gradients kept ("fan_out"), their biases
    are 0; linear layers are normal with `linear_std` and have biases of 0, or stay as they are.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            init.kaiming_normal_(
                module.weight, mode="fan_out", nonlinearity="relu", generator=source
            )
        elif isinstance(module, nn.Linear) and linear_std is not None:
            init.normal_(module.weight, 0.0, linear_std, source)
        else:
            continue
        if module.bias is not None and not (isinstance(module, nn.Linear) and linear_std is None):
            init.zeros_(module.bias)


def check_counts(op: str, **counts: object) -> None:
    """Whole numbers of at least 1, by the names that users gave them."""
    for name, value in counts.items():
        positive(value, op, name)


def check_images(x: Tensor, op: str, channels: int, least: int) -> None:
    """Images (N, C, H, W) of the right number of channels, and large enough to leave a pixel."""
    if x.ndim != 4 or x.shape[1] != channels:
        raise ValueError(f"{op}: images must be (N, {channels}, H, W), got {x.shape}")
    if min(x.shape[2:]) < least:
        raise ValueError(f"{op}: images must be at least {least} x {least} pixels, got {x.shape}")


def check_choice(op: str, name: str, value: object, choices: tuple[str, ...]) -> None:
    """One of a few words."""
    if value not in choices:
        words = " or ".join(f'"{choice}"' for choice in choices)
        raise ValueError(f"{op}: {name} must be {words}, got {value!r}")


def check_factor(op: str, name: str, value: object) -> None:
    """A finite number above 0."""
    if not (isinstance(value, (int, float)) and 0 < value < math.inf):
        raise ValueError(f"{op}: {name} must be a finite number above 0, got {value!r}")


def rounded(channels: float, divisor: int = 8) -> int:
    """The nearest multiple of `divisor`, at least it and never below nine tenths of `channels`."""
    nearest = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return nearest + divisor if nearest < 0.9 * channels else nearest


def scaled(channels: int, factor: float) -> int:
    """`channels` times the factor, in eights; `channels` themselves for 1."""
    return channels if factor == 1 else rounded(channels * factor)


def conv_block(
    channels: int,
    out: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    activation: type[nn.Module] | None = nn.ReLU,
    *,
    eps: float = 1e-5,
    momentum: float = 0.1,
    dilation: int = 1,
    draw: Generator | None = None,
) -> nn.Sequential:
    """Convolution, batch normalisation and, unless None, an activation; odd kernels keep the size."""
    layers: list[nn.Module] = [
        nn.Conv2d(
            *(channels, out, kernel, stride, kernel // 2 * dilation, dilation, groups),
            bias=False,
            generator=draw,
        ),
        nn.BatchNorm2d(out, eps, momentum),
    ]
    if activation is not None:
        layers.append(activation())
    return nn.Sequential(*layers)
