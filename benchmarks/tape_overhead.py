"""What the tape costs: small operations on tensors beside the same computations on arrays.

    python benchmarks/tape_overhead.py

A line gives microseconds of one operation on 4 x 4 numbers: on arrays (the values, then also the
gradient), and what the tensor took beyond each, of one where it takes two in a row to keep the
shape. Medians of many turns.
"""

from __future__ import annotations

import gc
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

import convlet as cl
from convlet import Tensor, ops
from convlet.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH, TURNS = 50, 60  # operations of a chain, and how often it is timed

A = np.full((4, 4), 1.0, np.float32)
W = Tensor(A, requires_grad=True)
V = Tensor(A[0], requires_grad=True)
ZERO, ONE, TWO, FOUR = np.float32([0, 1, 2, 4])
MASK = np.eye(4, dtype=bool)


def shared(dy: np.ndarray) -> np.ndarray:
    """A gradient divided among the numbers that are the greatest."""
    equal = np.equal(A, A) | np.isnan(A)
    return np.where(equal, dy / np.add.reduce(equal, axis=1, keepdims=True), ZERO)


def halves() -> np.ndarray:
    return A * np.equal(A, A) / TWO


def softmax() -> np.ndarray:
    y = np.exp(A - np.maximum.reduce(A, axis=1, keepdims=True))
    y /= np.add.reduce(y, axis=1, keepdims=True)
    return y


def padded() -> np.ndarray:
    """The gradient of a part."""
    dx = np.zeros((8, 4), np.float32)
    dx[:4] = A
    return dx


class Case(NamedTuple):
    """An operation on a tensor, or some in a row, and both of its computations on arrays."""

    name: str
    on_tensor: Callable[[Tensor], Tensor]
    values: Callable[[], object]
    gradient: Callable[[], object]
    operations: int = 1


CASES = [
    Case("-x", lambda x: -x, lambda: -A, lambda: -A),
    Case("x + 1.0", lambda x: x + 1.0, lambda: A + ONE, lambda: A),
    Case("x + w", lambda x: x + W, lambda: A + A, lambda: A + A),
    Case("x * w", lambda x: x * W, lambda: A * A, lambda: (A * A, A * A + A)),
    Case("x * x", lambda x: x * x, lambda: A * A, lambda: A * A + A * A),
    Case("x / 2.0", lambda x: x / 2.0, lambda: A / TWO, lambda: A / TWO),
    Case("x ** 2", lambda x: x**2, lambda: A * A, lambda: A * (TWO * A)),
    Case("x @ w", lambda x: x @ W, lambda: ops.linear(A, A), lambda: (A @ A.T, A.T @ A + A)),
    Case("relu", F.relu, lambda: ops.relu(A), lambda: ops.relu_grad(A, A)),
    Case("sigmoid", F.sigmoid, lambda: ops.sigmoid(A), lambda: ops.sigmoid_grad(A, A)),
    Case("abs", lambda x: x.abs(), lambda: np.abs(A), lambda: A * np.sign(A)),
    Case("reshape", lambda x: x.reshape(4, 4), lambda: A.reshape(4, 4), lambda: A.reshape(4, 4)),
    Case("transpose", lambda x: x.T, lambda: A.T, lambda: A.T),
    Case(
        "sum, expand",
        lambda x: x.sum(1, keepdim=True).expand(4, 4),
        lambda: np.broadcast_to(np.add.reduce(A, axis=1, keepdims=True), (4, 4)),
        lambda: np.add.reduce(A, axis=1, keepdims=True) * A,
        2,
    ),
    Case(
        "max, expand",
        lambda x: x.amax(1, keepdim=True).expand(4, 4),
        lambda: np.broadcast_to(np.maximum.reduce(A, axis=1, keepdims=True), (4, 4)),
        lambda: shared(np.add.reduce(A, axis=1, keepdims=True)),
        2,
    ),
    Case(
        "mean, expand",
        lambda x: x.mean(1, keepdim=True).expand(4, 4),
        lambda: np.broadcast_to(np.add.reduce(A, axis=1, keepdims=True) / FOUR, (4, 4)),
        lambda: np.add.reduce(A, axis=1, keepdims=True) * A / FOUR,
        2,
    ),
    Case("x[:]", lambda x: x[:], lambda: A[:], lambda: np.zeros_like(A) + A),
    Case("exp", lambda x: x.exp(), lambda: np.exp(A), lambda: A * A),
    Case(
        "clip", lambda x: x.clip(0, 2), lambda: np.clip(A, 0, 2), lambda: A * ((A >= 0) & (A <= 2))
    ),
    Case(
        "maximum",
        lambda x: cl.maximum(x, W),
        lambda: np.maximum(A, A),
        lambda: (A * np.greater(A, A) + halves(), A * np.less(A, A) + halves() + A),
    ),
    Case(
        "where",
        lambda x: cl.where(MASK, x, W),
        lambda: np.where(MASK, A, A),
        lambda: (np.where(MASK, A, ZERO), np.where(MASK, ZERO, A) + A),
    ),
    Case(
        "cat, x[:4]",
        lambda x: cl.cat([x, W])[:4],
        lambda: np.concatenate([A, A])[:4],
        lambda: (padded(), A[:], A[:] + A),
        2,
    ),
    Case(
        "stack, x[0]",
        lambda x: cl.stack([x, W])[0],
        lambda: np.stack([A, A])[0],
        lambda: (padded(), A[:], A[:] + A),
        2,
    ),
    Case(
        "softmax",
        lambda x: F.softmax(x, 1),
        softmax,
        lambda: A * (A - np.add.reduce(A * A, axis=1, keepdims=True)),
    ),
    Case(
        "linear",
        lambda x: F.linear(x, W, V),
        lambda: ops.linear(A, A, V.data),
        lambda: (
            ops.linear_grad_input(A, A),
            ops.linear_grad_weight(A, A) + A,
            ops.linear_grad_bias(A) + V.data,
        ),
    ),
]


def microseconds(work: Callable[[], object], per: int) -> float:
    times = []
    for _ in range(TURNS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times) / per


def chain(case: Case) -> Tensor:
    y: Tensor = W
    for _ in range(LENGTH):
        y = case.on_tensor(y)
    return y


def backward(case: Case) -> None:
    chain(case).backward(A)
    W.grad = V.grad = None


def repeated(work: Callable[[], object]) -> Callable[[], None]:
    def run() -> None:
        for _ in range(LENGTH):
            work()

    return run


def main() -> None:
    print(f"{'microseconds':14}{'values':>8}{'tape +':>8}{'gradient':>10}{'tape +':>8}")
    extra = []
    gc.disable()
    with np.errstate(all="ignore"):
        for case in CASES:
            values = microseconds(repeated(case.values), LENGTH)
            gradient = microseconds(repeated(case.gradient), LENGTH)
            forward = microseconds(lambda case=case: chain(case), LENGTH) - values
            both = microseconds(lambda case=case: backward(case), LENGTH) - values - gradient
            row = [n / case.operations for n in (values, forward, gradient, both - forward)]
            extra.append((row[1], row[3]))
            print("{:14}{:8.2f}{:8.2f}{:10.2f}{:8.2f}".format(case.name, *row))
    worst = [max(column) for column in zip(*extra, strict=True)]
    mean = [statistics.mean(column) for column in zip(*extra, strict=True)]
    print(f"{'mean':14}{'':8}{mean[0]:8.2f}{'':10}{mean[1]:8.2f}")
    print(f"{'most':14}{'':8}{worst[0]:8.2f}{'':10}{worst[1]:8.2f}")


if __name__ == "__main__":
    main()
