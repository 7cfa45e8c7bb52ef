"""Models by name, for the command line and for files that say which model they hold."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from convlet.models.alexnet import alexnet
from convlet.models.densenet import densenet121
from convlet.models.efficientnet import efficientnet_lite0
from convlet.models.googlenet import googlenet
from convlet.models.lenet import lenet5
from convlet.models.mobilenet import mobilenet_v2
from convlet.models.mobilenet_v3 import mobilenet_v3_large, mobilenet_v3_small
from convlet.models.resnet import (
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
)
from convlet.models.shufflenet import shufflenet_v2_x0_5, shufflenet_v2_x1_0
from convlet.models.squeezenet import squeezenet1_1
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
    function.__name__: function
    for function in (
        *(alexnet, densenet121, efficientnet_lite0, googlenet, lenet5, mobilenet_v2),
        *(mobilenet_v3_large, mobilenet_v3_small, resnet18, resnet34, resnet50, resnet101),
        *(resnet152, resnext50_32x4d, shufflenet_v2_x0_5, shufflenet_v2_x1_0, squeezenet1_1),
        *(unet, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn),
    )
}

# What users may say for what torchvision's functions call otherwise.
ALIASES = {"classes": "num_classes", "num_classes": "classes", "width": "width_mult"}


def names() -> list[str]:
    """The names that `create` knows."""
    return sorted(MODELS)


def create(name: str, **arguments: Any) -> Module:
    """A model by its name.

    Args:
        name: one of `names()`.
        arguments: those of the function of that name. `classes` and `num_classes` mean the same, and
            so do `width` and `width_mult`.

    Raises:
        ValueError: no model has this name, or a number is out of range.
        TypeError: the model has no such argument.

    Example:
        >>> type(create("lenet5", classes=3)).__name__
        'LeNet5'
        >>> create("resnet18", classes=3, seed=0).fc
        Linear(in_features=512, out_features=3, bias=True)
    """
    if name not in MODELS:
        raise ValueError(f"models: name must be one of {', '.join(names())}, got {name!r}")
    known = inspect.signature(MODELS[name]).parameters
    given: dict[str, Any] = {}
    for argument, value in arguments.items():
        key = argument if argument in known else ALIASES.get(argument, argument)
        if key not in known:
            raise TypeError(
                f"create: {name} has no argument {argument}; it has {', '.join(sorted(known))}"
            )
        if key in given:
            raise TypeError(f"create: {argument} is given twice, under two names")
        given[key] = value
    return MODELS[name](**given)
