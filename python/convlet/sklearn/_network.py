"""The network that a classifier trains: its own small one, one by name, or the user's."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from convlet import models, nn
from convlet.models import registry
from convlet.random import Generator

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.nn import Module

    Shape = tuple[int, int, int]

_WIDTHS = (16, 32)
_HIDDEN = 64
_LARGE_STEM_FROM = 65  # pixels; below, ResNets get the stem for small images


def make_network(
    model: str | Callable[..., Module] | None, shape: Shape, classes: int, dropout: float, seed: int
) -> Module:
    """A network for images (C, H, W) that gives scores of some classes."""
    if model is None:
        return small_network(shape, classes, dropout, Generator(seed))
    if isinstance(model, str):
        return _by_name(model, shape, classes, seed)
    made = model(shape, classes, seed)
    if not isinstance(made, nn.Module):
        raise TypeError(
            f"CNNClassifier: model must make a convlet.nn.Module, got {type(made).__name__}"
        )
    return made


def small_network(shape: Shape, classes: int, dropout: float, draw: Generator) -> nn.Sequential:
    """Two convolutions, each with a pooling where there is room, and two linear layers."""
    channels, height, width = shape
    layers: list[Module] = []
    for filters in _WIDTHS:
        kernel = tuple(3 if extent >= 3 else 1 for extent in (height, width))
        border = tuple(extent // 2 for extent in kernel)
        layers += [
            nn.Conv2d(channels, filters, kernel, padding=border, generator=draw),
            nn.ReLU(),
        ]
        pool = tuple(2 if extent >= 4 else 1 for extent in (height, width))
        if pool != (1, 1):
            layers.append(nn.MaxPool2d(pool))
        channels, height, width = filters, height // pool[0], width // pool[1]
    return nn.Sequential(
        *(*layers, nn.Flatten(), nn.Dropout(dropout, generator=draw)),
        *(nn.Linear(channels * height * width, _HIDDEN, generator=draw), nn.ReLU()),
        nn.Linear(_HIDDEN, classes, generator=draw),
    )


def _by_name(name: str, shape: Shape, classes: int, seed: int) -> Module:
    if name not in registry.MODELS:
        known = ", ".join(models.names())
        raise ValueError(f"CNNClassifier: model must be one of {known}, got {name!r}")
    channels, height, width = shape
    wanted: dict[str, Any] = {
        "classes": classes,
        "num_classes": classes,
        "in_channels": channels,
        "image_size": (height, width),
        "seed": seed,
    }
    if max(height, width) < _LARGE_STEM_FROM:
        wanted["stem"] = "cifar"
    known_arguments = inspect.signature(registry.MODELS[name]).parameters
    return models.create(name, **{k: v for k, v in wanted.items() if k in known_arguments})
