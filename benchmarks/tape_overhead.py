"""What the tape costs: small operations on tensors beside the same computations on arrays.

    python benchmarks/tape_overhead.py

A line gives microseconds of one operation on 4 x 4 numbers: on arrays (the values, then also the
gradient), and what the tensor took beyond each. Medians of many turns.
"""

from __future__ import annotations

import gc
import statistics
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from convlet import Tensor, ops
from convlet.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

LENGTH, TURNS = 50, 60  # operations of a chain, and how often it is timed

A = np.full((4, 4), 1.0, np.float32)
W = Tensor(A, requires_grad=True)
ONE, TWO = np.float32(1), np.float32(2)


class Case(NamedTuple):
    """One operation on a tensor, and both of its computations on arrays."""

    name: str
    on_tensor: Callable[[Tensor], Tensor]
    values: Callable[[], object]
    gradient: Callable[[], object]


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
    ),
    Case("x[:]", lambda x: x[:], lambda: A[:], lambda: np.zeros_like(A) + A),
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
    W.grad = None


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
            extra.append((forward, both - forward))
            print(f"{case.name:14}{values:8.2f}{forward:8.2f}{gradient:10.2f}{both - forward:8.2f}")
    worst = [max(column) for column in zip(*extra, strict=True)]
    mean = [statistics.mean(column) for column in zip(*extra, strict=True)]
    print(f"{'mean':14}{'':8}{mean[0]:8.2f}{'':10}{mean[1]:8.2f}")
    print(f"{'most':14}{'':8}{worst[0]:8.2f}{'':10}{worst[1]:8.2f}")


if __name__ == "__main__":
    main()
