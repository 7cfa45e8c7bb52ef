"""The last layer of a network: the one that knows the classes."""

from __future__ import annotations

from convlet import nn

__all__ = ["head_of", "set_head"]


def head_of(model: nn.Module) -> tuple[str, nn.Linear | nn.Conv2d]:
    """Name and layer that make the scores: the last linear layer, else the last convolution.

    Raises:
        ValueError: there is neither.

    Example:
        >>> from convlet import models
        >>> head_of(models.resnet18(seed=0))
        ('fc', Linear(in_features=512, out_features=1000, bias=True))
    """
    layers = list(model.named_modules())
    for kind in (nn.Linear, nn.Conv2d):
        found = [(name, layer) for name, layer in layers if isinstance(layer, kind) and name]
        if found:
            return found[-1]
    raise ValueError(f"head_of: {type(model).__name__} has no linear layer and no convolution")


def set_head(model: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer in the place of the one with a dotted name."""
    *path, last = name.split(".")
    owner = model
    for part in path:
        owner = getattr(owner, part)
    setattr(owner, last, layer)
