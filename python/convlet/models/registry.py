"""Models by name, for the command line and for files that say which model they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet.models.lenet import lenet5

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.nn import Module

__all__ = ["create", "names"]

MODELS: dict[str, Callable[..., Module]] = {
    "lenet5": lenet5,
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
