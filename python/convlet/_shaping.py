"""What `Tensor` does with its dimensions: the same numbers in another shape or order."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import _core
from convlet._arrays import contiguous, one_dim, several_dims, unbroadcast
from convlet.autograd import Variable, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.tensor import Tensor


class Shaping(Variable):
    """Reshaping and reordering of tensors. Shapes follow the names (N, C, H, W), never the memory."""

    __slots__ = ()

    def reshape(self, *shape: int | Sequence[int]) -> Tensor:
        """The same numbers in another shape, one extent of which may be -1.

        Raises:
            ValueError: the shape does not hold as many numbers.

        Example:
            >>> import convlet as cl
            >>> cl.arange(6).reshape(2, -1).tolist()
            [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
        """
        before = self.data.shape
        wanted = _sizes(shape)
        try:
            y = contiguous(self.data).reshape(wanted)
        except ValueError:
            raise ValueError(f"reshape: {before} does not fit into {tuple(wanted)}") from None
        return record(y, (self,), lambda dy: (contiguous(dy).reshape(before),))

    view = reshape

    def view_as(self, other: Variable) -> Tensor:
        """The same numbers in the shape of `other`.

        Example:
            >>> import convlet as cl
            >>> cl.arange(4).view_as(cl.zeros(2, 2)).shape
            (2, 2)
        """
        return self.reshape(other.data.shape)

    reshape_as = view_as

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Dimensions `start_dim` to `end_dim` as one, in the order of their names (C, H, W).

        Example:
            >>> import convlet as cl
            >>> cl.zeros(2, 3, 4).flatten(1).shape
            (2, 12)
        """
        before = self.data.shape
        rank = len(before)
        first = one_dim(start_dim, max(rank, 1), "flatten")
        last = one_dim(end_dim, max(rank, 1), "flatten")
        if first > last:
            raise ValueError(f"flatten: start_dim {start_dim} comes after end_dim {end_dim}")
        length = math.prod(before[first : last + 1])
        y = contiguous(self.data).reshape((*before[:first], length, *before[last + 1 :]))
        if rank == 4:  # back to the memory order of images once, for every gradient before it
            return record(y, (self,), lambda dy: (_core.to_channels_last(dy.reshape(before)),))
        return record(y, (self,), lambda dy: (contiguous(dy).reshape(before),))

    def unflatten(self, dim: int, sizes: Sequence[int]) -> Tensor:
        """One dimension as several, one extent of which may be -1.

        Example:
            >>> import convlet as cl
            >>> cl.zeros(2, 12).unflatten(1, (3, -1)).shape
            (2, 3, 4)
        """
        before = self.data.shape
        along = one_dim(dim, len(before), "unflatten")
        return self.reshape(*before[:along], *_sizes((sizes,)), *before[along + 1 :])

    def squeeze(self, dim: int | Sequence[int] | None = None) -> Tensor:
        """Without the dimensions of extent 1: all of them, or those of `dim` that have it.

        Example:
            >>> import convlet as cl
            >>> cl.zeros(1, 3, 1).squeeze().shape
            (3,)
        """
        shape = self.data.shape
        dims = several_dims(dim, len(shape), "squeeze")
        kept = tuple([n for d, n in enumerate(shape) if n != 1 or d not in dims])
        return record(self.data.reshape(kept), (self,), lambda dy: (dy.reshape(shape),))

    def unsqueeze(self, dim: int) -> Tensor:
        """With a new dimension of extent 1 at `dim`.

        Example:
            >>> import convlet as cl
            >>> cl.zeros(3).unsqueeze(0).shape
            (1, 3)
        """
        shape = self.data.shape
        at = one_dim(dim, len(shape) + 1, "unsqueeze")
        y = self.data.reshape((*shape[:at], 1, *shape[at:]))
        return record(y, (self,), lambda dy: (dy.reshape(shape),))

    def expand(self, *sizes: int | Sequence[int]) -> Tensor:
        """Repeated along dimensions of extent 1 without a copy; -1 keeps an extent.

        The result is read-only.

        Raises:
            ValueError: an extent that is not 1 would change.
        """
        before, wanted = self.data.shape, _sizes(sizes)
        added = len(wanted) - len(before)
        kept = [before[d - added] if n == -1 and d >= added else n for d, n in enumerate(wanted)]
        try:
            y = np.broadcast_to(self.data, kept)
        except ValueError:
            raise ValueError(f"expand: {before} does not expand to {tuple(wanted)}") from None
        return record(y, (self,), lambda dy: (unbroadcast(dy, before),))

    def expand_as(self, other: Variable) -> Tensor:
        """Repeated to the shape of `other`."""
        return self.expand(other.data.shape)

    def contiguous(self) -> Tensor:
        """The tensor itself: every operation takes any order of memory."""
        return self  # type: ignore[return-value]

    # --- the order of dimensions -----------------------------------------------------------------

    def permute(self, *dims: int | Sequence[int]) -> Tensor:
        """The dimensions in another order.

        Example:
            >>> import convlet as cl
            >>> cl.zeros(2, 3, 4).permute(2, 0, 1).shape
            (4, 2, 3)
        """
        order = several_dims(_sizes(dims), self.data.ndim, "permute")
        if len(order) != self.data.ndim:
            raise ValueError(f"permute: {self.data.ndim} dimensions needed, got {len(order)}")
        inverse = sorted(range(len(order)), key=order.__getitem__)
        return record(self.data.transpose(order), (self,), lambda dy: (dy.transpose(inverse),))

    def transpose(self, dim0: int, dim1: int) -> Tensor:
        """Two dimensions exchanged.

        Example:
            >>> import convlet as cl
            >>> cl.arange(6).reshape(2, 3).transpose(0, 1).tolist()
            [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
        """
        a, b = (one_dim(d, self.data.ndim, "transpose") for d in (dim0, dim1))
        return record(self.data.swapaxes(a, b), (self,), lambda dy: (dy.swapaxes(a, b),))

    swapaxes = transpose

    def movedim(self, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
        """Dimensions moved to other places; the others keep their order.

        Example:
            >>> import convlet as cl
            >>> cl.zeros(2, 3, 4).movedim(0, -1).shape
            (3, 4, 2)
        """
        rank = self.data.ndim
        here, there = (several_dims(d, rank, "movedim") for d in (source, destination))
        if len(here) != len(there):
            raise ValueError(f"movedim: {len(here)} dimensions cannot move to {len(there)} places")
        order = [d for d in range(rank) if d not in here]
        for place, d in sorted(zip(there, here, strict=True)):
            order.insert(place, d)
        return self.permute(order)

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order."""
        return record(self.data.T, (self,), lambda dy: (dy.T,))

    @property
    def mT(self) -> Tensor:
        """The last two dimensions exchanged: each matrix transposed."""
        return self.transpose(-2, -1)

    def flip(self, *dims: int | Sequence[int]) -> Tensor:
        """The numbers in reverse order along some dimensions.

        Example:
            >>> import convlet as cl
            >>> cl.arange(3).flip(0).tolist()
            [2.0, 1.0, 0.0]
        """
        along = several_dims(_sizes(dims), self.data.ndim, "flip")
        return record(np.flip(self.data, along), (self,), lambda dy: (np.flip(dy, along),))


def _sizes(sizes: tuple[Any, ...]) -> Sequence[int]:
    """Numbers that were given one by one, or as one sequence."""
    if len(sizes) == 1 and isinstance(sizes[0], (tuple, list, range)):
        return sizes[0]
    return sizes
