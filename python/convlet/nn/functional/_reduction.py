"""What losses have in common: losses of many places become one number, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.autograd import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

    Way = Callable[[Array], tuple[Array | None, ...]]

__all__ = ["check_reduction", "reduced", "same_shape"]


def check_reduction(reduction: object, op: str) -> None:
    """A reduction that is known."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f'{op}: reduction must be "mean", "sum" or "none", got {reduction!r}')


def same_shape(x: Tensor, target: Tensor, op: str) -> None:
    """A target for each number: shapes that broadcasting would hide are an error."""
    if x.shape != target.shape:
        raise ValueError(f"{op}: target must have shape {x.shape}, got {target.shape}")


def reduced(
    losses: Array,
    parents: tuple[Tensor, ...],
    vjp: Way,
    reduction: str,
    op: str,
    divisor: float | None = None,
) -> Tensor:
    """Losses, their sum, or their sum by `divisor`: their number unless given.

    `vjp` takes the gradient of each loss; where the divisor is 0, so is every loss, and the mean is
    NaN, as in PyTorch.
    """
    if reduction == "none":
        return record(losses, parents, vjp)
    scale = 1.0
    if reduction == "mean":
        if losses.size == 0:
            raise ValueError(f"{op}: there are no rows to average")
        count = float(losses.size) if divisor is None else divisor
        scale = 1.0 / count if count else float("nan")
    return record(
        np.asarray(losses.sum(dtype=np.float64) * scale, np.float32),
        parents,
        lambda dy: vjp(np.full_like(losses, dy * np.float32(scale))),
    )
