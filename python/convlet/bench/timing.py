"""How calls are timed: turn by turn, so that all meet the same noise."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["PRODUCT_FLOPS", "matrix_products", "medians", "peak_flops", "turns"]

# Idle threads of a library go on spinning in the place of the next one's: OpenBLAS's for a tenth of
# a second, those of ONNX Runtime and of OpenMP for a few milliseconds. A convolution took twice as
# long until the threads of a NumPy product were asleep. So a turn begins with work that does not
# count until they are; sleeping instead slows the processor down.
SETTLE = 0.12  # seconds
TURN = 0.02  # seconds that are timed, at least one call
LONG = 0.25  # seconds of a call that neither needs company nor suffers from what spins before it


def medians(calls: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Milliseconds of each call, medians over turns.

    Args:
        calls: what is timed, by name.
        repeats: how many turns each gets; at least 1.

    Example:
        >>> sorted(medians({"list": lambda: list(range(9)), "tuple": lambda: (1, 2)}, 1))
        ['list', 'tuple']
    """
    return {name: statistics.median(times) for name, times in turns(calls, repeats).items()}


def turns(calls: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Milliseconds of each call in each turn, for figures that must be of the same moment.

    Args:
        calls: what is timed, by name.
        repeats: how many turns each gets; at least 1.

    Example:
        >>> len(turns({"list": lambda: list(range(9))}, 3)["list"])
        3
    """
    if repeats < 1:
        raise ValueError(f"turns: repeats must be at least 1, got {repeats}")
    for call in calls.values():
        call()
    settle = SETTLE if len(calls) > 1 else 0.0
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            taken[name].append(1e3 * _turn(call, settle))
    return taken


def _turn(call: Callable[[], Any], settle: float) -> float:
    """Seconds of a call: `settle` seconds go by first, then many are timed together."""
    began, once = time.perf_counter(), 0.0
    while once == 0.0 or time.perf_counter() - began < settle:
        start = time.perf_counter()
        call()
        once = max(time.perf_counter() - start, 1e-7)
    if once >= LONG:
        return once
    count = max(1, round(TURN / once))
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


PRODUCT_SIZE = 1024
PRODUCT_FLOPS = 2.0 * PRODUCT_SIZE**3


def matrix_products() -> dict[str, Callable[[], Any]]:
    """Products of two matrices that take `PRODUCT_FLOPS` operations: NumPy's and ours.

    A good product of this size keeps the processor's multiply-add units busy, so the fastest stands
    for their peak.
    """
    a = np.random.default_rng(0).standard_normal((PRODUCT_SIZE, PRODUCT_SIZE), np.float32)
    return {"NumPy's product": lambda: a @ a, "convlet's product": lambda: ops.linear(a, a)}


def peak_flops(repeats: int = 9) -> float:
    """Operations per second of the fastest of `matrix_products`.

    Noise can only lower it, so the best of all turns counts.
    """
    products = matrix_products().values()
    best = min(_turn(product, SETTLE) for _ in range(repeats) for product in products)
    return PRODUCT_FLOPS / best
