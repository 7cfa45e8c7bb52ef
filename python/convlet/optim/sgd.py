"""Stochastic gradient descent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import _core
from convlet._changes import changes
from convlet.optim._arguments import number
from convlet.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

__all__ = ["SGD"]


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
    ) -> None:
        """Check the numbers."""
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
        }
        super().__init__(params, defaults)

    def check(self, group: Mapping[str, Any]) -> None:
        """Refuse numbers of a group that are out of range."""
        for name in ("lr", "momentum", "dampening", "weight_decay"):
            number(group[name], "SGD", name)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError(
                "SGD: nesterov needs momentum above 0 and dampening 0, "
                f"got {group['momentum']} and {group['dampening']}"
            )

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            trained = [param for param in group["params"] if param.grad is not None]
            if group["momentum"] == 0:
                self._update(trained, [], group, first=True)
                continue
            fresh = [param for param in trained if param not in self.state]
            kept = [param for param in trained if param in self.state] if fresh else trained
            velocities = [self.state[param]["momentum_buffer"] for param in kept]
            self._update(kept, velocities, group, first=False)
            velocities = [np.zeros_like(param.data) for param in fresh]
            self._update(fresh, velocities, group, first=True)
            for param, velocity in zip(fresh, velocities, strict=True):
                self.state[param] = {"momentum_buffer": velocity}

    def _update(
        self, params: list[Tensor], velocities: list[Array], group: dict[str, Any], first: bool
    ) -> None:
        if params:
            _core.sgd_step(
                [param.data for param in params],
                [param.grad.data for param in params if param.grad is not None],
                velocities,
                float(group["lr"]),
                float(group["momentum"]),
                float(group["dampening"]),
                float(group["weight_decay"]),
                bool(group["nesterov"]),
                first,
            )
            changes.note([param.data for param in params])
