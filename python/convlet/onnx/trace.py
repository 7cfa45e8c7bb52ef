"""Which operations a network consists of, in their order and with their arguments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convlet.grad_mode import enable_grad, mode
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from convlet.autograd import Variable
    from convlet.nn import Module
    from convlet.ops._arguments import Array

__all__ = ["Step", "Trace", "trace"]


@dataclass(frozen=True)
class Step:
    """One operation.

    Attributes:
        name: of the function that computed it.
        parents: its operands.
        result: what came out.
        values: the arguments and other names of the function.
        other: the same step in the second trace, of another number of images.
    """

    name: str
    parents: tuple[Any, ...]
    result: Any
    values: dict[str, Any]
    other: Step | None = field(default=None, repr=False)

    def __getitem__(self, name: str) -> Any:
        """A value by its name in the function."""
        return self.values[name]


@dataclass(frozen=True)
class Trace:
    """A forward pass."""

    images: Tensor
    steps: list[Step]
    outputs: list[Tensor]


def trace(model: Module, images: Array) -> Trace:
    """Run a network, and note what the tape would record.

    Raises:
        TypeError: it gives something else than tensors.
    """
    steps: list[Step] = []

    def note(result: Variable, parents: tuple[Variable, ...], frame: FrameType) -> None:
        steps.append(Step(frame.f_code.co_name, tuple(parents), result, dict(frame.f_locals)))

    # A gradient is wanted so that no layer is folded into another's pass.
    x = Tensor(images, requires_grad=True)
    before, mode.watch = mode.watch, note
    try:
        with enable_grad():
            outputs = list(_tensors(model(x)))
    finally:
        mode.watch = before
    return Trace(x, steps, outputs)


def _tensors(outputs: Any) -> Iterator[Tensor]:
    if isinstance(outputs, Tensor):
        yield outputs
    elif isinstance(outputs, dict):
        for value in outputs.values():
            yield from _tensors(value)
    elif isinstance(outputs, (tuple, list)):
        for value in outputs:
            yield from _tensors(value)
    else:
        raise TypeError(f"export: a model must give tensors, got {type(outputs).__name__}")
