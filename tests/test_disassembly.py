"""The hot loops keep their sums in registers: a compiler must not quietly cost a factor of ten."""

from __future__ import annotations

import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from convlet import _core, _pipeline, _transforms
from toolchain import (
    KERNELS,
    Code,
    compile_kernel,
    functions,
    innermost_loops,
    stack_registers,
    tools_missing,
)

if TYPE_CHECKING:
    from types import ModuleType

pytestmark = pytest.mark.skipif(
    tools_missing("objdump") or platform.machine() not in {"x86_64", "AMD64"},
    reason="wants the sources, a compiler, objdump and an x86 processor",
)
by_isa = pytest.mark.parametrize("isa", _core.compiled_isas())
LANES = {"v2": 4, "v3": 8, "v4": 16}
TILE = r"\w*tile<\d+, \d+>"

# The largest tile of each kind, which has no register to spare.
PROBE = """
#include "gemm.hpp"
#include "outer.hpp"
namespace convlet::CONVLET_ISA {
void probe(const void* a, const void* b) {
    tile<tile_rows(WIDEST), WIDEST * VECTOR>(*static_cast<const TileTask*>(a));
    outer_tile<outer_rows(WIDEST), WIDEST * VECTOR>(*static_cast<const OuterTask*>(b));
}
}
"""


