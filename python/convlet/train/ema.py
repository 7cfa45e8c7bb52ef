"""Averages of the weights along a training."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import _core
from convlet.optim._arguments import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from convlet.nn import Module

    State = dict[str, npt.NDArray[Any]]

__all__ = ["EMA"]


class EMA:
    """An exponential moving average of a model's weights, which is often better than the last.

    After each step: average += (1 - decay) * (weights - average). The first update copies the
    weights, and buffers are always copied, as torch.optim.swa_utils.AveragedModel does with
    `get_ema_multi_avg_fn(decay)`; there the average is a second model, here it is a state that
    `applied` and `copy_to` put into the one. Polyak and Juditsky, "Acceleration of stochastic
    approximation by averaging", 1992.

    `Trainer(…, ema=EMA())` updates it, evaluates and predicts with it, and puts it into
    checkpoints.

    Args:
        decay: how much of the average is kept, in [0, 1).
        warmup: whether to begin with less, min(decay, (1 + n) / (10 + n)) after n updates, so
            that a short training does not remember its first weights.

    Attributes:
        updates: how many there were.

    Raises:
        ValueError: `decay` is out of range.

    Example:
        >>> from convlet import nn
        >>> model = nn.Linear(1, 1, bias=False)
        >>> ema = EMA(decay=0.5)
        >>> for value in (0.0, 4.0):
        ...     model.weight.data[...] = value
        ...     ema.update(model)
        >>> with ema.applied(model):
        ...     model.weight.item()
        2.0
        >>> model.weight.item()
        4.0
    """

    def __init__(self, decay: float = 0.999, warmup: bool = False) -> None:
        """Nothing is averaged yet."""
        self.decay = number(decay, "EMA", "decay", below=1.0)
        self.warmup = bool(warmup)
        self.updates = 0
        self._averages: State = {}

    def update(self, model: Module) -> None:
        """Take the model's weights into the average."""
        state = model.state_dict()
        if self.updates == 0 or set(state) != set(self._averages):
            self.restart(model)
        else:
            trained = [name for name, _ in model.named_parameters()]
            kept = self.decay
            if self.warmup:
                kept = min(kept, (1 + self.updates) / (10 + self.updates))
            _core.average_step(
                [self._averages[name] for name in trained],
                [state[name] for name in trained],
                1.0 - kept,
            )
            moved = set(trained)
            for name, array in state.items():
                if name not in moved:
                    self._averages[name][...] = array
        self.updates += 1

    def restart(self, model: Module) -> None:
        """Make the average the weights that the model has."""
        self._averages = {n: np.array(a, order="C") for n, a in model.state_dict().items()}

    def copy_to(self, model: Module) -> None:
        """Give the averages to the model, for good."""
        if self.updates:
            model.load_state_dict(self._averages)

    @contextmanager
    def applied(self, model: Module) -> Iterator[Module]:
        """The model with the averages for a block; its own weights are back afterwards."""
        if self.updates == 0:
            yield model
            return
        own = {name: array.copy() for name, array in model.state_dict().items()}
        try:
            model.load_state_dict(self._averages)
            yield model
        finally:
            model.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        """The number of updates and, under "averages", the arrays by name."""
        return {"updates": self.updates, "averages": dict(self._averages)}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken; the arrays are copied."""
        self.updates = int(state_dict["updates"])
        self._averages = {n: np.array(a, order="C") for n, a in state_dict["averages"].items()}
