"""Rules of the code itself: which way arrows point, how long files are, what is named where."""

from __future__ import annotations

import ast
import re
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python" / "convlet"
FOLDERS = ("csrc", "src", "python", "tests", "benchmarks", "examples")
SUFFIXES = {".py", ".pyx", ".pxd", ".pxi", ".pyi", ".cpp", ".hpp"}

pytestmark = pytest.mark.skipif(not (ROOT / "csrc").is_dir(), reason="wants the sources")


def files(folder: str, *suffixes: str) -> list[Path]:
    """Files that people write, of some suffixes."""
    return sorted(
        path
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (suffixes or SUFFIXES) and path.name != "_version.py"
    )


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


SOURCES = [path for folder in FOLDERS for path in files(folder)]
KERNELS = files("csrc/kernels", ".cpp")


def test_core_knows_no_python() -> None:
    for path in files("csrc"):
        text = path.read_text()
        for word in ("Python.h", "pybind11", "numpy/", "PyObject", "../src"):
            assert word not in text, f"{relative(path)} knows {word}"


def test_core_and_kernels_include_nothing_from_src() -> None:
    foreign = {path.name for path in files("src", ".hpp")}
    for path in files("csrc"):
        included = set(re.findall(r'#include "([^"]+)"', path.read_text()))
        assert not included & foreign, relative(path)


def test_bindings_call_nothing_that_is_written_in_python() -> None:
    for path in files("src"):
        text = path.read_text()
        assert not re.search(r'import\w*\(\s*"convlet', text), relative(path)
        assert not re.search(r"^\s*(from|c?import) convlet", text, re.MULTILINE), relative(path)


def test_kernels_use_no_library_code() -> None:
    # An inline function of the library compiled for AVX-512 could be linked into everything.
    number = r"std::(?!u?int\d+_t\b|size_t\b|ptrdiff_t\b)\w+"
    for path in files("csrc/kernels"):
        text = path.read_text()
        headers = set(re.findall(r"#include <([^>]+)>", text))
        assert headers <= {"cstdint", "cstddef"}, f"{relative(path)} includes {headers}"
        assert not re.search(number, re.sub(r"//.*", "", text)), relative(path)
        assert "intrin" not in text, f"{relative(path)} uses intrinsics"


def test_kernels_include_only_kernels_and_their_table() -> None:
    allowed = {path.name for path in files("csrc/kernels", ".hpp")} | {"kernel_table.hpp"}
    for path in files("csrc/kernels"):
        included = set(re.findall(r'#include "([^"]+)"', path.read_text()))
        assert included <= allowed, f"{relative(path)} includes {included - allowed}"


def test_only_one_file_enters_openmp() -> None:
    for path in [*files("csrc"), *files("src")]:
        if path.name not in {"threads.cpp", "bind_config.cpp"}:
            text = path.read_text()
            assert not re.search(r"omp parallel|omp\.h", text), relative(path)


# Which folders of the package each of them may import; the command line may import all.
ARROWS = {
    ".": {"ops"},
    "ops": set(),
    "data": {"io"},
    "io": set(),
    "nn": {"ops"},
    "optim": {"ops"},
    "models": {"io", "nn", "ops"},
    "viz": {"nn", "ops"},
    "bench": {"detection", "models", "nn", "ops", "optim", "viz"},
    "vision": {"ops"},
    "detection": {"data", "models", "ops"},
    "transfer": {"io", "models", "nn", "ops", "optim", "train"},
    "train": {"data", "io", "nn", "ops", "optim", "viz"},
    "onnx": {"io", "nn", "ops"},
    "sklearn": {"data", "models", "nn", "optim", "train"},
}


FOLDERS_OF_PACKAGE = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}


def imported_parts(path: Path) -> set[str]:
    """The first name after `convlet.` of everything that a file imports."""
    parts = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "convlet":
            names = [f"convlet.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        parts |= {name.split(".")[1] for name in names if name.startswith("convlet.")}
    return parts


def test_package_folders_import_one_way() -> None:
    wrong = []
    for path in files("python", ".py"):
        inside = path.relative_to(PACKAGE)
        folder = inside.parts[0] if len(inside.parts) > 1 else "."
        if folder == "cli" or inside.as_posix() in {"__init__.py", "__main__.py"}:
            continue
        foreign = (imported_parts(path) & FOLDERS_OF_PACKAGE) - {folder} - ARROWS[folder]
        wrong += [f"{relative(path)} imports {name}" for name in foreign]
    assert wrong == []


def test_ops_are_used_alone_without_the_tape() -> None:
    for path in files("python/convlet/ops", ".py"):
        assert imported_parts(path) <= {"_core", "ops"}, relative(path)


def test_files_are_short() -> None:
    lines = {relative(path): path.read_text().count("\n") for path in SOURCES}
    assert {name: count for name, count in lines.items() if count > 400} == {}
    assert statistics.median(lines.values()) <= 150


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda path: path.stem)
def test_each_kernel_has_a_test_and_a_benchmark_that_name_it(kernel: Path) -> None:
    if kernel.stem == "table":
        return
    for folder, pattern in (("tests", "test_*.py"), ("benchmarks", "bench_*.py")):
        named = [
            path.name
            for path in (ROOT / folder).glob(pattern)
            if path != Path(__file__)
            and re.search(rf"\b{kernel.stem}(\.cpp)?\b", f"{path.stem} {path.read_text()}")
        ]
        assert named, f"no file of {folder} names {kernel.stem}"


def test_each_kernel_is_in_the_table() -> None:
    # Each header of kernels declares what its .cpp defines; the table lists every declaration.
    table = (ROOT / "csrc/kernels/table.cpp").read_text()
    members = re.findall(r"\(\*(\w+)\)\(", (ROOT / "csrc/kernel_table.hpp").read_text())
    assert members
    for member in members:
        assert re.search(rf"\.{member} = {member}\b", table), member


def test_nothing_is_left_undone() -> None:
    undone = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|raise NotImplementedError")
    for path in SOURCES:
        if path != Path(__file__):
            assert not undone.search(path.read_text()), relative(path)


@pytest.mark.parametrize(
    "folder",
    [
        *("csrc", "csrc/kernels", "src", "tests", "benchmarks"),
        *(relative(path.parent) for path in sorted(PACKAGE.glob("*/__init__.py"))),
    ],
)
def test_each_folder_states_its_rule(folder: str) -> None:
    assert (ROOT / folder / "README.md").read_text().startswith("# ")


def test_one_word_names_an_operator_in_every_layer() -> None:
    for word in (
        *("conv2d", "pool2d", "adaptive_pool2d", "resize2d", "linear", "loss", "dropout"),
        *("activation", "group_norm", "layer_norm", "joining", "boxes", "roi_align", "prelu"),
        "channel_scale",
    ):
        for pattern in (
            *(f"csrc/{word}.cpp", f"src/bind_{word}.cpp", f"python/convlet/ops/{word}.py"),
            *(f"tests/test_{word}*.py", f"benchmarks/bench_{word}.py"),
        ):
            assert list(ROOT.glob(pattern)), pattern
