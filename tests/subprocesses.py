"""Running Python in a process of its own: settings read at start, forks, signals."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

# A test that hangs must fail, on a busy machine too.
PATIENCE = 60

# Settings of the developer's shell that would decide the outcome.
SETTINGS = ("CONVLET_NUM_THREADS", "CONVLET_ISA", "OMP_NUM_THREADS")


def environment(settings: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k not in SETTINGS} | settings


def run(code: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs `code` to its end, whatever that is."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def output_of(code: str, **settings: str) -> str:
    """What `code` prints; it must succeed and print nothing to stderr."""
    done = run(code, **settings)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.strip()
