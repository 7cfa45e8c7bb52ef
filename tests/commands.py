"""The command line, called as a user calls it, and a small data set to call it with."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 16
PATIENCE = 60


def convlet(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m convlet` to its end."""
    return subprocess.run(
        [sys.executable, "-m", "convlet", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def inside(
    *arguments: str | Path, cwd: Path, capsys: pytest.CaptureFixture[str]
) -> subprocess.CompletedProcess[str]:
    """Run the entry point in this process, where starting costs nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        try:
            code = main(list(map(str, arguments)))
        except SystemExit as end:
            code = int(str(end.code))
    return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())


def one_line_error(done: subprocess.CompletedProcess[str], code: int) -> str:
    """The error of a command that must fail in one line with this exit code."""
    assert done.returncode == code, done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def bright_corner(count: int, seed: int) -> tuple[Any, Any]:
    """Dark images whose class is the corner that is bright: learnt in seconds."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.integers(0, 20, (count, SIDE, SIDE)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = divmod(int(label), 2)
        image[1 + 8 * top : 7 + 8 * top, 1 + 8 * left : 7 + 8 * left] = 230
    return images, labels


def trained(folder: Path) -> str:
    """Train in a folder on a small data set kept there; gives what the command said."""
    images, labels = bright_corner(240, seed=0)
    np.savez(folder / "corners.npz", images=images, labels=labels)
    done = convlet("train", "--data", "corners.npz", "--epochs", "6", "--lr", "0.01", cwd=folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout
