"""The tape: which tensors came from which, and how gradients travel back.

Each operation that must be differentiated leaves a `Node` on its result: the tensors it came from
and a function, the vector-Jacobian product, that turns the gradient of the result into theirs.
Nodes are numbered as they are made, so an operation always has a greater number than those it used:
taking the greatest number first is all the order that `backward` needs, without recursion.
"""

from __future__ import annotations

import heapq
import itertools
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from convlet._arrays import plus
from convlet.grad_mode import mode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

    Vjp: TypeAlias = Callable[[Array], Sequence[Array | None]]

__all__ = ["Node", "Variable", "backward", "is_recorded", "record"]

_numbers = itertools.count()


class Variable:
    """What the tape knows of a tensor."""

    __slots__ = ("data", "grad", "node", "requires_grad")

    data: Array
    grad: Tensor | None
    node: Node | None
    requires_grad: bool
    detached: ClassVar[staticmethod[[Array], Tensor]]


class Node:
    """One operation: its number, the tensors it used and its vector-Jacobian product."""

    __slots__ = ("number", "parents", "vjp")

    def __init__(self, parents: tuple[Variable, ...], vjp: Vjp) -> None:
        """Take the next number."""
        self.number = next(_numbers)
        self.parents = parents
        self.vjp: Vjp | None = vjp


def is_recorded(parents: Iterable[Variable]) -> bool:
    """Whether an operation on these tensors leaves a node."""
    return mode.recording and any(parent.requires_grad for parent in parents)


def record(data: Array, parents: tuple[Variable, ...], vjp: Vjp) -> Tensor:
    """The result of an operation, with its node if a parent requires a gradient.

    `vjp` takes the gradient of the result and returns one per parent, None where none is needed.
    """
    result = parents[0].detached(data)
    if mode.recording:
        for parent in parents:
            if parent.requires_grad:
                result.requires_grad = True
                result.node = Node(parents, vjp)
                break
    return result


def backward(root: Variable, gradient: Array, retain_graph: bool = False) -> None:
    """Add to `grad` of every leaf behind `root` the gradient of `root` by it.

    Nodes are emptied as soon as they have been used, which frees the arrays they saved.
    """
    if root.node is None:
        _accumulate(root, gradient, gradient)
        return
    waiting = [(-root.node.number, root.node)]
    gradients: dict[int, Array] = {root.node.number: gradient}
    while waiting:
        _, node = heapq.heappop(waiting)
        dy = np.asarray(gradients.pop(node.number))  # NumPy makes scalars of arrays without axes
        if node.vjp is None:
            raise RuntimeError(
                "backward: this graph was freed by an earlier backward(); compute the result "
                "again, or pass retain_graph=True to the first backward()"
            )
        for parent, dx in zip(node.parents, node.vjp(dy), strict=True):
            if dx is None or not parent.requires_grad:
                continue
            if parent.node is None:
                _accumulate(parent, dx, dy)
            elif parent.node.number in gradients:
                gradients[parent.node.number] = plus(gradients[parent.node.number], dx)
            else:
                gradients[parent.node.number] = dx
                heapq.heappush(waiting, (-parent.node.number, parent.node))
        if not retain_graph:
            node.vjp, node.parents = None, ()


def _accumulate(leaf: Variable, dx: Array, dy: Array) -> None:
    if leaf.grad is not None:
        leaf.grad = leaf.detached(leaf.grad.data + dx)
    elif dx is dy or isinstance(dx.base, np.ndarray):
        # a + b hands the same array to both: what may be shared is copied, so that changing one
        # gradient in place never changes another.
        leaf.grad = leaf.detached(dx.copy(order="K"))
    else:
        leaf.grad = leaf.detached(dx)
