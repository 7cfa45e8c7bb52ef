"""A forked child computes the parent's bits on its one thread, and never hangs."""

from __future__ import annotations

import os

import pytest

from subprocesses import output_of

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

# Forking happens in a process of its own: this one may hold threads of other libraries.
PREAMBLE = """
import os, signal, sys, threading
import numpy as np
from convlet import _core, ops

signal.alarm(40)  # a process that hangs is killed, and so is seen
_core.set_num_threads(2)
rng = np.random.default_rng(0)
x = rng.standard_normal((8, 16, 32, 32)).astype(np.float32)
weight = rng.standard_normal((32, 16, 3, 3)).astype(np.float32)

def compute():
    y = ops.conv2d(x, weight, padding=1)
    dx = ops.conv2d_grad_input(y, weight, x.shape, padding=1)
    dw = ops.conv2d_grad_weight(y, x, weight.shape, padding=1)
    return y.tobytes() + dx.tobytes() + dw.tobytes()

def in_child(function):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        code = 1
        try:
            code = 0 if function() else 2
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1]

wanted = compute()
"""


def test_a_child_computes_what_its_parent_does() -> None:
    code = PREAMBLE + "print(in_child(lambda: compute() == wanted))"
    assert output_of(code) == "0"


def test_a_child_of_a_process_that_never_computed() -> None:
    code = PREAMBLE.replace("wanted = compute()", "") + "print(in_child(lambda: len(compute())))"
    assert output_of(code) == "0"


def test_a_child_of_a_child() -> None:
    code = (
        PREAMBLE
        + "print(in_child(lambda: compute() == wanted and "
        + "in_child(lambda: compute() == wanted) == 0))"
    )
    assert output_of(code) == "0"


def test_the_parent_computes_on_in_parallel() -> None:
    code = (
        PREAMBLE + "print([in_child(lambda: compute() == wanted) for _ in range(3)], "
        "compute() == wanted, _core.get_num_threads())"
    )
    assert output_of(code) == "[0, 0, 0] True 2"


def test_a_fork_while_other_threads_compute() -> None:
    # The pool's lock and OpenMP's threads are busy at the moment of the fork.
    code = (
        PREAMBLE
        + """
done = threading.Event()
def busy():
    while not done.is_set():
        compute()
threads = [threading.Thread(target=busy) for _ in range(2)]
for thread in threads:
    thread.start()
results = [in_child(lambda: compute() == wanted) for _ in range(5)]
done.set()
for thread in threads:
    thread.join()
print(results)
"""
    )
    assert output_of(code) == "[0, 0, 0, 0, 0]"


def test_many_forks_while_other_threads_take_memory() -> None:
    # Scratch memory is taken without the interpreter's lock: sooner or later a fork meets a thread
    # that holds the pool's.
    code = (
        PREAMBLE
        + """
tiny = np.ones((2, 3), np.float32)
done = threading.Event()
def busy():
    while not done.is_set():
        ops.linear_grad_weight(tiny, tiny)
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads:
    thread.start()
results = [in_child(lambda: ops.linear_grad_weight(tiny, tiny).any()) for _ in range(150)]
done.set()
for thread in threads:
    thread.join()
print(set(results))
"""
    )
    assert output_of(code) == "{0}"


def test_workers_of_multiprocessing() -> None:
    code = (
        PREAMBLE
        + """
import multiprocessing
def work(_):
    return compute() == wanted
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(pool.map_async(work, range(4)).get(timeout=30))
"""
    )
    assert output_of(code) == "[True, True, True, True]"
