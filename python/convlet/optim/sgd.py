"""Stochastic gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import _core
from convlet.optim._arguments import number
from convlet.optim.optimizer import Optimizer, gradients

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

__all__ = ["SGD", "numbers_of"]


class SGD(Optimizer):
    """Stochastic gradient descent with momentum, Nesterov's too, and weight decay.

    With gradient g, velocity v and parameter w, as in torch.optim.SGD:
    g += weight_decay * w;  v = momentum * v + (1 - dampening) * g, at first v = g;
    w -= lr * v, or lr * (g + momentum * v) for Nesterov (Sutskever et al., 2013).

    Args:
        params: parameters, or dictionaries with "params" and numbers of their own.
        lr: the learning rate.
        momentum: how much of the velocity is kept.
        dampening: how much of the gradient is kept from the velocity.
        weight_decay: how strongly parameters are drawn to 0.
        nesterov: whether to look ahead; needs momentum and no dampening.
        maximize: whether to climb instead of to descend.

    Raises:
        TypeError: a number is not a number, or a parameter not a tensor.
        ValueError: a number is out of range.

    Example:
        >>> from convlet import nn, optim
        >>> w = nn.Parameter([1.0])
        >>> optimizer = optim.SGD([w], lr=0.5)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> w.item()
        0.0
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        """Check the numbers."""
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Mapping[str, Any]) -> None:
        """Refuse numbers of a group that are out of range."""
        for name in ("lr", "momentum", "dampening", "weight_decay"):
            number(group[name], self._name, name)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError(
                f"{self._name}: nesterov needs momentum above 0 and dampening 0, "
                f"got {group['momentum']} and {group['dampening']}"
            )

    def update(self, params: list[Tensor], group: dict[str, Any]) -> None:
        """Change these parameters of a group."""
        if group["momentum"] == 0:
            self._change(params, [], group, first=True)
            return
        fresh = [param for param in params if param not in self.state]
        kept = [param for param in params if param in self.state] if fresh else params
        velocities = [self.state[param]["momentum_buffer"] for param in kept]
        self._change(kept, velocities, group, first=False)
        velocities = [np.zeros_like(param.data) for param in fresh]
        self._change(fresh, velocities, group, first=True)
        for param, velocity in zip(fresh, velocities, strict=True):
            self.state[param] = {"momentum_buffer": velocity}

    def _change(
        self, params: list[Tensor], velocities: list[Array], group: dict[str, Any], first: bool
    ) -> None:
        if params:
            _core.sgd_step(
                [param.data for param in params],
                gradients(params),
                velocities,
                *numbers_of(group),
                first=first,
                scale=-1.0 if group["maximize"] else 1.0,
            )


def numbers_of(group: Mapping[str, Any]) -> tuple[float, float, float, float, bool]:
    """The numbers of a group that SGD's rule takes, in its order."""
    return (
        float(group["lr"]),
        float(group["momentum"]),
        float(group["dampening"]),
        float(group["weight_decay"]),
        bool(group["nesterov"]),
    )
