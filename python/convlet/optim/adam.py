"""Adam and AdamW."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from convlet import _core
from convlet.optim._arguments import number
from convlet.optim.optimizer import Optimizer, by_step, gradients

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convlet.tensor import Tensor

__all__ = ["Adam", "AdamW", "adam_numbers", "check_adam"]


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
        amsgrad: whether to divide by the largest running mean of the square so far (Reddi, Kale and
            Kumar, "On the convergence of Adam and beyond", 2018).
        maximize: whether to climb instead of to descend.

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
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        """Check the numbers."""
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Mapping[str, Any]) -> None:
        """Refuse numbers of a group that are out of range."""
        check_adam(group, self._name)

    def update(self, params: list[Tensor], group: dict[str, Any]) -> None:
        """Change these parameters of a group."""
        names = ["exp_avg", "exp_avg_sq"] + ["max_exp_avg_sq"] * bool(group["amsgrad"])
        for param in params:
            state = self.state.setdefault(param, {"step": 0})
            for name in names:
                if name not in state:
                    state[name] = np.zeros_like(param.data)
        for step, same in by_step(params, self.state).items():
            kept = [[self.state[param][name] for param in same] for name in names]
            _core.adam_step(
                [param.data for param in same],
                gradients(same),
                kept[0],
                kept[1],
                *adam_numbers(group),
                step=step,
                decoupled=self.decoupled,
                scale=-1.0 if group["maximize"] else 1.0,
                largest=kept[2] if group["amsgrad"] else [],
            )


def check_adam(group: Mapping[str, Any], name: str) -> None:
    """Refuse numbers of a group that are out of range."""
    for key in ("lr", "eps", "weight_decay"):
        number(group[key], name, key)
    if not isinstance(group["betas"], (tuple, list)) or len(group["betas"]) != 2:
        raise TypeError(f"{name}: betas must be a pair of numbers, got {group['betas']}")
    for beta in group["betas"]:
        number(beta, name, "betas", below=1.0)


def adam_numbers(group: Mapping[str, Any]) -> tuple[float, float, float, float, float]:
    """The numbers of a group that Adam's and LAMB's rules take, in their order."""
    beta1, beta2 = group["betas"]
    lr, eps, decay = group["lr"], group["eps"], group["weight_decay"]
    return float(lr), float(beta1), float(beta2), float(eps), float(decay)


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
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        """Check the numbers."""
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
