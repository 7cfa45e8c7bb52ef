"""One door to every check: `nox -l` lists them, `nox -s NAME` runs one.

Tools come with the versions that pyproject.toml pins in [dependency-groups].
"""

from __future__ import annotations

import os
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "tests"]

PYPROJECT = nox.project.load_toml("pyproject.toml")
CXX_FILES = [str(path) for root in ("csrc", "src") for path in sorted(Path(root).rglob("*.[ch]pp"))]


def install_group(session: nox.Session, *names: str) -> None:
    """Install dependency groups of pyproject.toml."""
    session.install(*nox.project.dependency_groups(PYPROJECT, *names))


@nox.session
def lint(session: nox.Session) -> None:
    """Style of Python and C++, and spelling; `-- --fix` repairs what can be repaired."""
    install_group(session, "lint")
    fix = "--fix" in session.posargs
    session.run("ruff", "check", *(["--fix"] if fix else []))
    session.run("ruff", "format", *([] if fix else ["--check"]))
    session.run("clang-format", *(["-i"] if fix else ["--dry-run", "-Werror"]), *CXX_FILES)
    session.run("codespell", *(["-w"] if fix else []))


@nox.session
def types(session: nox.Session) -> None:
    """Types of the package and its tests, and whether the stubs say what the extensions have."""
    install_group(session, "types")
    session.install(".[test]")
    session.run("mypy")
    session.run(
        "python", "-m", "mypy.stubtest", "convlet._core", "convlet._pipeline", "convlet._transforms"
    )


@nox.session
def tests(session: nox.Session) -> None:
    """The tests, slow ones too unless arguments follow `--`."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)
    if not session.posargs:
        session.run("pytest", "-m", "slow")


@nox.session
def isa(session: nox.Session) -> None:
    """The tests under each instruction set that this processor has, one after the other."""
    session.install(".[test]")
    code = "from convlet import _core; print(*_core.supported_isas())"
    names = session.run("python", "-c", code, silent=True) or ""
    for name in names.split():
        session.run("pytest", *session.posargs, env={"CONVLET_ISA": name})


@nox.session
def bench(session: nox.Session) -> None:
    """Race convlet against NumPy; nothing else should run meanwhile."""
    session.install(".[bench]")
    session.run("pytest", "benchmarks", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Every example of the documents: docstrings, README.md, examples/, links."""
    session.install(".[test]")
    session.run("pytest", "--doctest-modules", "--pyargs", "convlet")
    session.run("pytest", "tests/test_documents.py", "-m", "slow or not slow")


@nox.session
def asan(session: nox.Session) -> None:
    """The tests of the native code under AddressSanitizer and UndefinedBehaviorSanitizer (GCC)."""
    install_group(session, "native")
    session.install("numpy", "pytest>=8", "pytest-benchmark>=5", "hypothesis>=6.100")
    session.run("cmake", "--workflow", "--preset", "asan")
    # libstdc++ comes along: without it in the process, libasan never finds what throws exceptions.
    libraries = [
        session.run("gcc", f"-print-file-name={name}.so", external=True, silent=True) or ""
        for name in ("libasan", "libstdc++")
    ]
    env = {
        "PYTHONPATH": str(Path("build/asan/package").resolve()),
        "LD_PRELOAD": " ".join(library.strip() for library in libraries),
        # Python keeps what it has until the process ends; tests ask for more than there is.
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "CONVLET_NUM_THREADS": os.environ.get("CONVLET_NUM_THREADS", "2"),
    }
    words = (
        *("activation", "batch_norm", "conv", "dropout", "layouts", "linear", "loss", "memory"),
        *("non_finite", "optim_kernels", "pipeline", "pool2d"),
    )
    chosen = session.posargs or sorted(
        str(path) for word in words for path in Path("tests").glob(f"test_{word}*.py")
    )
    session.run("pytest", *chosen, env=env)


@nox.session
def tidy(session: nox.Session) -> None:
    """clang-tidy over each C++ file, as .clang-tidy says."""
    install_group(session, "native", "tidy")
    session.run("cmake", "--workflow", "--preset", "tidy")


@nox.session(default=False, venv_backend="none")
def dev(session: nox.Session) -> None:
    """Make .venv: all tools, and convlet editable; a changed C++ file is rebuilt at import."""
    python = ".venv/bin/python"
    session.run("python3", "-m", "venv", ".venv")
    session.run(python, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
    session.run(python, "-m", "pip", "install", "--group", "dev")
    session.run(
        *(python, "-m", "pip", "install", "--no-build-isolation"),
        *("--editable", ".[all]", "-Ceditable.rebuild=true", "-Cbuild-dir=build/editable"),
    )
