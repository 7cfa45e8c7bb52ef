"""Denormals are flushed inside our own loops; the caller's floating-point mode is never touched."""

from __future__ import annotations

import ctypes
import ctypes.util
import inspect
import platform
from typing import TYPE_CHECKING

import numpy as np
import pytest

from convlet import ops
from operators import Operator, make_operators
from subprocesses import output_of

if TYPE_CHECKING:
    from collections.abc import Callable

OPERATORS = make_operators(images=9, size=40)
DENORMAL = np.float32(1e-40)

x86_linux = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="reads glibc's fenv_t"
)


def control_word() -> int:
    """MXCSR, which follows the 28 bytes of x87 in fenv_t, without its sticky exception flags."""
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    environment = (ctypes.c_uint32 * 8)()
    assert libm.fegetenv(environment) == 0
    return environment[7] & ~0x3F


def halves(x: np.ndarray) -> np.ndarray:
    """A sum that NumPy computes, in the caller's mode."""
    half: np.ndarray = x * np.float32(0.5)
    return half


@x86_linux
@pytest.mark.parametrize("operator", OPERATORS, ids=str)
def test_a_call_keeps_the_mode_of_its_caller(
    operator: Operator, set_threads: Callable[[int], None]
) -> None:
    for threads in (1, 2):
        set_threads(threads)
        before = control_word()
        operator.outputs()
        assert control_word() == before


@x86_linux
def test_a_call_keeps_a_mode_that_is_not_the_default() -> None:
    libm = ctypes.CDLL(ctypes.util.find_library("m"))
    nearest, upward = libm.fegetround(), 0x800
    assert libm.fesetround(upward) == 0
    try:
        before = control_word()
        for operator in OPERATORS:
            operator.outputs()
        assert control_word() == before
        assert libm.fegetround() == upward
    finally:
        libm.fesetround(nearest)


@x86_linux
def test_importing_keeps_the_mode_of_its_caller() -> None:
    code = (
        "import ctypes, ctypes.util\n"
        + inspect.getsource(control_word)
        + "before = control_word()\n"
        + "import convlet, convlet.ops, convlet.nn, convlet._pipeline, convlet._transforms\n"
        + "print(control_word() == before, hex(before))"
    )
    assert output_of(code) == "True 0x1f80"


def test_denormals_survive_outside_and_are_flushed_inside(
    isa: str, set_threads: Callable[[int], None]
) -> None:
    x = np.full((4, 8, 32, 32), DENORMAL)
    weight = np.full((8, 8, 1, 1), 0.5, np.float32)
    for threads in (1, 2):
        set_threads(threads)
        assert not ops.conv2d(x, weight).any()
        assert not ops.linear(x[:, :, 0, 0], weight[:, :, 0, 0]).any()
        assert halves(x).all()


def test_a_refused_call_keeps_denormals() -> None:
    with pytest.raises(ValueError, match="stride"):
        ops.conv2d(np.ones((1, 1, 1, 1), np.float32), np.ones((1, 1, 1, 1), np.float32), stride=0)
    assert halves(np.full(5, DENORMAL)).all()
