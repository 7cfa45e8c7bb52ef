"""Fixtures that every test may ask for."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from convlet import _core

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# Shapes are drawn anew on a developer's machine; elsewhere a failure must be repeatable.
settings.register_profile("convlet", deadline=None, max_examples=60)
settings.register_profile(
    "ci",
    parent=settings.get_profile("convlet"),
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ci" if os.environ.get("CI") else "convlet")

# A shell starts background jobs with Ctrl-C ignored, and what we start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# CONVLET_ISA=v3 pytest runs the suite under that instruction set alone.
ISAS = [name] if (name := os.environ.get("CONVLET_ISA")) else _core.supported_isas()


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(params=ISAS)
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set that this machine has, in use during the test."""
    before = _core.get_isa()
    _core.use_isa(request.param)
    yield request.param
    _core.use_isa(before)


@pytest.fixture
def exact() -> Iterator[None]:
    """Convolutions without Winograd, whose sums of whole numbers are exact."""
    before = _core.exact_conv()
    _core.use_exact_conv(True)
    yield
    _core.use_exact_conv(before)


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """`set_num_threads`, undone at the end of the test."""
    before = _core.get_num_threads()
    yield _core.set_num_threads
    _core.set_num_threads(before)
