"""Pooling and its gradients: max_pool2d and avg_pool2d."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from shapes import normal

import reference_pool2d
from convlet import ops
from convlet.bench import numpy_reference

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapes import Array

# name, shape of the input, window, stride
POOLS = [
    ("lenet pool1", (64, 6, 28, 28), 2, 2),
    ("lenet pool2", (64, 16, 10, 10), 2, 2),
    ("resnet18 pool", (4, 64, 112, 112), 3, 2),
]
SMALL = (2, 3, 8, 8)
by_pool = pytest.mark.parametrize("pool", POOLS, ids=lambda pool: pool[0])
by_contender = pytest.mark.parametrize("contender", ["convlet", "numpy"])
with_loops = pytest.mark.parametrize("contender", ["convlet", "numpy", "loops"])
Pool = tuple[str, tuple[int, int, int, int], int, int]


def gradient(pool: Pool) -> Array:
    _, shape, kernel, stride = pool
    return normal(*ops.avg_pool2d(normal(*shape), kernel, stride).shape)


@by_contender
@by_pool
def test_max_pool2d(race: Callable[..., None], pool: Pool, contender: str) -> None:
    name, shape, kernel, stride = pool
    x = normal(*shape)
    race(
        f"max_pool2d, {name}",
        contender,
        convlet=lambda: ops.max_pool2d(x, kernel, stride),
        numpy=lambda: numpy_reference.max_pool2d(x, kernel, stride),
    )


@by_contender
@by_pool
def test_max_pool2d_grad(race: Callable[..., None], pool: Pool, contender: str) -> None:
    name, shape, kernel, stride = pool
    dy, indices = gradient(pool), ops.max_pool2d(normal(*shape), kernel, stride)[1]
    assert indices.dtype == np.uint8
    race(
        f"max_pool2d_grad, {name}",
        contender,
        convlet=lambda: ops.max_pool2d_grad(dy, indices, shape, kernel, stride),
        numpy=lambda: numpy_reference.max_pool2d_grad(dy, indices, shape, kernel, stride),
    )


@by_contender
@by_pool
def test_avg_pool2d(race: Callable[..., None], pool: Pool, contender: str) -> None:
    name, shape, kernel, stride = pool
    x = normal(*shape)
    race(
        f"avg_pool2d, {name}",
        contender,
        convlet=lambda: ops.avg_pool2d(x, kernel, stride),
        numpy=lambda: numpy_reference.avg_pool2d(x, kernel, stride),
    )


@by_contender
@by_pool
def test_avg_pool2d_grad(race: Callable[..., None], pool: Pool, contender: str) -> None:
    name, shape, kernel, stride = pool
    dy = gradient(pool)
    race(
        f"avg_pool2d_grad, {name}",
        contender,
        convlet=lambda: ops.avg_pool2d_grad(dy, shape, kernel, stride),
        numpy=lambda: numpy_reference.avg_pool2d_grad(dy, shape, kernel, stride),
    )


@with_loops
def test_max_pool2d_small(race: Callable[..., None], contender: str) -> None:
    x = normal(*SMALL)
    race(
        "max_pool2d, small",
        contender,
        convlet=lambda: ops.max_pool2d(x, 2),
        numpy=lambda: numpy_reference.max_pool2d(x, 2, 2),
        loops=lambda: reference_pool2d.max_pool2d(x, (2, 2), (2, 2)),
    )


@with_loops
def test_avg_pool2d_small(race: Callable[..., None], contender: str) -> None:
    x = normal(*SMALL)
    race(
        "avg_pool2d, small",
        contender,
        convlet=lambda: ops.avg_pool2d(x, 2),
        numpy=lambda: numpy_reference.avg_pool2d(x, 2, 2),
        loops=lambda: reference_pool2d.avg_pool2d(x, (2, 2), (2, 2)),
    )
