"""Adam and AdamW."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from convlet import _core
from convlet._changes import changes
from convlet.optim._arguments import number
from convlet.optim.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convlet.tensor import Tensor

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Adam: steps scaled by running means of the gradient and of its square.

    Kingma and Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1; weight decay is
    added to the gradient, as in torch.optim.Adam.

    Args:
        params: parameters, or dictionaries with "params" and numbers of their own.
        lr: the learning rate.
        betas: how much of the two running means is kept.
        eps: added to the denominator.
        weight_decay: how strongly parameters are drawn to 0.

    Raises:
        TypeError: a number is not a number, or a parameter not a tensor.
        ValueError: a number is out of range.

    Example:
        >>> from convlet import nn, optim
        >>> w = nn.Parameter([1.0])
        >>> optimizer = optim.Adam([w], lr=0.25)
        >>> (w * w).sum().backward()
        >>> optimizer.step()
        >>> round(w.item(), 4)
        0.75
    """

    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        """Check the numbers."""
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        )

    def check(self, group: Mapping[str, Any]) -> None:
        """Refuse numbers of a group that are out of range."""
        for name in ("lr", "eps", "weight_decay"):
            number(group[name], self._name, name)
        if not isinstance(group["betas"], (tuple, list)) or len(group["betas"]) != 2:
            raise TypeError(f"{self._name}: betas must be a pair of numbers, got {group['betas']}")
        for beta in group["betas"]:
            number(beta, self._name, "betas", below=1.0)

    def step(self) -> None:
        """Change every parameter that has a gradient."""
        for group in self.param_groups:
            by_step: dict[int, list[Tensor]] = {}
            for param in group["params"]:
                if param.grad is None:
                    continue
                state = self.state.get(param)
                if state is None:
                    state = self.state[param] = {
                        "step": 0,
                        "exp_avg": np.zeros_like(param.data),
                        "exp_avg_sq": np.zeros_like(param.data),
                    }
                state["step"] += 1
                by_step.setdefault(state["step"], []).append(param)
            for step, params in by_step.items():
                _core.adam_step(
                    [param.data for param in params],
                    [param.grad.data for param in params if param.grad is not None],
                    [self.state[param]["exp_avg"] for param in params],
                    [self.state[param]["exp_avg_sq"] for param in params],
                    float(group["lr"]),
                    float(group["betas"][0]),
                    float(group["betas"][1]),
                    float(group["eps"]),
                    float(group["weight_decay"]),
                    step,
                    self.decoupled,
                )
                changes.note([param.data for param in params])


class AdamW(Adam):
    """Adam whose weight decay acts on the parameter itself and not through the gradient.

    Loshchilov and Hutter, "Decoupled weight decay regularization", 2019. Arguments as `Adam`.

    Example:
        >>> from convlet import nn, optim
        >>> optimizer = optim.AdamW([nn.Parameter([1.0])])
        >>> optimizer.param_groups[0]["weight_decay"]
        0.01
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 1e-3,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        """Check the numbers."""
        super().__init__(params, lr, betas, eps, weight_decay)
