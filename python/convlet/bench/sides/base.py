"""What a side is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.bench.layers import BatchNorm2d, Conv2d, Linear, MaxPool2d
    from convlet.bench.networks import Network

    Calls: TypeAlias = dict[str, Callable[[], Any]]

__all__ = ["Side"]


class Side:
    """A library that computes cases.

    Each method prepares one case and gives a function for every pass the library can do; a function
    returns what it computed as an array, or several, on which NumPy can look. What is not overridden
    is left to the others.
    """

    name = ""
    version = ""

    def conv2d(self, case: Conv2d) -> Calls:
        """A convolution and its gradients."""
        return {}

    def max_pool2d(self, case: MaxPool2d) -> Calls:
        """Max pooling and its gradient."""
        return {}

    def batch_norm(self, case: BatchNorm2d) -> Calls:
        """Batch normalisation with ReLU, and the gradients of input, weight and bias."""
        return {}

    def linear(self, case: Linear) -> Calls:
        """A linear layer and its gradients."""
        return {}

    def network(self, case: Network) -> Calls:
        """A training step, which returns its loss, and inference in evaluation mode."""
        return {}
