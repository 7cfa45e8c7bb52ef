"""Models by name, for the command line and for files that say which model they hold."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convlet.models.alexnet import alexnet
from convlet.models.deeplabv3 import deeplabv3
from convlet.models.densenet import densenet121
from convlet.models.efficientnet import efficientnet_lite0
from convlet.models.fcos import fcos
from convlet.models.googlenet import googlenet
from convlet.models.heads import head_of
from convlet.models.lenet import lenet5
from convlet.models.lraspp import lraspp
from convlet.models.mobilenet import mobilenet_v2
from convlet.models.mobilenet_v3 import mobilenet_v3_large, mobilenet_v3_small
from convlet.models.published_weights import imagenet_classes, published
from convlet.models.resnet import (
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
    resnext50_32x4d,
)
from convlet.models.resunet import resunet
from convlet.models.shufflenet import shufflenet_v2_x0_5, shufflenet_v2_x1_0
from convlet.models.squeezenet import squeezenet1_1
from convlet.models.ssdlite import ssdlite320_mobilenet_v3_large
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
    import os
    from collections.abc import Callable

    from convlet.nn import Module

__all__ = ["create", "detectors", "names"]

MODELS: dict[str, Callable[..., Module]] = {
    function.__name__: function
    for function in (
        *(alexnet, deeplabv3, densenet121, efficientnet_lite0, googlenet, lenet5, lraspp),
        *(mobilenet_v2, mobilenet_v3_large, mobilenet_v3_small, resnet18, resnet34, resnet50),
        *(resnet101, resnet152, resnext50_32x4d, resunet, shufflenet_v2_x0_5, shufflenet_v2_x1_0),
        *(squeezenet1_1, unet, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn),
    )
}

DETECTORS: dict[str, Callable[..., Module]] = {
    function.__name__: function for function in (fcos, ssdlite320_mobilenet_v3_large)
}
KNOWN = {**MODELS, **DETECTORS}

# What users may say for what torchvision's functions call otherwise.
ALIASES = {
    "classes": "num_classes",
    "num_classes": "classes",
    "width": "width_mult",
    "dropout": "drop_rate",
}


def names() -> list[str]:
    """The names that `create` knows, but for the detectors."""
    return sorted(MODELS)


def detectors() -> list[str]:
    """The names of detectors that `create` knows.

    Example:
        >>> "fcos" in detectors()
        True
    """
    return sorted(DETECTORS)


def create(name: str, *, weights: Any = None, **arguments: Any) -> Module:
    """A model by its name, with first or with published weights.

    A model with published weights is in evaluation mode and has two attributes more:
    `preprocessing`, which makes of a photograph what the weights expect, and `classes`, the names of
    its scores. With another number of classes than 1,000 the last layer keeps its first weights, to
    be trained (`convlet.transfer`), and there are no names.

    Args:
        name: one of `names()` or `detectors()`.
        weights: "imagenet" for the published ones: in an installed package, else in the cache
            (`CONVLET_CACHE`, else `~/.cache/convlet`, folder `weights`), else fetched if their
            checksum is known; or the path of a file with the published names; or None.
        arguments: those of the function of that name; every network has `classes` (the same as
            `num_classes`), `in_channels` and `seed`, all but detectors also `width` (as
            `width_mult`) and `dropout`.

    Raises:
        ValueError: no model has this name or no published weights, the weights do not fit, or a
            number is out of range.
        TypeError: the model has no such argument.
        OSError: the published weights are not to be had; the message says where to put them.

    Example:
        >>> type(create("lenet5", classes=3)).__name__
        'LeNet5'
        >>> create("resnet18", classes=3, seed=0).fc
        Linear(in_features=512, out_features=3, bias=True)
    """
    if name not in KNOWN:
        raise ValueError(f"models: name must be one of {', '.join(sorted(KNOWN))}, got {name!r}")
    known = inspect.signature(KNOWN[name]).parameters
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
    if weights is None:
        return KNOWN[name](**given)
    return _with_weights(name, weights, given)


def _with_weights(name: str, weights: str | os.PathLike[str], given: dict[str, Any]) -> Module:
    source = published(name)
    path = source.find() if weights == "imagenet" else Path(weights)
    if given.get("in_channels", 3) != 3:
        raise ValueError(f"create: in_channels must be 3 with weights, got {given['in_channels']}")
    model = KNOWN[name](**{**dict(source.arguments), **given})
    state, own = source.state(model, path), model.state_dict()
    head, layer = head_of(model)
    whole = layer.weight.shape[0] == len(imagenet_classes())
    if not whole:
        state.update((key, own[key]) for key in own if key.startswith(f"{head}."))
    model.load_state_dict(state)
    vars(model)["preprocessing"] = source.preprocessing
    if whole:
        vars(model)["classes"] = list(imagenet_classes())
    return model.eval()
