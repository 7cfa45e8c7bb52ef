"""Compiling single kernel files as the build does, and reading what became of their loops."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from convlet import _core

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ROOT / "csrc" / "kernels"
COMPILER = shutil.which(os.environ.get("CXX", "g++"))


def tools_missing(*names: str) -> bool:
    return not KERNELS.is_dir() or COMPILER is None or not all(map(shutil.which, names))


def flags_of(isa: str) -> list[str]:
    """The flags of the build: those of all kernels, then "v3: -march=…" for each set."""
    common, *each = _core.build_info()["flags"].split(" | ")
    own = dict(text.split(": ", 1) for text in each)[isa]
    return [*common.split(), *own.split()]


def compile_kernel(source: Path, isa: str, to: Path, *extra: str, include: Path = KERNELS) -> Path:
    """One object file; flags in `extra` come last and so win."""
    assert COMPILER is not None
    target = to / f"{source.stem}.{isa}.o"
    subprocess.run(
        [
            *(COMPILER, "-c", str(source), "-o", str(target), "-std=c++20", "-fPIC"),
            *(f"-I{include}", f"-I{ROOT / 'csrc'}"),
            *(f"-DCONVLET_ISA={isa}", f"-DCONVLET_ISA_{isa}"),
            *flags_of(isa),
            *extra,
        ],
        check=True,
    )
    return target


def defined_names(objects: Path, local: bool = False) -> list[tuple[str, str]]:
    """(kind, name) of every symbol that other objects can see, or of `local` ones too."""
    seen = [] if local else ["--extern-only"]
    listing = subprocess.run(
        ["nm", "-C", "--defined-only", *seen, str(objects)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [line.split(maxsplit=2) for line in listing.splitlines()]
    return [(kind, name) for _, kind, name in rows]


@dataclass(frozen=True)
class Instruction:
    address: int
    name: str
    operands: str

    @property
    def multiplies(self) -> bool:
        """Whether it is a vector's product that a sum takes up."""
        return self.name.startswith("vfmadd") or self.name in {"mulps", "vmulps"}

    @property
    def stores_a_vector(self) -> bool:
        return bool(re.search(r"%[xyz]mm\d+,.*\)$", self.operands)) and "mov" in self.name

    def loads_a_vector_from(self, registers: list[str]) -> bool:
        read = re.search(r"\(%(\w+)[^)]*\).*%[xyz]mm\d+$", self.operands)
        return read is not None and read[1] in registers


Code = list[Instruction]


def functions(objects: Path, pattern: str) -> dict[str, Code]:
    """The functions whose name has `pattern`, as x86 instructions in AT&T's order."""
    listing = subprocess.run(
        ["objdump", "-d", "-C", "--no-show-raw-insn", str(objects)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found: dict[str, Code] = {}
    code: Code | None = None
    for line in listing.splitlines():
        if head := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            name = head[1].replace("(anonymous namespace)::", "")
            wanted = re.search(pattern, name)
            code = found.setdefault(wanted[0], []) if wanted else None
        elif code is not None and (row := re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*(.*)$", line)):
            code.append(Instruction(int(row[1], 16), row[2], row[3]))
    return found


def stack_registers(code: Code) -> list[str]:
    """rsp, and rbp where it is the frame's pointer and not just one more register."""
    framed = any(i.name == "mov" and i.operands == "%rsp,%rbp" for i in code)
    return ["rsp", "rbp"] if framed else ["rsp"]


def innermost_loops(code: Code) -> list[Code]:
    """Stretches that a jump at their end goes back to the start of, and that hold no other.

    A stretch that is left on its way, by a return or a jump without a condition, is no loop: it ends
    with code that several ways share.
    """
    jumps = {
        i.address: int(target[0], 16)
        for i in code
        if i.name.startswith("j") and (target := re.match(r"[0-9a-f]+", i.operands))
    }
    ends = [(i.address, jumps.get(i.address)) for i in code if i.name in {"ret", "jmp"}]
    spans = [
        (start, end)
        for end, start in jumps.items()
        if start <= end
        and not any(start <= at < end and (to is None or not start <= to <= end) for at, to in ends)
    ]
    inner = [
        (start, end)
        for start, end in spans
        if not any(start <= s and e <= end and (s, e) != (start, end) for s, e in spans)
    ]
    return [[i for i in code if start <= i.address <= end] for start, end in inner]
