"""What modules in an order have in common: they are attributes named 0, 1, 2 …."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.nn.module import Module

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from typing_extensions import Self

__all__ = ["ModuleSequence", "checked"]


class ModuleSequence(Module):
    """Modules in an order that may change."""

    def in_order(self) -> list[Module] | None:
        """The modules that a call computes one after the other, and nothing else; None: it does not."""
        return None

    def append(self, module: Module) -> Self:
        """One more module at the end."""
        self.add_module(str(len(self)), checked(module, type(self).__name__))
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """More modules at the end."""
        for module in modules:
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """One more module before the one at `index`."""
        modules = list(self)
        modules.insert(index, checked(module, type(self).__name__))
        return self._hold(modules)

    def pop(self, index: int = -1) -> Module:
        """Take a module out; those after it move up."""
        modules = list(self)
        module = modules.pop(index)
        self._hold(modules)
        return module

    def __len__(self) -> int:
        """The number of modules."""
        return sum(1 for _ in self)

    def __iter__(self) -> Iterator[Module]:
        """The modules in their order; one that stands twice comes twice."""
        return iter([value for value in self.__dict__.values() if isinstance(value, Module)])

    def __setitem__(self, index: int, module: Module) -> None:
        """Put another module in a place, under its name."""
        names = [name for name, value in self.__dict__.items() if isinstance(value, Module)]
        self.add_module(names[index], checked(module, type(self).__name__))

    def __delitem__(self, index: int | slice) -> None:
        """Take modules out; those after them move up."""
        modules = list(self)
        del modules[index]
        self._hold(modules)

    def _hold(self, modules: list[Module]) -> Self:
        for name in [name for name, value in self.__dict__.items() if isinstance(value, Module)]:
            delattr(self, name)
        return self.extend(modules)


def checked(module: object, holder: str) -> Module:
    """A module, and nothing else."""
    if not isinstance(module, Module):
        raise TypeError(f"{holder}: expected modules, got {type(module).__name__}")
    return module
