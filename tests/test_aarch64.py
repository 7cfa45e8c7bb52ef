"""The sources keep compiling for aarch64: by a cross compiler where there is one.

Elsewhere the kernels at least are read with NEON's widths; no test here runs what was compiled.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from toolchain import COMPILER, KERNELS, tools_missing

if TYPE_CHECKING:
    from pathlib import Path

CROSS = shutil.which("aarch64-linux-gnu-g++")
CORE = KERNELS.parent
SOURCES = [*KERNELS.glob("*.cpp"), *(CORE.glob("*.cpp") if CROSS else ())]

pytestmark = pytest.mark.skipif(tools_missing(), reason="wants the sources and a compiler")


@pytest.mark.parametrize("source", sorted(SOURCES), ids=lambda path: path.stem)
def test_it_compiles_without_a_warning(source: Path) -> None:
    assert COMPILER is not None
    compiler = [CROSS, "-march=armv8-a"] if CROSS else [COMPILER]
    done = subprocess.run(
        [
            *compiler,
            *("-fsyntax-only", "-std=c++20", "-O3", "-fopenmp", "-Wall", "-Wextra", "-Wpedantic"),
            *("-DCONVLET_ISA=neon", "-DCONVLET_HAS_neon", '-DCONVLET_BUILD_FLAGS=""'),
            *(f"-I{CORE}", f"-I{KERNELS}", str(source)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
