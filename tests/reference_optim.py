"""Optimiser steps in float64, as their papers and torch.optim write them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Wide = npt.NDArray[np.float64]


def sgd_step(
    param: Wide,
    grad: Wide,
    velocity: Wide,
    lr: float,
    momentum: float,
    dampening: float,
    weight_decay: float,
    nesterov: bool,
    first: bool,
) -> tuple[Wide, Wide]:
    """The parameter and its velocity after a step."""
    step = grad + weight_decay * param
    if momentum != 0:
        velocity = step if first else momentum * velocity + (1 - dampening) * step
        step = step + momentum * velocity if nesterov else velocity
    return param - lr * step, velocity


def adam_step(
    param: Wide,
    grad: Wide,
    mean: Wide,
    variance: Wide,
    lr: float,
    beta1: float,
    beta2: float,
    eps: float,
    weight_decay: float,
    step: int,
    decoupled: bool,
) -> tuple[Wide, Wide, Wide]:
    """The parameter and both running means after a step."""
    if decoupled:
        param = param * (1 - lr * weight_decay)
    else:
        grad = grad + weight_decay * param
    mean = beta1 * mean + (1 - beta1) * grad
    variance = beta2 * variance + (1 - beta2) * grad * grad
    unbiased = mean / (1 - beta1**step)
    spread = np.sqrt(variance / (1 - beta2**step))
    return param - lr * unbiased / (spread + eps), mean, variance
