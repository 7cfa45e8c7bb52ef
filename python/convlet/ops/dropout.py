"""Dropout and its gradient, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet import _core
from convlet.ops._arguments import describe, float32, integer, probability

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["dropout", "dropout_grad"]

UINT64_MAX = 2**64 - 1


def dropout(
    x: Array, p: float = 0.5, seed: int = 0, offset: int = 0
) -> tuple[Array, npt.NDArray[np.uint8]]:
    """Zero each value with probability `p` and divide the others by 1 - p.

    Random bits come from Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
    1, 2, 3", 2011) keyed by `seed`, at counter `offset` + element / 4: the same arguments give the
    same bits, for any number of threads and any memory layout.

    Args:
        x: any shape, float32.
        p: probability of a zero, in [0, 1].
        seed: the key, 0 <= seed < 2**64.
        offset: the first counter; the next call's is this plus ceil(x.size / 4).

    Returns:
        The values, and the mask in bits, which `dropout_grad` wants.

    Raises:
        TypeError: `x` is not float32, or an argument is not a number.
        ValueError: `p`, `seed` or `offset` is out of range.

    Example:
        >>> import numpy as np
        >>> y, mask = dropout(np.ones(1000, np.float32), p=0.5, seed=1)
        >>> sorted(set(y.tolist())), bool(400 < (y == 0).sum() < 600)
        ([0.0, 2.0], True)
    """
    return _core.dropout_forward(
        float32(x, "dropout", "x"),
        probability(p, "dropout"),
        _uint64(seed, "dropout", "seed"),
        _uint64(offset, "dropout", "offset"),
    )


def dropout_grad(dy: Array, mask: npt.NDArray[np.uint8], p: float = 0.5) -> Array:
    """Gradient of `dropout`: `dy` / (1 - p) where the mask kept a value, else 0.

    Example:
        >>> import numpy as np
        >>> y, mask = dropout(np.ones(8, np.float32), p=0.25, seed=3)
        >>> bool((dropout_grad(np.ones(8, np.float32), mask, p=0.25) == y).all())
        True
    """
    op = "dropout_grad"
    if getattr(mask, "dtype", None) != np.uint8:
        raise TypeError(f"{op}: mask must be the uint8 array of dropout, got {describe(mask)}")
    return _core.dropout_grad(float32(dy, op, "dy"), mask, probability(p, op))


def _uint64(value: int, op: str, name: str) -> int:
    if type(value) is not int:
        value = integer(value, op, name)
    if not 0 <= value <= UINT64_MAX:
        raise ValueError(f"{op}: {name} must be in [0, 2**64), got {value}")
    return value
