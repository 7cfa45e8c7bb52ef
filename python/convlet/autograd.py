"""The tape: which tensors came from which, and how gradients travel back.

Each operation that must be differentiated leaves a `Node` on its result: where the gradients of its
operands go, and a function, the vector-Jacobian product, that turns the gradient of the result into
theirs. Nodes are numbered as they are made, so an operation always has a greater number than those
it used: taking the greatest number first is all the order that `gradients` needs, without recursion.
"""

from __future__ import annotations

import heapq
import sys
from typing import TYPE_CHECKING, ClassVar, TypeAlias

import numpy as np

from convlet._arrays import plus, some_of, starting_gradient
from convlet._changes import changes, check_unchanged, numbers
from convlet.grad_mode import mode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

    Vjp: TypeAlias = Callable[..., Sequence[Array | None]]
    Hooks: TypeAlias = dict[int, Callable[[Array], Array]]

__all__ = ["Node", "Variable", "backward", "grad", "gradients", "is_recorded", "record"]


class Variable:
    """What the tape knows of a tensor."""

    __slots__ = ("data", "grad", "hooks", "node", "requires_grad")

    data: Array
    grad: Tensor | None
    hooks: Hooks | None  # of a leaf; those of other tensors belong to their node
    node: Node | None
    requires_grad: bool
    detached: ClassVar[staticmethod[[Array], Tensor]]


class Node:
    """One operation: its number, where gradients go on, and its vector-Jacobian product.

    An edge leads to the operation that made an operand, to the operand itself if it is a leaf, or
    nowhere (None). The numbers of an operand are kept by nobody but a vjp that needs them.
    """

    __slots__ = ("edges", "fresh", "hooks", "number", "vjp")

    def __init__(self, parents: Iterable[Variable], vjp: Vjp, fresh: bool = False) -> None:
        """Take the next number."""
        self.fresh = fresh
        self.number = next(numbers)
        self.edges: Sequence[Node | Variable | None] = tuple(
            [(p.node or p) if p.requires_grad else None for p in parents]
        )
        self.vjp: Vjp | None = vjp
        self.hooks: Hooks | None = None


def is_recorded(parents: Iterable[Variable]) -> bool:
    """Whether an operation on these tensors leaves a node."""
    return mode.recording and any(parent.requires_grad for parent in parents)


def record(data: Array, parents: tuple[Variable, ...], vjp: Vjp, fresh: bool = False) -> Tensor:
    """The result of an operation, with its node if a parent requires a gradient.

    `vjp` takes the gradient of the result and returns one per parent, None where none is needed.
    What its closure holds is what the operation saves: arrays and shapes rather than tensors.

    `fresh` tells that what the vjp returns is made for the call, or `dy` itself, and no two of them
    share memory: the operation before may then write over it. Such a vjp is called `vjp(dy, ours)`
    and may do so as well where `ours` is true, for then nobody else holds `dy`.
    """
    result = parents[0].detached(data)
    if mode.recording:
        for parent in parents:
            if parent.requires_grad:
                result.requires_grad = True
                result.node = Node(parents, vjp, fresh)
                break
        if mode.watch is not None:
            mode.watch(result, parents, sys._getframe(1))
    return result


