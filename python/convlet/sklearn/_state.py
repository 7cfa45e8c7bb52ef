"""A fitted network and its optimiser as plain arrays and numbers, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet.random import Generator

if TYPE_CHECKING:
    from convlet.nn import Module
    from convlet.optim import Optimizer


def taken(network: Module, optimizer: Optimizer) -> dict[str, Any]:
    """Copies of weights, of what the optimiser remembers, and of the states of random numbers."""
    return {
        "weights": {name: array.copy() for name, array in network.state_dict().items()},
        "optimizer": optimizer.state_dict(),
        "generators": [source.get_state() for source in _generators(network)],
        "training": [module.training for module in network.modules()],
    }


def put_back(state: dict[str, Any], network: Module, optimizer: Optimizer) -> None:
    """Bring a new network and its optimiser to the state that was taken."""
    network.load_state_dict(state["weights"])
    optimizer.load_state_dict(state["optimizer"])
    for source, numbers in zip(_generators(network), state["generators"], strict=True):
        source.set_state(numbers)
    for module, mode in zip(network.modules(), state["training"], strict=True):
        module.training = mode


def _generators(network: Module) -> list[Generator]:
    """The network's own sources of random numbers, each once."""
    sources = (getattr(module, "generator", None) for module in network.modules())
    return list({id(s): s for s in sources if isinstance(s, Generator)}.values())
