"""Modules held in a list or by name, without a forward of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from convlet.nn._sequence import ModuleSequence, checked
from convlet.nn.module import Module

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from typing_extensions import Self

__all__ = ["ModuleDict", "ModuleList"]


class ModuleList(ModuleSequence):
    """Modules in a list, whose parameters are found.

    Args:
        modules: the first of them, or None.

    Raises:
        TypeError: something is not a module.

    Example:
        >>> from convlet import nn
        >>> layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        >>> len(layers), len(list(layers.parameters()))
        (3, 6)
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        """Name the modules 0, 1, 2 …."""
        super().__init__()
        self.extend(modules or ())

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> ModuleList: ...

    def __getitem__(self, index: int | slice) -> Module:
        """A module by its place, or a part as a list that shares the modules."""
        modules = list(self)
        return ModuleList(modules[index]) if isinstance(index, slice) else modules[index]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        """Both, in a new list."""
        return ModuleList([*self, *other])

    def __iadd__(self, other: Iterable[Module]) -> Self:
        """More modules at the end."""
        return self.extend(other)


class ModuleDict(Module):
    """Modules by name, whose parameters are found.

    Args:
        modules: the first of them, or None.

    Raises:
        TypeError: something is not a module, or a name not a string.
        ValueError: a name is empty, has a dot in it or is that of a method.

    Example:
        >>> from convlet import nn
        >>> heads = nn.ModuleDict({"shape": nn.Linear(8, 3), "colour": nn.Linear(8, 5)})
        >>> [name for name, _ in heads.named_parameters()][:2], "size" in heads
        (['shape.weight', 'shape.bias'], False)
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        """Hold the modules under their names."""
        super().__init__()
        self.update(modules or {})

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules, or put others under their names."""
        for name, module in dict(modules).items():
            self[name] = module

    def pop(self, key: str) -> Module:
        """Take a module out."""
        module = self[key]
        delattr(self, key)
        return module

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._held().keys()

    def values(self) -> Iterable[Module]:
        """The modules."""
        return self._held().values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Names and modules."""
        return self._held().items()

    def __len__(self) -> int:
        """The number of modules."""
        return len(self._held())

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._held())

    def __contains__(self, key: object) -> bool:
        """Whether there is a module of that name."""
        return key in self._held()

    def __getitem__(self, key: str) -> Module:
        """A module by its name."""
        return self._held()[key]

    def __setitem__(self, key: str, module: Module) -> None:
        """Put a module under a name."""
        if not isinstance(key, str):
            raise TypeError(f"ModuleDict: a name must be a string, got {type(key).__name__}")
        if key not in self and hasattr(self, key):
            raise ValueError(f"ModuleDict: the name {key!r} is taken")
        self.add_module(key, checked(module, "ModuleDict"))

    def __delitem__(self, key: str) -> None:
        """Take a module out."""
        self.pop(key)

    def _held(self) -> dict[str, Module]:
        return {name: value for name, value in self.__dict__.items() if isinstance(value, Module)}
