"""What `Tensor` does with [ ]: parts of it, taken and written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet._arrays import as_float32, is_basic_index, plain_index
from convlet._changes import changes
from convlet.autograd import Variable, record
from convlet.grad_mode import mode

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor


class Indexing(Variable):
    """Indexing by NumPy's rules: integers, slices, None, ..., arrays of integers and of bools."""

    __slots__ = ()

    def __len__(self) -> int:
        """The extent of the first dimension."""
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        """The parts along the first dimension."""
        if self.data.ndim == 0:
            raise TypeError("iteration: a tensor without dimensions has no parts")
        return (self[i] for i in range(len(self.data)))

    def __getitem__(self, index: Any) -> Tensor:
        """A part; a part that is taken twice gets both gradients."""
        index = plain_index(index)
        shape = self.data.shape

        def vjp(dy: Array) -> tuple[Array]:
            dx = np.zeros(shape, np.float32)
            if is_basic_index(index):
                dx[index] = dy
            else:
                np.add.at(dx, index, dy)
            return (dx,)

        return record(self.data[index], (self,), vjp)

    def __setitem__(self, index: Any, value: Variable | npt.ArrayLike) -> None:
        """Write a part in place; not while operations are recorded and one side wants a gradient.

        Raises:
            RuntimeError: the tensor or the value requires a gradient, outside of `no_grad`.
            ValueError: the value does not broadcast to the part, or the numbers are read-only.
        """
        trained = isinstance(value, Variable) and value.requires_grad
        if mode.recording and (self.requires_grad or trained):
            raise RuntimeError(
                "x[...] = y: writing into a tensor is not recorded, so neither side may require a "
                "gradient; do it under no_grad(), or use where()"
            )
        if not self.data.flags.writeable:
            raise ValueError("x[...] = y: the numbers of x are read-only; use a clone()")
        index = plain_index(index)
        given = as_float32(value.data if isinstance(value, Variable) else value)
        try:
            self.data[index] = given
        except ValueError:
            part = self.data[index].shape
            raise ValueError(
                f"x[...] = y: a value of shape {given.shape} does not broadcast to {part}"
            ) from None
        changes.note((self.data,))

    def masked_fill(self, mask: Variable | npt.ArrayLike, value: float) -> Tensor:
        """`value` where the mask is true, x elsewhere.

        Raises:
            ValueError: the mask does not broadcast to x's shape.

        Example:
            >>> from convlet import Tensor
            >>> x = Tensor([1.0, -2.0])
            >>> x.masked_fill(x < 0, 0.0)
            Tensor([1., 0.])
        """
        hidden = np.asarray(mask.data if isinstance(mask, Variable) else mask).astype(bool)
        y = self.data.copy(order="K")
        try:
            np.copyto(y, np.float32(value), where=hidden)
        except ValueError:
            raise ValueError(
                f"masked_fill: mask must broadcast to {y.shape}, got shape {hidden.shape}"
            ) from None
        return record(y, (self,), lambda dy: (np.where(hidden, np.float32(0), dy),))
