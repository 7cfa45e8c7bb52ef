"""Learning rates that change as training goes on, as torch.optim.lr_scheduler."""

from convlet.optim.lr_scheduler.base import LRScheduler
from convlet.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from convlet.optim.lr_scheduler.decay import (
    ExponentialLR,
    LambdaLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from convlet.optim.lr_scheduler.joined import ChainedScheduler, SequentialLR
from convlet.optim.lr_scheduler.one_cycle import OneCycleLR
from convlet.optim.lr_scheduler.plateau import ReduceLROnPlateau
from convlet.optim.lr_scheduler.warmup import ConstantLR, LinearLR, with_warmup

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
    "with_warmup",
]
