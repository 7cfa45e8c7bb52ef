"""Optimisers for large batches, whose steps are as long as each layer can bear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import _core
from convlet.optim._arguments import number
from convlet.optim.adam import adam_numbers, check_adam
from convlet.optim.optimizer import Optimizer, by_step, gradients
from convlet.optim.sgd import SGD, numbers_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

__all__ = ["LAMB", "LARS"]


class LARS(SGD):
    """SGD whose step is scaled, for each parameter, by the ratio of its size to its gradient's.

    You, Gitman and Ginsburg, "Large batch training of convolutional networks", 2017. With
    gradient g, velocity v and parameter w:
    r = trust_coefficient * |w| / (|g| + weight_decay * |w| + eps), or 1 where |w| or |g| is 0;
    v = momentum * v + r * (g + weight_decay * w), at first without dampening;  w -= lr * v.

    Biases and normalisation layers are usually left to plain SGD without decay: give them a group
    of their own with `"adapt": False, "weight_decay": 0.0`.

    Args:
        params: parameters, or dictionaries with "params" and numbers of their own.
        lr: the learning rate. By itself lr * trust_coefficient = 0.006, by which LeNet-5 learns at
            batches of 16 to 512; the paper's trust_coefficient of 0.001 goes with rates of 4 to 30,
            a warm-up, and batches of thousands.
        momentum: how much of the velocity is kept.
        dampening: how much of the gradient is kept from the velocity.
        weight_decay: how strongly parameters are drawn to 0.
        nesterov: whether to look ahead; needs momentum and no dampening.
        trust_coefficient: how much of its size a parameter may change at a learning rate of 1.
        eps: added to the denominator.
        adapt: whether to scale at all.
        maximize: whether to climb instead of to descend.

    Raises:
        TypeError: a number is not a number, or a parameter not a tensor.
        ValueError: a number is out of range.

    Example:
        >>> from convlet import nn, optim
        >>> w = nn.Parameter([3.0, 4.0])
        >>> optimizer = optim.LARS([w], lr=1.0, trust_coefficient=0.1)
        >>> (w * 1000.0).sum().backward()
        >>> optimizer.step()
        >>> [round(value, 3) for value in w.data.tolist()]
        [2.646, 3.646]
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.3,
        momentum: float = 0.9,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        trust_coefficient: float = 0.02,
        eps: float = 1e-8,
        adapt: bool = True,
        maximize: bool = False,
    ) -> None:
        """Check the numbers."""
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "trust_coefficient": trust_coefficient,
            "eps": eps,
            "adapt": adapt,
            "maximize": maximize,
        }
        Optimizer.__init__(self, params, defaults)

    def check(self, group: Mapping[str, Any]) -> None:
        """Refuse numbers of a group that are out of range."""
        super().check(group)
        for name in ("trust_coefficient", "eps"):
            number(group[name], self._name, name)

    def _change(
        self, params: list[Tensor], velocities: list[Array], group: dict[str, Any], first: bool
    ) -> None:
        if not group["adapt"]:
            super()._change(params, velocities, group, first)
        elif params:
            _core.lars_step(
                [param.data for param in params],
                gradients(params),
                velocities,
                *numbers_of(group),
                first=first,
                scale=-1.0 if group["maximize"] else 1.0,
                trust=float(group["trust_coefficient"]),
                eps=float(group["eps"]),
            )


class LAMB(Optimizer):
    """AdamW whose step is scaled, for each parameter, by the ratio of its size to the step's.

    You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", 2020,
    algorithm 2 with corrected means. With Adam's change u = m / (sqrt(v) + eps) + weight_decay * w:
    w -= lr * |w| / |u| * u, or lr * u where |w| or |u| is 0.

    Biases and normalisation layers may be given a group of their own with `"adapt": False`.

    Args:
        params: parameters, or dictionaries with "params" and numbers of their own.
        lr: the learning rate: at first the share of its size that a parameter changes in a step.
            It grows with the square root of the batch size.
        betas: how much of the two running means is kept.
        eps: added to the denominator.
        weight_decay: how strongly parameters are drawn to 0.
        adapt: whether to scale at all.
        maximize: whether to climb instead of to descend.

    Raises:
        TypeError: a number is not a number, or a parameter not a tensor.
        ValueError: a number is out of range.

    Example:
        >>> from convlet import nn, optim
        >>> w = nn.Parameter([3.0, 4.0])
        >>> optimizer = optim.LAMB([w], lr=0.1)
        >>> (w * 1000.0).sum().backward()
        >>> optimizer.step()
        >>> [round(value, 2) for value in w.data.tolist()]
        [2.65, 3.64]
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.01,
        betas: Sequence[float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 1e-2,
        *,
        adapt: bool = True,
        maximize: bool = False,
    ) -> None:
        """Check the numbers."""
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "adapt": adapt,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def check(self, group: Mapping[str, Any]) -> None:
        """Refuse numbers of a group that are out of range."""
        check_adam(group, self._name)

    def update(self, params: list[Tensor], group: dict[str, Any]) -> None:
        """Change these parameters of a group."""
        for param in params:
            if param not in self.state:
                self.state[param] = {
                    "step": 0,
                    "exp_avg": np.zeros_like(param.data),
                    "exp_avg_sq": np.zeros_like(param.data),
                }
        for step, same in by_step(params, self.state).items():
            _core.lamb_step(
                [param.data for param in same],
                gradients(same),
                [self.state[param]["exp_avg"] for param in same],
                [self.state[param]["exp_avg_sq"] for param in same],
                *adam_numbers(group),
                step=step,
                adapt=bool(group["adapt"]),
                scale=-1.0 if group["maximize"] else 1.0,
            )
