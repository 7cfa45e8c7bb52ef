"""The Tensor: a float32 array that remembers where it came from."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, overload

import numpy as np

from convlet import autograd
from convlet._arithmetic import Arithmetic
from convlet._arrays import as_float32, one_dim, starting_gradient
from convlet._comparing import Comparing
from convlet._elementwise import Elementwise
from convlet._exchange import Exchange
from convlet._indexing import Indexing
from convlet._placing import Placed
from convlet._reductions import Reductions
from convlet._shaping import Shaping
from convlet.hooks import HookHandle

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["Tensor", "as_tensor"]


class Tensor(Arithmetic, Comparing, Elementwise, Exchange, Indexing, Placed, Reductions, Shaping):
    """A float32 array with an optional gradient.

    A float32 array is used in place, without a copy, unless `requires_grad` is set: a tensor that
    an optimiser may change owns its numbers. Other real input is converted.

    Args:
        data: an array, a number, nested lists, or another tensor.
        requires_grad: whether `backward` fills `grad`.

    Raises:
        TypeError: `data` is complex, or not numbers at all.

    Example:
        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        Tensor([2., 4.])
    """

    __slots__ = ("__weakref__",)
    __array_priority__ = 1000.0  # so that array + tensor is a tensor

    def __init__(self, data: npt.ArrayLike | Tensor, requires_grad: bool = False) -> None:
        """Hold `data` as a leaf of the graph."""
        given = data.data if isinstance(data, Tensor) else data
        array = as_float32(given)
        if requires_grad and isinstance(given, np.ndarray) and np.may_share_memory(array, given):
            array = array.copy(order="K")
        self.data = array
        self.requires_grad = bool(requires_grad)
        self.grad = None
        self.node = None
        self.hooks = None

    @staticmethod
    def detached(data: Array) -> Tensor:
        """A leaf over an array that is float32 already."""
        tensor = _new(Tensor)
        tensor.data = data if type(data) is np.ndarray else np.asarray(data, np.float32)
        tensor.requires_grad = False
        tensor.grad = None
        tensor.node = None
        tensor.hooks = None
        return tensor

    # --- what it is ------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents, (N, C, H, W) for images."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.data.ndim

    def dim(self) -> int:
        """The number of dimensions."""
        return self.data.ndim

    @overload
    def size(self, dim: None = None) -> tuple[int, ...]: ...

    @overload
    def size(self, dim: int) -> int: ...

    def size(self, dim: int | None = None) -> int | tuple[int, ...]:
        """The extents, or the one of `dim`."""
        return self.shape if dim is None else self.shape[one_dim(dim, self.ndim, "size")]

    def numel(self) -> int:
        """The number of elements."""
        return self.data.size

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Always float32."""
        return self.data.dtype

    @property
    def is_leaf(self) -> bool:
        """Whether a user made it, and not an operation that is recorded."""
        return self.node is None

    # --- gradients -------------------------------------------------------------------------------

    def detach(self) -> Tensor:
        """The same numbers, shared, without their history."""
        return self.detached(self.data)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set `requires_grad` of a leaf, and return it."""
        if self.node is not None:
            raise RuntimeError("requires_grad_: only a leaf may change; use detach() first")
        self.requires_grad = bool(requires_grad)
        return self

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = None

    def backward(
        self, gradient: Tensor | npt.ArrayLike | None = None, retain_graph: bool = False
    ) -> None:
        """Add to `grad` of every leaf behind this tensor the gradient of this tensor by it.

        Args:
            gradient: the gradient of this tensor, of its shape; 1 for a single number.
            retain_graph: keep the graph for another backward.

        Raises:
            RuntimeError: nothing here requires a gradient, the graph is freed already, or values
                that it saved have been modified in place.
            ValueError: `gradient` is missing or has another shape.
        """
        autograd.backward(self, starting_gradient(self, gradient, "backward"), retain_graph)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> HookHandle:
        """Call `hook` with the gradient of this tensor in every backward that reaches it.

        Args:
            hook: gets the whole gradient, not a part of it; what it returns takes its place.

        Raises:
            RuntimeError: the tensor does not require a gradient.

        Example:
            >>> x = Tensor([1.0, 2.0], requires_grad=True)
            >>> with x.register_hook(lambda dx: 10 * dx):
            ...     (x * x).sum().backward()
            >>> x.grad
            Tensor([20., 40.])
        """
        if not self.requires_grad:
            raise RuntimeError("register_hook: a tensor that requires no gradient never gets one")

        def on_arrays(dx: Array) -> Array:
            replaced = hook(self.detached(dx))
            if replaced is None:
                return dx
            changed = as_tensor(replaced).data
            if changed.shape != dx.shape:
                raise ValueError(
                    f"register_hook: the hook must return shape {dx.shape}, got {changed.shape}"
                )
            return changed

        owner = self if self.node is None else self.node
        owner.hooks = {} if owner.hooks is None else owner.hooks
        return HookHandle(owner.hooks, on_arrays)

    def retain_grad(self) -> None:
        """Keep the gradient in `grad` also if this tensor is the result of an operation.

        Raises:
            RuntimeError: the tensor does not require a gradient.

        Example:
            >>> x = Tensor([1.0, 2.0], requires_grad=True)
            >>> y = x * x
            >>> y.retain_grad()
            >>> y.sum().backward()
            >>> y.grad
            Tensor([1., 1.])
        """
        if not self.requires_grad:
            raise RuntimeError("retain_grad: a tensor that requires no gradient never gets one")
        if self.node is None:
            return
        itself = weakref.ref(self)  # a cycle would keep the graph until the garbage collector runs

        def keep(dx: Array) -> Array:
            tensor = itself()
            if tensor is not None:
                values = dx if tensor.grad is None else tensor.grad.data + dx
                tensor.grad = tensor.detached(values.copy(order="K"))
            return dx

        self.node.hooks = {} if self.node.hooks is None else self.node.hooks
        self.node.hooks.setdefault(-1, keep)  # once, however often it is asked for


_new = Tensor.__new__


def as_tensor(data: npt.ArrayLike | Tensor) -> Tensor:
    """`data` itself if it is a tensor, else a tensor over it."""
    if isinstance(data, Tensor):
        return data
    return Tensor.detached(as_float32(data))
