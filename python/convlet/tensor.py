"""The Tensor: a float32 array that remembers where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import autograd
from convlet._arithmetic import Arithmetic
from convlet._arrays import as_float32
from convlet._shaping import Shaping

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["Tensor", "as_tensor"]


class Tensor(Arithmetic, Shaping):
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

    @staticmethod
    def detached(data: Array) -> Tensor:
        """A leaf over an array that is float32 already."""
        tensor = _new(Tensor)
        tensor.data = data if type(data) is np.ndarray else np.asarray(data, np.float32)
        tensor.requires_grad = False
        tensor.grad = None
        tensor.node = None
        return tensor

    @property
    def shape(self) -> tuple[int, ...]:
        """The extents, (N, C, H, W) for images."""
        return self.data.shape

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self.data.ndim

    @property
    def size(self) -> int:
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

    def __len__(self) -> int:
        """The extent of the first dimension."""
        return len(self.data)

    def __repr__(self) -> str:
        """As NumPy's."""
        text = np.array2string(self.data, separator=", ", prefix="Tensor(")
        return f"Tensor({text}{', requires_grad=True' if self.requires_grad else ''})"

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        """The numbers, for NumPy."""
        if dtype is not None and np.dtype(dtype) != self.data.dtype:
            if copy is False:
                raise ValueError(f"Tensor: float32 numbers become {np.dtype(dtype)} only by a copy")
            return self.data.astype(dtype)
        return self.data.copy(order="K") if copy else self.data

    def __bool__(self) -> bool:
        """The truth of a single number."""
        return bool(self.item())

    def __float__(self) -> float:
        """A single number as a float."""
        return self.item()

    def numpy(self) -> Array:
        """The array itself, not a copy."""
        return self.data

    def item(self) -> float:
        """A single number as a float."""
        if self.data.size != 1:
            raise ValueError(f"item: only a single number has a value, got shape {self.shape}")
        return float(self.data.item())

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
            RuntimeError: nothing here requires a gradient, or the graph is freed already.
            ValueError: `gradient` is missing or has another shape.
        """
        if not self.requires_grad:
            raise RuntimeError(
                "backward: nothing that led to this tensor requires a gradient "
                "(requires_grad=True), or it was computed under no_grad()"
            )
        if gradient is not None:
            start = as_float32(gradient.data if isinstance(gradient, Tensor) else gradient)
        elif self.data.size == 1:
            start = np.ones(self.data.shape, np.float32)
        else:
            raise ValueError(
                f"backward: a tensor of shape {self.shape} needs the argument gradient; "
                "only a single number starts from 1"
            )
        if start.shape != self.data.shape:
            raise ValueError(f"backward: gradient must have shape {self.shape}, got {start.shape}")
        autograd.backward(self, start, retain_graph)


_new = Tensor.__new__


def as_tensor(data: npt.ArrayLike | Tensor) -> Tensor:
    """`data` itself if it is a tensor, else a tensor over it."""
    if isinstance(data, Tensor):
        return data
    return Tensor.detached(as_float32(data))
