"""Clipping the gradients of a network by their norm (csrc/kernels/gradient_norm.cpp)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bench_optim import NETWORKS, parameters

from convlet import nn
from convlet.nn.utils import clip_grad_norm_
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("contender", ["convlet", "numpy"])
@pytest.mark.parametrize("network", NETWORKS)
def test_clip_grad_norm(race: Callable[..., None], network: str, contender: str) -> None:
    weights, grads = parameters(network)
    params = [nn.Parameter(weight) for weight in weights]
    for param, grad in zip(params, grads, strict=True):
        param.grad = Tensor(grad.copy())
    others = [grad.copy() for grad in grads]

    def ours() -> float:
        return clip_grad_norm_(params, 1.0).item()

    def numpys() -> float:
        norm = math.sqrt(sum(float(np.square(g, dtype=np.float64).sum()) for g in others))
        scale = np.float32(min(1.0 / (norm + 1e-6), 1.0))
        for grad in others:
            np.multiply(grad, scale, out=grad)
        return norm

    race(f"clip_grad_norm_, {network}", contender, convlet=ours, numpy=numpys)
