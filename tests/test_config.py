"""Threads, instruction sets, seeds, and what `import convlet` brings."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import _core
from convlet.random import Generator


@pytest.mark.parametrize(
    ("n", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (2**63, ValueError),
        (1025, ValueError),
        (1.0, TypeError),
        (True, TypeError),
        ("2", TypeError),
        (None, TypeError),
    ],
    ids=repr,
)
def test_a_thread_count_that_makes_no_sense_is_refused(n: Any, error: type[Exception]) -> None:
    before = cl.get_num_threads()
    with pytest.raises(error, match="set_num_threads: n must"):
        cl.set_num_threads(n)
    assert cl.get_num_threads() == before


def test_the_thread_count_is_what_was_set() -> None:
    before = cl.get_num_threads()
    try:
        for n in (1, np.int64(3)):
            cl.set_num_threads(n)  # type: ignore[arg-type]
            assert cl.get_num_threads() == n
    finally:
        cl.set_num_threads(before)


def test_use_isa_works_as_a_call_and_as_a_context() -> None:
    before = _core.get_isa()
    for name in _core.supported_isas():
        with contextlib.suppress(KeyError), cl.use_isa(name):
            assert _core.get_isa() == name
            raise KeyError
        assert _core.get_isa() == before
    cl.use_isa("v2" if "v2" in _core.supported_isas() else before)
    cl.use_isa(before)
    assert _core.get_isa() == before


def test_an_unknown_isa_is_refused_and_changes_nothing() -> None:
    before = _core.get_isa()
    with pytest.raises(ValueError, match="avx9"):
        cl.use_isa("avx9")
    with pytest.raises(TypeError, match="use_isa: name must be text, got int"):
        cl.use_isa(3)  # type: ignore[arg-type]
    assert _core.get_isa() == before


def test_show_config_tells_and_returns(capsys: pytest.CaptureFixture[str]) -> None:
    cl.show_config()
    text = capsys.readouterr().out
    facts = cl.show_config(mode="dicts")
    assert f"isa: {_core.get_isa()}\n" in text
    assert f"threads: {cl.get_num_threads()}\n" in text
    assert facts["version"] == cl.__version__
    assert set(facts["supported_isas"]) <= set(facts["compiled_isas"])
    with pytest.raises(ValueError, match="show_config: mode must be"):
        cl.show_config(mode="xml")  # type: ignore[call-overload]


def test_memory_is_counted_and_given_back() -> None:
    y = cl.ops.relu(np.ones(1 << 20, np.float32))
    assert cl.memory_stats()["allocated_bytes"] >= y.nbytes
    del y
    cl.empty_cache()
    assert cl.memory_stats()["cached_bytes"] == 0


@pytest.mark.parametrize(
    ("value", "error"),
    [(-1, ValueError), (2**64, ValueError), (1.0, TypeError), (True, TypeError), ("0", TypeError)],
)
def test_a_seed_that_makes_no_sense_is_refused(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="seed: seed must be"):
        cl.seed(value)
    with pytest.raises(error, match="seed must be"):
        Generator(value)


def test_a_generator_goes_on_from_its_state() -> None:
    generator = Generator(2**64 - 1)
    generator.normal(0, 1, (3,))
    state = generator.get_state()
    wanted = generator.uniform(0, 1, (100,))
    other = Generator()
    other.set_state(state)
    np.testing.assert_array_equal(other.uniform(0, 1, (100,)), wanted)
    assert Generator().seed != Generator().seed


def test_reserved_offsets_never_overlap() -> None:
    generator = Generator(0)
    assert [generator.reserve(n)[1] for n in (1, 4, 5, 0, 8)] == [0, 1, 2, 4, 4]


def test_import_is_quick_and_brings_no_extra() -> None:
    script = (
        "import sys, time, numpy\n"
        "start = time.perf_counter()\n"
        "import convlet\n"
        "print(time.perf_counter() - start)\n"
        "for name in ('matplotlib', 'rich', 'PIL', 'safetensors', 'torch', 'convlet.data', 'convlet.viz',"
        " 'convlet.train'):\n"
        "    assert name not in sys.modules, name\n"
        "assert convlet.nn.Linear and convlet.data and convlet.Trainer and convlet.evaluating\n"
    )
    seconds = [
        float(subprocess.check_output([sys.executable, "-c", script], text=True)) for _ in range(3)
    ]
    assert min(seconds) < 0.1


def test_all_public_names_exist() -> None:
    assert sorted(cl.__all__) == dir(cl)
    for name in cl.__all__:
        assert getattr(cl, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        cl.nothing  # noqa: B018
