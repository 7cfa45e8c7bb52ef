"""A new last layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from convlet import nn
from convlet.models.heads import head_of, set_head
from convlet.nn._arguments import positive
from convlet.random import Generator

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["replace_head"]

M = TypeVar("M", bound=nn.Module)


def replace_head(model: M, classes: int | Sequence[str], *, seed: int | None = None) -> M:
    """Put a new last layer, with first weights, in the place of the one that made the scores.

    Args:
        model: a network whose last linear layer, else last convolution, makes the scores; it is
            changed and returned.
        classes: how many scores shall come out, or their names, which `model.classes` then holds.
        seed: makes the first weights repeatable; `convlet.seed` decides when None.

    Raises:
        TypeError: `classes` is neither a number nor names.
        ValueError: there are no classes, or the network has no such layer.

    Example:
        >>> from convlet import models, transfer
        >>> model = transfer.replace_head(models.resnet18(seed=0), ["cat", "dog"], seed=0)
        >>> model.fc, model.classes
        (Linear(in_features=512, out_features=2, bias=True), ['cat', 'dog'])
    """
    names = None if isinstance(classes, int) else list(classes)
    if isinstance(classes, str) or (names and not all(isinstance(n, str) for n in names)):
        raise TypeError(f"replace_head: classes must be a number or names, got {classes!r:.60}")
    count = positive(classes if names is None else len(names), "replace_head", "classes")
    draw = None if seed is None else Generator(seed)
    name, old = head_of(model)
    new: nn.Module
    if isinstance(old, nn.Linear):
        new = nn.Linear(old.in_features, count, bias=old.bias is not None, generator=draw)
    else:
        new = nn.Conv2d(
            old.in_channels,
            count,
            old.kernel_size,
            old.stride,
            old.padding,
            bias=old.bias is not None,
            generator=draw,
        )
    new.train(old.training)
    set_head(model, name, new)
    vars(model).pop("classes", None)
    if names is not None:
        vars(model)["classes"] = names
    return model
