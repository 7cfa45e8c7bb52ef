"""A kernel's object file shows the linker only names of its own instruction set.

Otherwise the linker may pick an AVX-512 copy of an inline function for an older processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from convlet import _core
from toolchain import KERNELS, compile_kernel, defined_names, tools_missing

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(tools_missing("nm"), reason="wants the sources, a compiler and nm")

ISA = _core.compiled_isas()[0]


@pytest.fixture(scope="module", params=sorted(KERNELS.glob("*.cpp")), ids=lambda path: path.stem)
def kernel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An object file without optimisation: nothing is inlined, and all that is used shows."""
    return compile_kernel(request.param, ISA, tmp_path_factory.mktemp("kernel"), "-O0")


def foreign_names(objects: Path) -> list[str]:
    # DW.ref.… points at the C++ run time's own function and holds no code.
    return [
        name
        for _, name in defined_names(objects)
        if not name.startswith((f"convlet::{ISA}::", "DW.ref."))
    ]


def test_only_names_of_its_instruction_set_are_seen(kernel: Path) -> None:
    assert defined_names(kernel)
    assert foreign_names(kernel) == []


def test_kernels_have_no_variables(kernel: Path) -> None:
    # Kinds of nm: b, d, u and their capitals are variables; the table of functions is a constant
    # that the loader has to fill in.
    variables = [
        name
        for kind, name in defined_names(kernel, local=True)
        if kind in "bBdDuCsSgG" and name != f"convlet::{ISA}::table"
    ]
    assert variables == []


def test_a_member_function_and_a_template_are_found_out(tmp_path: Path) -> None:
    source = tmp_path / "leaky.cpp"
    source.write_text(
        """
        #include <algorithm>
        #include "simd.hpp"
        namespace convlet {
        struct Shape { int n; int twice() const { return 2 * n; } };
        namespace CONVLET_ISA {
        int leak(int n) { return std::max(Shape{n}.twice(), 3); }
        }
        }
        """
    )
    found = foreign_names(compile_kernel(source, ISA, tmp_path, "-O0"))
    assert any("Shape::twice" in name for name in found)
    assert any("std::max" in name for name in found)


def test_the_table_is_all_that_the_linker_needs(tmp_path: Path) -> None:
    objects = compile_kernel(KERNELS / "table.cpp", ISA, tmp_path)
    assert [name for _, name in defined_names(objects)] == [f"convlet::{ISA}::table"]