def complaints(name: str, code: Code, isa: str) -> list[str]:
    """What is wrong with the loop in which a tile of Rows x Lanes sums up its products."""
    rows, lanes = map(int, re.findall(r"\d+", name.split("<")[1]))
    loops = [loop for loop in innermost_loops(code) if any(i.multiplies for i in loop)]
    if not loops:
        return [f"{name}: no loop multiplies"]
    vectors = rows * -(-lanes // LANES[isa])  # a narrow tile has one, partly filled, per row
    stack, found = stack_registers(code), []
    for loop in loops:
        products = sum(i.multiplies for i in loop)
        if products % vectors != 0:
            found.append(f"{name}: a loop has {products} products")
        found += [
            f"{name}: {i.name} {i.operands}"
            for i in loop
            if i.stores_a_vector or i.loads_a_vector_from(stack)
        ]
    return found


def compile_probe(isa: str, to: Path, include: Path = KERNELS) -> dict[str, Code]:
    source = to / "probe.cpp"
    source.write_text(PROBE)
    return functions(compile_kernel(source, isa, to, include=include), TILE)


@by_isa
def test_the_largest_tiles_stay_in_registers(isa: str, tmp_path: Path) -> None:
    tiles = compile_probe(isa, tmp_path)
    assert {name.split("<")[0] for name in tiles} == {"tile", "outer_tile"}
    assert [text for name, code in tiles.items() for text in complaints(name, code, isa)] == []


@by_isa
def test_the_sums_of_the_largest_tiles_never_come_back_from_memory(
    isa: str, tmp_path: Path
) -> None:
    """A loop that may run no round, or two ways of writing that meet, sends them there and back."""
    for name, code in compile_probe(isa, tmp_path).items():
        stack = stack_registers(code)
        back = [f"{i.name} {i.operands}" for i in code if i.loads_a_vector_from(stack)]
        assert back == [], name


@by_isa
def test_a_loop_that_may_run_no_round_is_found_out(isa: str, tmp_path: Path) -> None:
    include = tmp_path / "kernels"
    include.mkdir()
    for header in KERNELS.glob("*.hpp"):
        text = header.read_text()
        if header.name == "outer.hpp":
            text, count = re.subn(
                r"(p = 0;\s+)do \{(.*?)\} while \(\+\+p < task.columns\);",
                r"\1while (p < task.columns) {\2 ++p; }",
                text,
                flags=re.DOTALL,
            )
            assert count == 1
        (include / header.name).write_text(text)
    tiles = compile_probe(isa, tmp_path, include)
    (code,) = (code for name, code in tiles.items() if name.startswith("outer_tile"))
    assert any(i.loads_a_vector_from(stack_registers(code)) for i in code)


@by_isa
def test_a_tile_that_is_not_unrolled_is_found_out(isa: str, tmp_path: Path) -> None:
    include = tmp_path / "kernels"
    include.mkdir()
    for header in KERNELS.glob("*.hpp"):
        text = header.read_text()
        if header.name == "simd.hpp":
            text, count = re.subn(r'"GCC unroll \d+"', '"GCC unroll 1"', text)
            assert count == 1
        (include / header.name).write_text(text)
    tiles = compile_probe(isa, tmp_path, include)
    assert len(tiles) == 2
    for name, code in tiles.items():
        assert complaints(name, code, isa), f"{name} passes without its rows unrolled"


@pytest.mark.slow
@by_isa
@pytest.mark.parametrize("source", sorted(KERNELS.glob("*.cpp")), ids=lambda path: path.stem)
def test_every_tile_of_every_kernel_stays_in_registers(
    source: Path, isa: str, tmp_path: Path
) -> None:
    tiles = functions(compile_kernel(source, isa, tmp_path), TILE)
    if source.stem in {"conv2d", "conv2d_grad_weight"}:
        assert len(tiles) > 8
    assert [text for name, code in tiles.items() for text in complaints(name, code, isa)] == []


@by_isa
def test_sums_of_moments_stay_in_registers_while_pixels_go_by(isa: str, tmp_path: Path) -> None:
    compiled = compile_kernel(KERNELS / "pixel_moments.cpp", isa, tmp_path)
    (code,) = functions(compiled, r"\w+::pixel_moments\(.*").values()
    stack = stack_registers(code)
    loops = [loop for loop in innermost_loops(code) if sum(i.multiplies for i in loop) == 4]
    assert len(loops) >= 2  # 2 registers of two pixels, 1 of four
    for loop in loops:
        moves = [i for i in loop if i.stores_a_vector or i.loads_a_vector_from(stack)]
        assert moves == []


@by_isa
def test_the_bits_of_a_mask_become_lanes_of_vectors(isa: str, tmp_path: Path) -> None:
    compiled = compile_kernel(KERNELS / "dropout.cpp", isa, tmp_path)
    (code,) = functions(compiled, r"\w+::dropout_grad\(.*").values()
    names = {i.name.removeprefix("v") for i in code}
    assert names & {"mulps", "mulss"} == {"mulps"}


@pytest.mark.parametrize(
    "module", [_core, _pipeline, _transforms], ids=lambda module: module.__name__
)
def test_no_mmx_register_is_touched(module: ModuleType) -> None:
    """GCC moves 8 bytes through one at times, without the emms that x87 code needs afterwards."""
    touched = [
        f"{name}: {i.name} {i.operands}"
        for name, code in functions(Path(str(module.__file__)), ".*").items()
        for i in code
        if re.search(r"%mm\d", i.operands)
    ]
    assert touched == []


# Kernels that unroll taps and pixels around a loop over rows or columns, and how many of the numbers
# in their names make up the products of one round.
UNROLLED = {
    "depthwise": (r"filter<2, 4, [35], [12], 7, \w+>", slice(0, 3)),
    "depthwise_spread": (r"spread_pairs<2, [24], [35], \w+, [236], \w+>", slice(0, 3)),
    "depthwise_grad_weight": (r"add_rows<\d+, [23], [35], [12], \w+>", slice(1, 3)),
}
PIXELS = 4  # which the names of depthwise_grad_weight.cpp leave out


def unrolled_complaints(source: str, name: str, code: Code) -> list[str]:
    """What is wrong with the loop that does most of the work; a few spills cost little."""
    factors = [int(n) for n in re.findall(r"\d+", name)[UNROLLED[source][1]]]
    wanted = factors[0] * factors[1] * (factors[2] if len(factors) > 2 else PIXELS)
    stack = stack_registers(code)
    loops = {sum(i.multiplies for i in loop): loop for loop in innermost_loops(code)}
    if wanted not in loops:
        return [f"{name}: no loop has {wanted} products but {sorted(loops)}"]
    moves = [i for i in loops[wanted] if i.stores_a_vector or i.loads_a_vector_from(stack)]
    return [f"{name}: {len(moves)} moves of sums"] if len(moves) > wanted // 3 else []


@by_isa
@pytest.mark.parametrize("source", UNROLLED)
def test_unrolled_taps_stay_in_registers(source: str, isa: str, tmp_path: Path) -> None:
    compiled = compile_kernel(KERNELS / f"{source}.cpp", isa, tmp_path)
    loops = functions(compiled, UNROLLED[source][0])
    assert len(loops) >= 4
    assert [
        text for name, code in loops.items() for text in unrolled_complaints(source, name, code)
    ] == []


@by_isa
@pytest.mark.parametrize("source", UNROLLED)
def test_taps_that_are_not_unrolled_are_found_out(source: str, isa: str, tmp_path: Path) -> None:
    text = (KERNELS / f"{source}.cpp").read_text()
    copy = tmp_path / f"{source}.cpp"
    copy.write_text(f'#include "simd.hpp"\n#undef UNROLL\n#define UNROLL\n{text}')
    loops = functions(
        compile_kernel(copy, isa, tmp_path, "-fno-peel-loops", "-O2", "-ftree-vectorize"),
        UNROLLED[source][0],
    )
    assert any(unrolled_complaints(source, name, code) for name, code in loops.items())


@by_isa
def test_sums_of_few_outputs_stay_in_registers(isa: str, tmp_path: Path) -> None:
    compiled = compile_kernel(KERNELS / "few_channels_grad_weight.cpp", isa, tmp_path)
    tiles = functions(compiled, r"add_taps<\d+, \d+>")
    assert len(tiles) > 8
    for name, code in tiles.items():
        outputs, taps = map(int, re.findall(r"\d+", name)[:2])
        stack = stack_registers(code)
        loops = {sum(i.multiplies for i in loop): loop for loop in innermost_loops(code)}
        assert outputs * taps in loops, name
        loop = loops[outputs * taps]
        assert [i for i in loop if i.stores_a_vector or i.loads_a_vector_from(stack)] == [], name
