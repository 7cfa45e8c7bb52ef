"""What is done to the gradients of all parameters together, as in torch.nn.utils."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet import _core
from convlet.ops._arguments import real
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convlet.ops._arguments import Array

__all__ = ["clip_grad_norm_", "clip_grad_value_"]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients so that their norm, as if of one vector, is at most `max_norm`.

    Pascanu et al., "On the difficulty of training recurrent neural networks", 2013. The gradients
    are multiplied by max_norm / (norm + 1e-6) where that is below 1.

    Args:
        parameters: one tensor or several; those without a gradient count as 0.
        max_norm: the greatest norm, at least 0.
        norm_type: p of the p-norm, above 0; `math.inf` for the greatest absolute value.
        error_if_nonfinite: raise where the norm is not finite, instead of scaling by it.

    Returns:
        The norm before scaling.

    Raises:
        RuntimeError: the norm is NaN or infinite and `error_if_nonfinite` is set; nothing changes.
        TypeError: a number is not a number, or a parameter not a tensor.
        ValueError: `max_norm` or `norm_type` is out of range.

    Example:
        >>> from convlet import nn
        >>> w = nn.Parameter([3.0, 4.0])
        >>> (w * w).sum().backward()
        >>> clip_grad_norm_([w], 1.0)
        Tensor(10.)
        >>> round(w.grad[0].item(), 3)
        0.6
    """
    most, p = real(max_norm, "clip_grad_norm_", "max_norm"), float(norm_type)
    if not most >= 0.0 or not p > 0.0:
        raise ValueError(
            f"clip_grad_norm_: max_norm must be at least 0 and norm_type above 0, got {most}, {p}"
        )
    gradients = _gradients(parameters, "clip_grad_norm_")
    norm = _norm(gradients, p)
    if error_if_nonfinite and not math.isfinite(norm):
        raise RuntimeError(f"clip_grad_norm_: the norm of the gradients is {norm}, nothing changed")
    scale = min(most / (norm + 1e-6), 1.0)  # NaN for NaN, and 0 for infinity
    if scale != 1.0:
        _core.scale(gradients, scale)
    return Tensor(np.float32(norm))


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Keep every number of the gradients within [-clip_value, clip_value].

    Args:
        parameters: one tensor or several; those without a gradient stay so.
        clip_value: the greatest absolute value, at least 0.

    Raises:
        TypeError: `clip_value` is not a number, or a parameter not a tensor.
        ValueError: `clip_value` is negative or NaN.

    Example:
        >>> from convlet import nn
        >>> w = nn.Parameter([-3.0, 0.1])
        >>> (w * w).sum().backward()
        >>> clip_grad_value_([w], 1.0)
        >>> w.grad
        Tensor([-1. ,  0.2])
    """
    most = real(clip_value, "clip_grad_value_", "clip_value")
    if not most >= 0.0:
        raise ValueError(f"clip_grad_value_: clip_value must be at least 0, got {most}")
    for gradient in _gradients(parameters, "clip_grad_value_"):
        np.clip(gradient, -most, most, out=gradient)


def _gradients(parameters: Tensor | Iterable[Tensor], op: str) -> list[Array]:
    """The arrays of the gradients, in memory that can be written from end to end."""
    arrays = []
    for parameter in [parameters] if isinstance(parameters, Tensor) else parameters:
        if not isinstance(parameter, Tensor):
            raise TypeError(f"{op}: parameters must be tensors, got {type(parameter).__name__}")
        if parameter.grad is None:
            continue
        if not parameter.grad.data.flags.carray:
            parameter.grad = Tensor(np.array(parameter.grad.data, order="C"))
        arrays.append(parameter.grad.data)
    return arrays


def _norm(gradients: list[Array], p: float) -> float:
    """The p-norm, summed in float64."""
    if p == math.inf:
        tops = [float(np.abs(g).max(initial=0.0)) for g in gradients]
        return math.nan if any(map(math.isnan, tops)) else max(tops, default=0.0)
    if p == 2.0:
        return math.sqrt(_core.sum_of_squares(gradients))
    powers = (np.abs(g).astype(np.float64) ** p for g in gradients)
    return float(sum(float(each.sum()) for each in powers) ** (1.0 / p))
