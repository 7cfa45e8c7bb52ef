"""RMSprop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import _core
from convlet.optim._arguments import number
from convlet.optim.optimizer import Optimizer, gradients

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from convlet.tensor import Tensor

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Steps divided by the root of the gradient's mean square, as torch.optim.RMSprop.

    With gradient g and parameter w: g += weight_decay * w;  s = alpha * s + (1 - alpha) * g * g;
    u = g / (sqrt(s) + eps), or sqrt(s - m * m) where it is centered and m is the running mean of
    g (Graves, "Generating sequences with recurrent neural networks", 2013);
    b = momentum * b + u;  w -= lr * b. Tieleman and Hinton, lecture 6.5, 2012.

    Args:
        params: parameters, or dictionaries with "params" and numbers of their own.
        lr: the learning rate.
        alpha: how much of the mean square is kept.
        eps: added to the denominator.
        weight_decay: how strongly parameters are drawn to 0.
        momentum: how much of the last change is kept.
        centered: whether to divide by the spread of the gradient and not its size. A variance
            that rounding made negative counts as 0, where PyTorch gives NaN.
        maximize: whether to climb instead of to descend.

    Raises:
        TypeError: a number is not a number, or a parameter not a tensor.
        ValueError: a number is out of range.

    Example:
        >>> from convlet import nn, optim
        >>> w = nn.Parameter([1.0])
        >>> optimizer = optim.RMSprop([w], lr=0.05)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> round(w.item(), 4)
        0.5
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        """Check the numbers."""
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Mapping[str, Any]) -> None:
        """Refuse numbers of a group that are out of range."""
        for name in ("lr", "alpha", "eps", "weight_decay", "momentum"):
            number(group[name], self._name, name)
        if group["alpha"] > 1:
            raise ValueError(f"{self._name}: alpha must be in [0, 1], got {group['alpha']}")

    def update(self, params: list[Tensor], group: dict[str, Any]) -> None:
        """Change these parameters of a group."""
        centered, momentum = bool(group["centered"]), float(group["momentum"])
        wanted = {"square_avg": True, "grad_avg": centered, "momentum_buffer": momentum > 0}
        for param in params:
            state = self.state.setdefault(param, {"step": 0})
            state["step"] = int(state["step"]) + 1
            for name, needed in wanted.items():
                if needed and name not in state:
                    state[name] = np.zeros_like(param.data)
        squares, means, buffers = (
            [self.state[param][name] for param in params] if needed else []
            for name, needed in wanted.items()
        )
        _core.rmsprop_step(
            [param.data for param in params],
            gradients(params),
            squares,
            means,
            buffers,
            lr=float(group["lr"]),
            alpha=float(group["alpha"]),
            eps=float(group["eps"]),
            weight_decay=float(group["weight_decay"]),
            momentum=momentum,
            centered=centered,
            scale=-1.0 if group["maximize"] else 1.0,
        )