def gradients(
    roots: Sequence[Variable],
    starts: Sequence[Array],
    retain_graph: bool = False,
    within: Collection[Node | Variable] = (),
) -> dict[Node | Variable, Array]:
    """The gradients by every leaf behind `roots`, and by the operations `within`.

    `starts` are the gradients of the roots. Nodes are emptied as soon as they have been used, which
    frees the arrays they saved. A gradient that only `totals` holds may be written over.
    """
    first = Node(roots, lambda _: starts)
    waiting = [(-first.number, first)]
    totals: dict[Node | Variable, Array] = {first: starts[0]}
    ours: set[Node | Variable] = set()  # whose totals nobody else holds
    found: dict[Node | Variable, Array] = {}
    while waiting:
        _, node = heapq.heappop(waiting)
        dy = _hooked(totals.pop(node), node.hooks)
        own = node in ours and not node.hooks
        if node in within:
            found[node], own = dy, False
        if node.vjp is None:
            raise RuntimeError(
                "backward: this graph was freed by an earlier backward(); compute the result "
                "again, or pass retain_graph=True to the first backward()"
            )
        if node.number < changes.latest:
            check_unchanged(node.vjp, node.number)
        parts = node.vjp(dy, own) if node.fresh else node.vjp(dy)
        for edge, dx in zip(node.edges, parts, strict=True):
            if edge is None or dx is None:
                continue
            if edge in totals:
                totals[edge] = plus(totals[edge], dx, overwrite_a=edge in ours)
                ours.add(edge)
            else:
                totals[edge] = dx
                if node.fresh and (own or dx is not dy):
                    ours.add(edge)
                if type(edge) is Node:
                    heapq.heappush(waiting, (-edge.number, edge))
        if not retain_graph:
            node.vjp, node.edges = None, ()
    found.update((leaf, _hooked(dx, leaf.hooks)) for leaf, dx in totals.items())
    return found


def backward(root: Variable, gradient: Array, retain_graph: bool = False) -> None:
    """Add to `grad` of every leaf behind `root` the gradient of `root` by it."""
    given = {id(gradient)}
    for leaf, dx in gradients((root,), (gradient,), retain_graph).items():
        assert isinstance(leaf, Variable)
        if leaf.grad is not None:
            leaf.grad = leaf.detached(plus(leaf.grad.data, dx))
        else:
            # a + b hands the same array to both: what may be shared is copied, so that changing
            # one gradient in place never changes another.
            shared = id(dx) in given or isinstance(dx.base, np.ndarray)
            leaf.grad = leaf.detached(dx.copy(order="K") if shared else dx)
        given.add(id(dx))


def grad(
    outputs: Variable | Sequence[Variable],
    inputs: Variable | Sequence[Variable],
    grad_outputs: Array | Variable | Sequence[Array | Variable | None] | None = None,
    retain_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of the sum of `outputs` by each of `inputs`; no tensor's `grad` changes.

    Args:
        outputs: one tensor or several.
        inputs: one tensor or several, leaves or results of operations.
        grad_outputs: the gradient of the output, or one for each; 1 for single numbers.
        retain_graph: keep the graph for another backward.
        allow_unused: give None for an input that the outputs do not depend on.

    Raises:
        RuntimeError: an input is unused and that is not allowed, or as `Tensor.backward`.
        TypeError: an output or an input is no tensor.
        ValueError: there are none, a gradient is missing or has another shape, or there are more.

    Example:
        >>> from convlet import Tensor
        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> grad((x * x).sum(), x)
        (Tensor([2., 4.]),)
    """
    roots = some_of(Variable, outputs, "grad", "outputs")
    wanted = [x.node or x for x in some_of(Variable, inputs, "grad", "inputs")]
    given = grad_outputs if isinstance(grad_outputs, (tuple, list)) else [grad_outputs] * len(roots)
    if len(given) != len(roots):
        raise ValueError(f"grad: grad_outputs must be {len(roots)} as outputs, got {len(given)}")
    starts = [starting_gradient(r, g, "grad") for r, g in zip(roots, given, strict=True)]
    found = gradients(roots, starts, retain_graph, set(wanted))
    for place, x in enumerate(wanted):
        if x not in found and not allow_unused:
            raise RuntimeError(f"grad: the outputs do not depend on inputs[{place}]")
    return tuple(roots[0].detached(found[x].copy()) if x in found else None for x in wanted)


def _hooked(dx: Array, hooks: Hooks | None) -> Array:
    dx = np.asarray(dx)  # NumPy makes scalars of arrays without axes
    if hooks:
        for hook in tuple(hooks.values()):
            dx = hook(dx)
    return dx
