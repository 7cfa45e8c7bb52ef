"""What `Tensor` does with its dimensions: reductions, reshaping, indexing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from convlet import _core
from convlet._arrays import (
    contiguous,
    is_basic_index,
    one_dim,
    plain_index,
    several_dims,
    spread,
)
from convlet.autograd import Variable, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

    Dims: TypeAlias = int | Sequence[int] | None


class Shaping(Variable):
    """Reductions, reshaping and indexing of tensors."""

    __slots__ = ()

    def sum(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The sum over one dimension, several, or all."""
        shape, dims = self.data.shape, several_dims(dim, self.data.ndim, "sum")
        y = self.data.sum(axis=dims, keepdims=keepdim)
        return record(y, (self,), lambda dy: (spread(dy, shape, dims),))

    def mean(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The mean over one dimension, several, or all."""
        shape, dims = self.data.shape, several_dims(dim, self.data.ndim, "mean")
        count = 1
        for d in dims:
            count *= shape[d]
        if count == 0:
            raise ValueError(f"mean: no numbers to average in shape {shape}")
        y = self.data.mean(axis=dims, keepdims=keepdim)
        return record(y, (self,), lambda dy: (spread(dy / np.float32(count), shape, dims),))

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """The same numbers in another shape, one extent of which may be -1."""
        before = self.data.shape
        y = contiguous(self.data).reshape(*shape)  # type: ignore[arg-type]
        return record(y, (self,), lambda dy: (contiguous(dy).reshape(before),))

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Dimensions `start_dim` to `end_dim` as one, in the order of their names (C, H, W)."""
        before = self.data.shape
        rank = len(before)
        first = one_dim(start_dim, max(rank, 1), "flatten")
        last = one_dim(end_dim, max(rank, 1), "flatten")
        if first > last:
            raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
        length = 1
        for extent in before[first : last + 1]:
            length *= extent
        y = contiguous(self.data).reshape((*before[:first], length, *before[last + 1 :]))
        if rank == 4:  # back to the memory order of images once, for every gradient before it
            return record(y, (self,), lambda dy: (_core.to_channels_last(dy.reshape(before)),))
        return record(y, (self,), lambda dy: (contiguous(dy).reshape(before),))

    def permute(self, *dims: int | Sequence[int]) -> Tensor:
        """The dimensions in another order."""
        wanted = dims[0] if len(dims) == 1 and not isinstance(dims[0], int) else dims
        order = several_dims(wanted, self.data.ndim, "permute")  # type: ignore[arg-type]
        if len(order) != self.data.ndim:
            raise ValueError(f"permute: {self.data.ndim} dimensions needed, got {len(order)}")
        inverse = tuple(order.index(d) for d in range(len(order)))
        return record(self.data.transpose(order), (self,), lambda dy: (dy.transpose(inverse),))

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Two dimensions exchanged."""
        order = list(range(self.data.ndim))
        a, b = (one_dim(d, self.data.ndim, "transpose") for d in (dim0, dim1))
        order[a], order[b] = order[b], order[a]
        return self.permute(*order)

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order."""
        return self.permute(*reversed(range(self.data.ndim)))

    def __getitem__(self, index: Any) -> Tensor:
        """A part, by NumPy's rules."""
        index = plain_index(index)
        shape = self.data.shape

        def vjp(dy: Array) -> tuple[Array]:
            dx = np.zeros(shape, np.float32)
            if is_basic_index(index):
                dx[index] = dy
            else:
                np.add.at(dx, index, dy)  # an element may have been taken more than once
            return (dx,)

        return record(self.data[index], (self,), vjp)
