"""Transfer learning: a network that knows images, fitted to one's own classes."""

from convlet.transfer.features import features, fit_head
from convlet.transfer.freezing import freeze, stages, unfreeze
from convlet.transfer.head import replace_head
from convlet.transfer.neighbours import neighbours

__all__ = [
    "features",
    "fit_head",
    "freeze",
    "neighbours",
    "replace_head",
    "stages",
    "unfreeze",
]
