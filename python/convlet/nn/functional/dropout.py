"""Dropout on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet import ops
from convlet.autograd import record
from convlet.ops._arguments import probability
from convlet.random import Generator, default_generator
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["dropout"]


def dropout(
    input: Tensor | npt.ArrayLike,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Zero each value with probability `p` and divide the others by 1 - p.

    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    Args:
        input: any shape.
        p: probability of a zero, in [0, 1].
        training: the input itself is returned when False.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.
        generator: where random numbers come from; `convlet.seed` sets the default one.

    Example:
        >>> from convlet import Tensor
        >>> dropout(Tensor([1.0, 2.0]), training=False)
        Tensor([1., 2.])
    """
    x = as_tensor(input)
    p = probability(p, "dropout")
    if not training or p == 0.0:
        return x
    source = default_generator if generator is None else generator
    seed, offset = source.reserve(x.data.size)
    y, mask = ops.dropout(x.data, p, seed, offset)
    return record(y, (x,), lambda dy, _: (ops.dropout_grad(dy, mask, p),), fresh=True)
