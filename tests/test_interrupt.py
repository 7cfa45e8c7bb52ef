"""Ctrl-C during a long call ends it within a second, and nothing is broken afterwards."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time

import pytest

from subprocesses import PATIENCE, environment, output_of

# 2 * 10**12 operations: the one call takes longer than any test may wait for Ctrl-C.
CODE = """
import time
import numpy as np
from convlet import _core, ops
_core.set_num_threads({threads})
x = np.ones((64, 64, 96, 96), np.float32)
weight = np.ones((64, 64, 31, 31), np.float32)
y = np.ones((64, 64, 66, 66), np.float32)
print("ready", flush=True)
try:
    {call}
    print("came to its end", flush=True)
except KeyboardInterrupt:
    print("interrupted", time.monotonic(), flush=True)
small = np.ones((1, 1, 3, 3), np.float32)
print(ops.conv2d(small, small).item())
denormal = np.full(4, 1e-40, np.float32)
print((denormal * np.float32(0.5) > 0).all())
"""
CALLS = {
    "forward": "ops.conv2d(x[:, :, ::-1], weight)",
    "grad_input": "ops.conv2d_grad_input(y, weight, x.shape)",
    "grad_weight": "ops.conv2d_grad_weight(y, x, weight.shape)",
}


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("call", CALLS)
def test_ctrl_c_returns_within_a_second(call: str, threads: int) -> None:
    code = textwrap.dedent(CODE).format(threads=threads, call=CALLS[call])
    with subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (0, "")
    said, answer, denormals_survive = out.splitlines()
    word, when = said.split()
    assert word == "interrupted"
    assert float(when) - sent < 1
    assert answer == "9.0"
    assert denormals_survive == "True"


def test_what_a_signal_handler_raises_ends_the_call() -> None:
    code = """
    import signal, time
    import numpy as np
    from convlet import ops

    def alarm(*_):
        raise TimeoutError("enough")

    x = np.ones((64, 64, 96, 96), np.float32)
    weight = np.ones((64, 64, 31, 31), np.float32)
    signal.signal(signal.SIGALRM, alarm)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    start = time.monotonic()
    try:
        ops.conv2d(x, weight)
    except TimeoutError as error:
        print(error, time.monotonic() - start < 1.5)
    """
    assert output_of(code) == "enough True"
