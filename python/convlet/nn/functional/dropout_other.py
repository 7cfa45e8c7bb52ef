"""Dropout of whole channels, of paths, and for self-normalising networks, on tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet import ops
from convlet.autograd import record
from convlet.ops._arguments import probability
from convlet.random import Generator, default_generator
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["alpha_dropout", "drop_path", "dropout2d"]

LOWEST = -1.7580993408473766  # SELU's limit at -inf: minus alpha times scale


def dropout2d(
    input: Tensor | npt.ArrayLike,
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Zero whole channels with probability `p`, each for itself, and divide the others by 1 - p.

    Neighbouring pixels say the same, so that `dropout` leaves them readable (Tompson et al. 2015,
    arXiv:1411.4280).

    Args:
        input: (N, C, …).
        p: probability of a zero, in [0, 1].
        training: the input itself is returned when False.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.
        generator: where random numbers come from; `convlet.seed` sets the default one.

    Raises:
        ValueError: `p` is outside [0, 1], or there is no dimension of channels.

    Example:
        >>> import numpy as np
        >>> y = dropout2d(np.ones((1, 8, 2, 2)), 0.5).numpy()
        >>> bool((y == y[:, :, :1, :1]).all())
        True
    """
    x = as_tensor(input)
    p = probability(p, "dropout2d")
    if x.ndim < 2:
        raise ValueError(f"dropout2d: input must be (N, C, …), got shape {x.shape}")
    if not training or p == 0.0:
        return x
    return _times(x, _kept(x.shape[:2], p, generator), 2)


def drop_path(
    input: Tensor | npt.ArrayLike,
    p: float = 0.0,
    training: bool = True,
    scale_by_keep: bool = True,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Zero whole samples with probability `p`: their residual branch is left out.  Any shape.

    Huang et al. 2016, "Deep networks with stochastic depth", arXiv:1603.09382.

    Args:
        input: the branch (N, …).
        p: probability of a zero, in [0, 1].
        training: the input itself is returned when False.
        scale_by_keep: whether the others are divided by 1 - p.
        generator: where random numbers come from; `convlet.seed` sets the default one.

    Raises:
        ValueError: `p` is outside [0, 1], or there are no samples.

    Example:
        >>> from convlet import Tensor
        >>> drop_path(Tensor([[1.0, 2.0]]), 1.0)
        Tensor([[0., 0.]])
    """
    x = as_tensor(input)
    p = probability(p, "drop_path")
    if x.ndim < 1:
        raise ValueError("drop_path: input must have a dimension of samples, got a single number")
    if not training or p == 0.0:
        return x
    factors = _kept(x.shape[:1], p, generator)
    return _times(x, factors if scale_by_keep else np.sign(factors), 1)


def alpha_dropout(
    input: Tensor | npt.ArrayLike,
    p: float = 0.5,
    training: bool = False,
    inplace: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Dropout after SELU: what is dropped becomes SELU's lowest value, mean and variance stay.

    Klambauer et al. 2017, "Self-normalizing neural networks", arXiv:1706.02515.

    Args:
        input: any shape, of mean 0 and variance 1.
        p: probability of dropping, in [0, 1].
        training: the input itself is returned when False.
        inplace: accepted so that PyTorch code runs unchanged; the input is never modified.
        generator: where random numbers come from; `convlet.seed` sets the default one.

    Raises:
        ValueError: `p` is outside [0, 1].

    Example:
        >>> from convlet import Tensor
        >>> alpha_dropout(Tensor([1.0, 2.0]))
        Tensor([1., 2.])
    """
    x = as_tensor(input)
    p = probability(p, "alpha_dropout")
    if not training or p == 0.0:
        return x
    if p == 1.0:
        return _times(x, np.zeros(x.shape, np.float32), x.ndim)
    scale = 1.0 / math.sqrt((1.0 - p) * (1.0 + p * LOWEST * LOWEST))
    kept = np.sign(_kept(x.shape, p, generator))
    factors = kept * np.float32(scale)
    shift = (1 - kept) * np.float32(scale * LOWEST) - np.float32(scale * LOWEST * p)
    return record(x.data * factors + shift, (x,), lambda dy: (dy * factors,))


def _kept(shape: tuple[int, ...], p: float, generator: Generator | None) -> Array:
    """0 with probability `p`, else 1 / (1 - p)."""
    ones = np.ones(shape, np.float32)
    seed, offset = (default_generator if generator is None else generator).reserve(ones.size)
    return ops.dropout(ones, p, seed, offset)[0]


def _times(x: Tensor, factors: Array, leading: int) -> Tensor:
    """X times one factor for all that follows the leading dimensions."""
    wide = factors.reshape(factors.shape + (1,) * (x.ndim - leading))
    return record(x.data * wide, (x,), lambda dy: (dy * wide,))
