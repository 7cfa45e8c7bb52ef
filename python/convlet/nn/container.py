"""Modules made of modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from convlet.nn._sequence import ModuleSequence, checked
from convlet.nn.fusion import run
from convlet.nn.module import Module

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Sequential"]


class Sequential(ModuleSequence):
    """One module after another.

    A convolution, a batch normalisation and an activation that follow one another share a pass over
    memory (`nn.fusion`), unless somebody watches one of them through a forward hook.

    Args:
        modules: the modules in their order, or one dictionary of them by name.

    Raises:
        TypeError: something is not a module.

    Example:
        >>> from convlet import nn
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.ReLU())
        >>> len(model), model[1]
        (3, Linear(in_features=4, out_features=2, bias=True))
    """

    @overload
    def __init__(self, *modules: Module) -> None: ...
    @overload
    def __init__(self, modules: Mapping[str, Module], /) -> None: ...

    def __init__(self, *modules: Any) -> None:
        """Name the modules 0, 1, 2 … unless names are given."""
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], dict):
            named = list(modules[0].items())
        else:
            named = [(str(i), module) for i, module in enumerate(modules)]
        for name, module in named:
            self.add_module(name, checked(module, "Sequential"))

    def forward(self, input: Any) -> Any:
        """Each module on what the one before gave."""
        return run(self, input)

    def in_order(self) -> list[Module] | None:
        """The modules, unless a subclass computes something else or somebody watches the whole."""
        plain = type(self).forward is Sequential.forward and not self.is_watched
        return list(self) if plain else None

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...

    def __getitem__(self, index: int | slice) -> Module:
        """A module by its place, or a part as a Sequential that shares the modules."""
        modules = {name: v for name, v in self.__dict__.items() if isinstance(v, Module)}
        if isinstance(index, slice):
            return Sequential(dict(list(modules.items())[index]))
        return list(modules.values())[index]
