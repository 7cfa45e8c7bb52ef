"""Memory for time: a part of a network is computed again in backward instead of being kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet._repeating import noted, repeated
from convlet.autograd import Node
from convlet.grad_mode import enable_grad
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.ops._arguments import Array

__all__ = ["checkpoint"]


def checkpoint(
    function: Callable[..., Tensor], *args: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Tensor:
    """`function(*args, **kwargs)` of which nothing but the arguments is kept for backward.

    Chen et al., "Training deep nets with sublinear memory cost", 2016. Backward computes the
    function again with the same random numbers, so dropout drops the same values; running statistics
    of batch normalisation move in the first computation only. Gradients are the same bits as
    without a checkpoint where the function itself gives the same bits for the same arguments.

    Args:
        function: a module or any function of tensors that returns one tensor.
        *args: its arguments; tensors among them get gradients, those within other objects do not.
        use_reentrant: accepted so that PyTorch code runs unchanged.
        **kwargs: more arguments of the function.

    Raises:
        TypeError: the function does not return a tensor.
        RuntimeError: in backward: the function drew more random numbers than the first time, or
            an argument has been modified in place.

    Example:
        >>> from convlet import Tensor
        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> checkpoint(lambda x: x * x * x, x).sum().backward()
        >>> x.grad
        Tensor([ 3., 12.])
    """
    with noted() as drawn:
        y = function(*args, **kwargs)
    if not isinstance(y, Tensor):
        raise TypeError(f"checkpoint: function must return one tensor, got {type(y).__name__}")
    if y.node is None:
        return y
    # As the arguments are now: x += y would make other tensors of them.
    first = [_as_it_is(value) for value in args]
    named = {name: _as_it_is(value) for name, value in kwargs.items()}
    saved = [value.data for value in (*first, *named.values()) if isinstance(value, Tensor)]
    edges: list[Node | None] = []

    def vjp(dy: Array) -> tuple[Array]:
        assert saved is not None  # held here, so that changes in place are found out
        with repeated(drawn), enable_grad():
            again = function(*first, **named)
        edges[:] = [again.node]  # gradients go on through what has just been recorded
        return (dy,)

    result = y.detach()
    result.requires_grad = True
    result.node = Node((), vjp)
    result.node.edges = edges
    return result


def _as_it_is(value: Any) -> Any:
    """A tensor that stays the result of the same operation; anything else itself."""
    if not isinstance(value, Tensor) or value.node is None:
        return value
    twin = value.detach()
    twin.requires_grad, twin.node = True, value.node
    return twin
