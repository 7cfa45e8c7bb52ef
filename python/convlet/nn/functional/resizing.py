"""Resizing on tensors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from convlet import ops
from convlet.autograd import record
from convlet.nn.functional._windows import windowed
from convlet.ops._arguments import pair, ranked, real
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Array, Pair

__all__ = ["interpolate"]


def interpolate(
    input: Tensor | npt.ArrayLike,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Tensor:
    """Make images of another size, as in PyTorch.  (N, C, H, W) -> (N, C, I, J).

    Args:
        input: images.
        size: (I, J), or an int for both; either this or `scale_factor`.
        scale_factor: I / H and J / W, or a number for both; sizes are rounded down.
        mode: "nearest" or "bilinear" (`convlet.ops.resize2d` tells the rules).
        align_corners: whether "bilinear" puts the centres of corner pixels onto each other; only
            for that mode.
        recompute_scale_factor: True takes coordinates from the rounded sizes and not from
            `scale_factor`.

    Raises:
        TypeError: an argument is not of its type.
        ValueError: both or neither of `size` and `scale_factor` are given, or they do not fit.

    Example:
        >>> from convlet import Tensor
        >>> interpolate(Tensor([[[[1.0, 2.0]]]]), scale_factor=2).numpy()[0, 0]
        array([[1., 1., 2., 2.],
               [1., 1., 2., 2.]], dtype=float32)
    """
    op = "interpolate"
    x = as_tensor(input)
    x_data = ranked(x.data, op, "input", 4)
    if mode != "bilinear" and align_corners is not None:
        raise ValueError(f'{op}: align_corners is only for mode "bilinear", got mode {mode!r}')
    if (size is None) == (scale_factor is None):
        raise ValueError(f"{op}: give either size or scale_factor, got {size} and {scale_factor}")
    factors = None
    if size is not None:
        if recompute_scale_factor:
            raise ValueError(f"{op}: recompute_scale_factor needs a scale_factor, got a size")
        out = pair(size, op, "size")
    else:
        factors = _factors(scale_factor, op)
        out = _scaled(x_data, factors, op)
    rule = (mode, bool(align_corners), None if recompute_scale_factor else factors)
    shape = x_data.shape
    y = ops.resize2d(x_data, out, *rule)
    result = record(y, (x,), lambda dy, _: (ops.resize2d_grad(dy, shape, *rule),), fresh=True)
    taps = 2 if mode == "bilinear" else 1
    return windowed(result, (taps, taps), [a / b for a, b in zip(shape[2:], out, strict=True) if b])


def _factors(scale_factor: float | Sequence[float] | None, op: str) -> tuple[float, float]:
    both = scale_factor if isinstance(scale_factor, (tuple, list)) else (scale_factor, scale_factor)
    if len(both) != 2:
        raise ValueError(f"{op}: scale_factor must be a number or a pair, got {len(both)} values")
    h, w = (real(factor, op, "scale_factor") for factor in both)
    for factor in (h, w):
        if not 0 < factor < math.inf:
            raise ValueError(f"{op}: scale_factor must be positive, got {factor}")
    return h, w


def _scaled(x: Array, factors: tuple[float, float], op: str) -> Pair:
    h, w = (math.floor(n * factor) for n, factor in zip(x.shape[2:], factors, strict=True))
    if min(h, w) < 1 <= min(x.shape[2:]):
        raise ValueError(
            f"{op}: scale_factor {factors} makes images of {h} x {w} pixels of {x.shape[2:]}"
        )
    return h, w
