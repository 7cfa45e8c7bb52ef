"""Several tensors as one."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops
from convlet._arrays import one_dim
from convlet.autograd import record
from convlet.tensor import as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

__all__ = ["cat", "stack"]


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors along a dimension they have.

    Args:
        tensors: at least one; their shapes agree in every other dimension.
        dim: the dimension to join, from the end when negative.

    Raises:
        ValueError: no tensors, shapes that differ, or no such dimension.

    Example:
        >>> from convlet import Tensor
        >>> cat([Tensor([1.0]), Tensor([2.0, 3.0])])
        Tensor([1., 2., 3.])
    """
    parts = _parts(tensors, "cat")
    arrays = [part.data for part in parts]
    first = arrays[0].shape
    along = one_dim(dim, len(first), "cat")
    before, after = first[:along], first[along + 1 :]
    for array in arrays:
        shape = array.shape
        if len(shape) != len(first) or shape[:along] != before or shape[along + 1 :] != after:
            raise ValueError(
                f"cat: shapes must agree outside dimension {along}, got {first} and {shape}"
            )
    extents = [array.shape[along] for array in arrays]
    if along == 1 and len(first) == 4:
        return record(
            ops.join_channels(arrays),
            parts,
            lambda dy, _: ops.cut_channels(dy, extents),
            fresh=True,
        )

    def vjp(dy: Array) -> list[Array]:
        ends = [0, *accumulate(extents)]
        whole = (slice(None),) * along
        return [dy[(*whole, slice(*place))] for place in pairwise(ends)]

    return record(np.concatenate(arrays, axis=along), parts, vjp)


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new dimension.

    Args:
        tensors: at least one, all of the same shape.
        dim: where the new dimension stands, from the end when negative.

    Raises:
        ValueError: no tensors, shapes that differ, or no such dimension.

    Example:
        >>> from convlet import Tensor
        >>> stack([Tensor([1.0, 2.0]), Tensor([3.0, 4.0])]).shape
        (2, 2)
    """
    parts = _parts(tensors, "stack")
    along = one_dim(dim, parts[0].ndim + 1, "stack")
    for part in parts:
        if part.shape != parts[0].shape:
            raise ValueError(
                f"stack: shapes must be the same, got {parts[0].shape} and {part.shape}"
            )

    def vjp(dy: Array) -> list[Array]:
        whole: tuple[Any, ...] = (slice(None),) * along
        return [dy[(*whole, i)] for i in range(len(parts))]

    return record(np.stack([part.data for part in parts], axis=along), parts, vjp)


def _parts(tensors: Sequence[Tensor], op: str) -> tuple[Tensor, ...]:
    parts = tuple(as_tensor(tensor) for tensor in tensors)
    if not parts:
        raise ValueError(f"{op}: at least one tensor is needed, got none")
    return parts
