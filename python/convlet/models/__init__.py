"""Ready-made networks."""

from convlet.models.lenet import LeNet5, lenet5
from convlet.models.registry import create, names

__all__ = ["LeNet5", "create", "lenet5", "names"]
