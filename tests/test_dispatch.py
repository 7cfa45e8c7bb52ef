"""Which instruction set computes: the widest there is, or the one that was asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convlet import _core, ops
from subprocesses import output_of, run

ORDER = ["v2", "v3", "v4", "neon"]


def test_each_supported_instruction_set_can_be_used(isa: str) -> None:
    assert _core.get_isa() == isa
    one = np.ones((1, 1, 1, 1), np.float32)
    assert ops.conv2d(one, 3 * one).item() == 3


def test_what_is_supported_was_compiled_in_order_of_width() -> None:
    compiled, supported = _core.compiled_isas(), _core.supported_isas()
    assert supported
    assert supported == [name for name in compiled if name in supported]
    assert compiled == [name for name in ORDER if name in compiled]


def test_the_widest_is_used_unless_told_otherwise() -> None:
    widest = _core.supported_isas()[-1]
    assert output_of("from convlet import _core; print(_core.get_isa())") == widest
    empty = output_of("from convlet import _core; print(_core.get_isa())", CONVLET_ISA="")
    assert empty == widest


@pytest.mark.parametrize("name", _core.supported_isas())
def test_the_environment_chooses(name: str) -> None:
    code = """
    import numpy as np
    from convlet import _core, ops
    one = np.ones((1, 1, 1, 1), np.float32)
    print(_core.get_isa(), ops.conv2d(one, 5 * one).item())
    """
    assert output_of(code, CONVLET_ISA=name) == f"{name} 5.0"


@pytest.mark.parametrize("name", ["v9", "V3", "avx2", "v3 ", "\N{GREEK SMALL LETTER NU}3"])
def test_a_wrong_name_in_the_environment_is_named(name: str) -> None:
    done = run("from convlet import _core; _core.get_isa()", CONVLET_ISA=name)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("ValueError: ")
    assert "CONVLET_ISA" in last
    assert f"got {name}" in last
    assert ", ".join(_core.supported_isas()) in last


@pytest.mark.parametrize("name", ["v9", "", "V3", "v3\0", "baseline"])
def test_use_isa_refuses_a_wrong_name(name: str) -> None:
    before = _core.get_isa()
    offered = ", ".join(_core.supported_isas())
    with pytest.raises(ValueError, match=f"^use_isa: this processor and build offer {offered}, "):
        _core.use_isa(name)
    assert _core.get_isa() == before


@pytest.mark.parametrize("name", [None, 3, b"\xff", ["v3"]])
def test_use_isa_wants_a_string(name: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        _core.use_isa(name)


def test_instruction_sets_agree_to_rounding(rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 20, 15, 14)).astype(np.float32)
    weight = rng.standard_normal((30, 20, 3, 3)).astype(np.float32)
    before, results = _core.get_isa(), []
    try:
        for name in _core.supported_isas():
            _core.use_isa(name)
            results.append(ops.conv2d(x, weight))
    finally:
        _core.use_isa(before)
    for result in results:
        np.testing.assert_allclose(result, results[0], atol=1e-4)


def test_build_info_tells_the_flags_of_each_instruction_set() -> None:
    info = _core.build_info()
    assert set(info) == {"compiler", "flags", "openmp"}
    for name in _core.compiled_isas():
        assert f"{name}: -m" in info["flags"]
    assert "-ffast-math" not in info["flags"]
    assert "-Ofast" not in info["flags"]
