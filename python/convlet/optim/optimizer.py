"""What all optimisers share: parameter groups and their state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import numpy as np

from convlet._changes import changes
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from convlet.ops._arguments import Array

    Group: TypeAlias = dict[str, Any]

__all__ = ["Optimizer", "by_step", "gradients"]

T = TypeVar("T")


class Optimizer(ABC):
    """Parameters in groups, each with its own numbers, as torch.optim.Optimizer.

    `param_groups` is a list of dictionaries: "params" and the numbers of the group, such as "lr",
    which may be changed between steps. `state` holds what the optimiser remembers of a parameter.

    Args:
        params: parameters, or dictionaries with "params" and numbers that differ from `defaults`.
        defaults: the numbers of every group that does not say otherwise.

    Raises:
        TypeError: something is not a parameter.
        ValueError: there are no parameters, one comes twice, or a number is out of range.
    """

    def __init__(
        self, params: Iterable[Tensor] | Iterable[Group], defaults: Mapping[str, Any]
    ) -> None:
        """Make the groups."""
        self.defaults = dict(defaults)
        self.param_groups: list[Group] = []
        self.state: dict[Tensor, dict[str, Any]] = {}
        if isinstance(params, Tensor):
            raise TypeError(f"{self._name}: params must be several parameters, got one tensor")
        given: list[Any] = list(params)
        if not given:
            raise ValueError(f"{self._name}: params is empty")
        if not isinstance(given[0], Mapping):
            given = [{"params": given}]
        for group in given:
            self.add_param_group(group)

    @property
    def _name(self) -> str:
        return type(self).__name__

    @abstractmethod
    def check(self, group: Mapping[str, Any]) -> None:
        """Refuse numbers of a group that are out of range."""

    @abstractmethod
    def update(self, params: list[Tensor], group: Group) -> None:
        """Change these parameters of a group, all of which have a gradient."""

    def step(self, closure: Callable[[], T] | None = None) -> T | None:
        """Change every parameter that has a gradient.

        Args:
            closure: called first: it computes the gradients and gives the loss.

        Returns:
            What the closure gave.
        """
        loss = None if closure is None else closure()
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            if params:
                self.update(params, group)
                changes.note([param.data for param in params])
        return loss

    def add_param_group(self, param_group: Mapping[str, Any]) -> None:
        """Add parameters with numbers of their own.

        Raises:
            TypeError: it is no dictionary with "params", or something in it is not a parameter.
            ValueError: a parameter comes twice, or a number is unknown or out of range.
        """
        kind: Any = type(param_group)
        if not issubclass(kind, Mapping) or "params" not in param_group:
            raise TypeError(
                f'{self._name}: a group must be a dictionary with "params", got {param_group!r:.40}'
            )
        params = param_group["params"]
        params = [params] if isinstance(params, Tensor) else list(params)
        known = {id(p) for group in self.param_groups for p in group["params"]}
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(f"{self._name}: params must be tensors, got {type(param).__name__}")
            if param.node is not None:
                raise ValueError(
                    f"{self._name}: params must be leaves, got the result of an operation"
                )
            if id(param) in known:
                raise ValueError(f"{self._name}: a parameter of shape {param.shape} comes twice")
            known.add(id(param))
            if not param.data.flags.c_contiguous:
                param.data = np.ascontiguousarray(param.data)
        unknown = sorted(set(param_group) - set(self.defaults) - {"params"})
        if unknown:
            raise ValueError(f"{self._name}: unknown argument {', '.join(unknown)}")
        group = {**self.defaults, **param_group, "params": params}
        self.check(group)
        self.param_groups.append(group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or write zeros into them."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    param.grad.data[...] = 0

    def state_dict(self) -> dict[str, Any]:
        """All that the optimiser remembers, with parameters as numbers in their order."""
        params = [p for group in self.param_groups for p in group["params"]]
        place = {id(p): i for i, p in enumerate(params)}
        return {
            "state": {place[id(p)]: dict(values) for p, values in self.state.items()},
            "param_groups": [
                {**group, "params": [place[id(p)] for p in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Copy in what `state_dict` gave, after all of it has been checked.

        The state of the torch.optim optimiser of the same name is taken too.

        Raises:
            ValueError: groups or shapes differ from this optimiser's, or it is no such state.
        """
        if not {"state", "param_groups"} <= set(state_dict):
            raise ValueError(
                'load_state_dict: the state must have "state" and "param_groups", got '
                f"{sorted(map(str, state_dict))}"
            )
        groups, state = state_dict["param_groups"], state_dict["state"]
        own_sizes = [len(group["params"]) for group in self.param_groups]
        if [len(group["params"]) for group in groups] != own_sizes:
            raise ValueError(
                f"load_state_dict: {self._name} has groups of {own_sizes} parameters, "
                f"the state {[len(group['params']) for group in groups]}"
            )
        params = [p for group in self.param_groups for p in group["params"]]
        numbers = [i for group in groups for i in group["params"]]
        loaded: dict[Tensor, dict[str, Any]] = {}
        for number, param in zip(numbers, params, strict=True):
            if number in state:
                kept = {
                    key: self._copied(key, value, param)
                    for key, value in state[number].items()
                    if value is not None
                }
                if kept:
                    loaded[param] = kept
        merged = []
        for own, group in zip(self.param_groups, groups, strict=True):
            given = {key: value for key, value in group.items() if key != "params"}
            merged.append({**self.defaults, **given, "params": own["params"]})
            self.check(merged[-1])
        for own, group in zip(self.param_groups, merged, strict=True):
            own.clear()
            own.update(group)
        self.state = loaded

    def _copied(self, key: str, value: Any, param: Tensor) -> Any:
        if isinstance(value, (int, float)):
            return value
        array = np.asarray(value)
        if array.ndim == 0 and param.shape != ():
            return array.item()
        if array.shape != param.shape:
            raise ValueError(
                f"load_state_dict: {key} must have its parameter's shape {param.shape}, "
                f"got {array.shape}"
            )
        return np.array(array, np.float32, order="C")


def gradients(params: Iterable[Tensor]) -> list[Array]:
    """The arrays of the gradients that are there."""
    return [param.grad.data for param in params if param.grad is not None]


def by_step(params: list[Tensor], state: dict[Tensor, dict[str, Any]]) -> dict[int, list[Tensor]]:
    """Count one more step of each parameter; the parameters by the number of their steps."""
    groups: dict[int, list[Tensor]] = {}
    for param in params:
        kept = state[param]
        kept["step"] = int(kept["step"]) + 1
        groups.setdefault(kept["step"], []).append(param)
    return groups
