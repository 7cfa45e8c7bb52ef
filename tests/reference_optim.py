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


def rmsprop_step(
    param: Wide,
    grad: Wide,
    square: Wide,
    mean: Wide,
    buffer: Wide,
    lr: float,
    alpha: float,
    eps: float,
    weight_decay: float,
    momentum: float,
    centered: bool,
) -> tuple[Wide, Wide, Wide, Wide]:
    """The parameter, both running means and the buffer of changes after a step."""
    grad = grad + weight_decay * param
    square = alpha * square + (1 - alpha) * grad * grad
    variance = square
    if centered:
        mean = alpha * mean + (1 - alpha) * grad
        variance = square - mean * mean
    change = grad / (np.sqrt(variance) + eps)
    if momentum != 0:
        buffer = momentum * buffer + change
        change = buffer
    return param - lr * change, square, mean, buffer


def lars_ratio(param: Wide, grad: Wide, weight_decay: float, trust: float, eps: float) -> float:
    """By what LARS scales the decayed gradient of a parameter."""
    size, slope = float(np.linalg.norm(param)), float(np.linalg.norm(grad))
    return trust * size / (slope + weight_decay * size + eps) if size * slope > 0 else 1.0


def lamb_step(
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
    adapt: bool,
) -> tuple[Wide, Wide, Wide]:
    """The parameter and both running means after a step."""
    mean = beta1 * mean + (1 - beta1) * grad
    variance = beta2 * variance + (1 - beta2) * grad * grad
    spread = np.sqrt(variance / (1 - beta2**step))
    change = mean / (1 - beta1**step) / (spread + eps) + weight_decay * param
    size, length = np.linalg.norm(param), np.linalg.norm(change)
    ratio = size / length if adapt and size * length > 0 else 1.0
    return param - lr * ratio * change, mean, variance
