"""Optimisers, with the names, arguments and rules of torch.optim."""

from convlet.optim import lr_scheduler
from convlet.optim.adam import Adam, AdamW
from convlet.optim.large_batch import LAMB, LARS
from convlet.optim.optimizer import Optimizer
from convlet.optim.rmsprop import RMSprop
from convlet.optim.sgd import SGD

__all__ = ["LAMB", "LARS", "SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "lr_scheduler"]
