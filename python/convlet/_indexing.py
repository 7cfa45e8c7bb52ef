"""What `Tensor` does with [ ]: parts of it, taken and written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet._arrays import as_float32, is_basic_index, one_dim, plain_index, zeros
from convlet._changes import changes
from convlet.autograd import Variable, record
from convlet.grad_mode import mode
from convlet.ops._arguments import integer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

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
            dx = zeros(shape)
            if is_basic_index(index):
                dx[index] = dy
            else:
                np.add.at(dx, index, dy)
            return (dx,)

        return record(self.data[index], (self,), vjp)

    def split(self, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
        """Parts along `dim`: of one size, the last of which may be smaller, or of given sizes.

        Raises:
            ValueError: a size is out of range, or they do not add up to the extent.

        Example:
            >>> import convlet as cl
            >>> [part.tolist() for part in cl.arange(3).split(2)]
            [[0.0, 1.0], [2.0]]
        """
        along = one_dim(dim, self.data.ndim, "split")
        extent = self.data.shape[along]
        if isinstance(split_size, (tuple, list)):
            ends = np.cumsum([integer(size, "split", "split_size") for size in split_size]).tolist()
            if min(split_size, default=0) < 0 or (ends[-1] if ends else 0) != extent:
                raise ValueError(
                    f"split: split_size must add up to the extent {extent} without negative "
                    f"sizes, got {tuple(split_size)}"
                )
        else:
            size = integer(split_size, "split", "split_size")
            if size < 1:
                raise ValueError(f"split: split_size must be at least 1, got {size}")
            ends = [min(end, extent) for end in range(size, extent + size, size)] or [0]
        whole = (slice(None),) * along
        return tuple(
            [self[(*whole, slice(a, b))] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
        )

    def chunk(self, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
        """At most `chunks` parts along `dim`, all but the last of the same size.

        Raises:
            ValueError: `chunks` is below 1.

        Example:
            >>> import convlet as cl
            >>> [part.tolist() for part in cl.arange(4).chunk(2)]
            [[0.0, 1.0], [2.0, 3.0]]
        """
        count = integer(chunks, "chunk", "chunks")
        if count < 1:
            raise ValueError(f"chunk: chunks must be at least 1, got {count}")
        extent = self.data.shape[one_dim(dim, self.data.ndim, "chunk")]
        return self.split(max(-(-extent // count), 1), dim)

    def unbind(self, dim: int = 0) -> tuple[Tensor, ...]:
        """The parts along `dim`, without that dimension.

        Example:
            >>> import convlet as cl
            >>> [part.tolist() for part in cl.zeros(2, 1).unbind()]
            [[0.0], [0.0]]
        """
        along = one_dim(dim, self.data.ndim, "unbind")
        whole = (slice(None),) * along
        return tuple([self[(*whole, i)] for i in range(self.data.shape[along])])

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
