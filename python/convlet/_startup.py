"""Loads `_core` so that its threads wait in a way that suits shared machines.

libgomp's threads spin for milliseconds at the end of each parallel loop before they sleep. On a
machine whose cores are busy with other work they spin in the place of the thread that they wait
for: a training step took 25 times as long. How long to spin is read from the environment once,
when the library is loaded, so it is set for that moment only and only where the user has not
said anything.
"""

from __future__ import annotations

import importlib
import os

# 40 to 130 microseconds, by the processor: a thread sleeps for what Python does from one loop to the
# next only if that takes longer; to wake it takes about as long. See docs/architecture.md, threads.
SPINS = "3000"
CHOICES = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def load_core() -> None:
    """Import `_core`, which loads the OpenMP library."""
    if any(name in os.environ for name in CHOICES):
        importlib.import_module("convlet._core")
        return
    os.environ["GOMP_SPINCOUNT"] = SPINS
    try:
        importlib.import_module("convlet._core")
    finally:
        del os.environ["GOMP_SPINCOUNT"]


load_core()
