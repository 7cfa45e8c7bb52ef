"""Optimisers, with the names, arguments and rules of torch.optim."""

from convlet.optim import lr_scheduler
from convlet.optim.adam import Adam, AdamW
from convlet.optim.optimizer import Optimizer
from convlet.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "lr_scheduler"]
