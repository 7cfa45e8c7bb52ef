"""What a forward pass changes by itself, put back when its step does not come to an end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet import random
from convlet.tensor import Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.nn import Module

__all__ = ["Undo", "generators_of"]


def generators_of(model: Module) -> dict[str, random.Generator]:
    """The modules' own sources of random numbers; one that is shared is there under each name."""
    sources = ((name, getattr(m, "generator", None)) for name, m in model.named_modules())
    return {name: source for name, source in sources if isinstance(source, random.Generator)}


class Undo:
    """Buffers (running statistics) and random state, as they were when `take` was called.

    Args:
        model: the one in training.
    """

    def __init__(self, model: Module) -> None:
        """Find what may change, and take it."""
        self._buffers: list[npt.NDArray[Any]] = [
            value.data if isinstance(value, Tensor) else value for _, value in model.named_buffers()
        ]
        self._generators = [random.default_generator, *generators_of(model).values()]
        self.take()

    def take(self) -> None:
        """Remember what is there now."""
        self._values = [buffer.copy() for buffer in self._buffers]
        self._states = [generator.get_state() for generator in self._generators]

    def restore(self) -> None:
        """Put back what was there."""
        for buffer, value in zip(self._buffers, self._values, strict=True):
            buffer[...] = value
        for generator, state in zip(self._generators, self._states, strict=True):
            generator.set_state(state)
