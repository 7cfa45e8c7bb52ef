"""Models by name, for the command line and for files that say which model they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet.models.lenet import lenet5
from convlet.models.mobilenet import mobilenet_v2
from convlet.models.resnet import resnet18, resnet34, resnet50, resnet101
from convlet.models.unet import unet
from convlet.models.vgg import (
    vgg11,
    vgg11_bn,
    vgg13,
    vgg13_bn,
    vgg16,
    vgg16_bn,
    vgg19,
    vgg19_bn,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.nn import Module

__all__ = ["create", "names"]

MODELS: dict[str, Callable[..., Module]] = {
    "lenet5": lenet5,
    "mobilenet_v2": mobilenet_v2,
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "resnet101": resnet101,
    "unet": unet,
    "vgg11": vgg11,
    "vgg11_bn": vgg11_bn,
    "vgg13": vgg13,
    "vgg13_bn": vgg13_bn,
    "vgg16": vgg16,
    "vgg16_bn": vgg16_bn,
    "vgg19": vgg19,
    "vgg19_bn": vgg19_bn,
}


def names() -> list[str]:
    """The names that `create` knows."""
    return sorted(MODELS)


def create(name: str, **arguments: Any) -> Module:
    """A model by its name.

    Raises:
        ValueError: no model has this name.

    Example:
        >>> type(create("lenet5", classes=3)).__name__
        'LeNet5'
    """
    if name not in MODELS:
        raise ValueError(f"models: name must be one of {', '.join(names())}, got {name!r}")
    return MODELS[name](**arguments)
