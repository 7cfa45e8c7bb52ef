"""Losses of numbers on tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.nn.functional._reduction import check_reduction, reduced, same_shape
from convlet.ops._arguments import real
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["huber_loss", "l1_loss", "mse_loss", "smooth_l1_loss"]


def mse_loss(
    input: Tensor | npt.ArrayLike, target: Tensor | npt.ArrayLike, *, reduction: str = "mean"
) -> Tensor:
    """(input - target) ** 2.

    Args:
        input: any shape.
        target: the same shape.
        reduction: "mean", "sum" or "none".

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> from convlet import Tensor
        >>> mse_loss(Tensor([1.0, 2.0]), [1.0, 4.0]).item()
        2.0
    """
    return _loss(input, target, reduction, "mse_loss", lambda d: d * d, lambda d: 2 * d)


def l1_loss(
    input: Tensor | npt.ArrayLike, target: Tensor | npt.ArrayLike, *, reduction: str = "mean"
) -> Tensor:
    """|input - target|; arguments as `mse_loss`.

    Example:
        >>> from convlet import Tensor
        >>> l1_loss(Tensor([1.0, 2.0]), [1.0, 4.0]).item()
        1.0
    """
    return _loss(input, target, reduction, "l1_loss", np.abs, np.sign)


def smooth_l1_loss(
    input: Tensor | npt.ArrayLike,
    target: Tensor | npt.ArrayLike,
    *,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """D ** 2 / (2 beta) where |d| < beta, else |d| - beta / 2; d = input - target.

    Girshick 2015, "Fast R-CNN", arXiv:1504.08083.

    Args:
        input: any shape.
        target: the same shape.
        reduction: "mean", "sum" or "none".
        beta: where the parabola ends, at least 0.

    Raises:
        ValueError: the shapes differ, or beta is below 0.

    Example:
        >>> from convlet import Tensor
        >>> smooth_l1_loss(Tensor([1.0, 2.0]), [1.5, 4.0], reduction="none")
        Tensor([0.125, 1.5  ])
    """
    op = "smooth_l1_loss"
    end = np.float32(real(beta, op, "beta"))
    if not end >= 0.0:
        raise ValueError(f"{op}: beta must be at least 0, got {beta}")
    if end == 0.0:
        return _loss(input, target, reduction, op, np.abs, np.sign)
    return _loss(
        input,
        target,
        reduction,
        op,
        lambda d: np.where(np.abs(d) < end, d * d / (2 * end), np.abs(d) - end / 2),
        lambda d: np.clip(d / end, -1, 1),
    )


def huber_loss(
    input: Tensor | npt.ArrayLike,
    target: Tensor | npt.ArrayLike,
    *,
    reduction: str = "mean",
    delta: float = 1.0,
) -> Tensor:
    """D ** 2 / 2 where |d| <= delta, else delta (|d| - delta / 2): delta times `smooth_l1_loss`.

    Huber 1964, "Robust estimation of a location parameter".

    Args:
        input: any shape.
        target: the same shape.
        reduction: "mean", "sum" or "none".
        delta: where the parabola ends, above 0.

    Raises:
        ValueError: the shapes differ, or delta is not above 0.

    Example:
        >>> from convlet import Tensor
        >>> huber_loss(Tensor([1.0, 2.0]), [1.5, 4.0], reduction="none", delta=0.5)
        Tensor([0.125, 0.875])
    """
    op = "huber_loss"
    end = np.float32(real(delta, op, "delta"))
    if not end > 0.0:
        raise ValueError(f"{op}: delta must be above 0, got {delta}")
    return _loss(
        input,
        target,
        reduction,
        op,
        lambda d: np.where(np.abs(d) <= end, d * d / 2, end * (np.abs(d) - end / 2)),
        lambda d: np.clip(d, -end, end),
    )


def _loss(
    input: Tensor | npt.ArrayLike,
    target: Tensor | npt.ArrayLike,
    reduction: str,
    op: str,
    value: Callable[[Array], Array],
    slope: Callable[[Array], Array],
) -> Tensor:
    x, t = as_tensor(input), as_tensor(target)
    check_reduction(reduction, op)
    same_shape(x, t, op)
    difference = np.asarray(x.data - t.data)

    def vjp(dy: Array) -> tuple[Array, Array]:
        dx = dy * slope(difference)
        return dx, -dx

    return reduced(np.asarray(value(difference), np.float32), (x, t), vjp, reduction, op)
