"""_core.pyi tells of all that the module has, with the names and defaults of functions' arguments."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import convlet
from convlet import _core

STUB = Path(convlet.__file__).with_name("_core.pyi")
BODY = ast.parse(STUB.read_text()).body
DECLARED = {node.name: node for node in BODY if isinstance(node, ast.FunctionDef)}
CLASSES = sorted(node.name for node in BODY if isinstance(node, ast.ClassDef))
CALLABLE = {name: value for name, value in vars(_core).items() if callable(value)}
DEFINED = sorted(name for name, value in CALLABLE.items() if not isinstance(value, type))


def test_it_declares_what_is_there_and_nothing_else() -> None:
    assert sorted(DECLARED) == DEFINED
    assert sorted(name for name, value in CALLABLE.items() if isinstance(value, type)) == CLASSES


def runtime_arguments(name: str) -> list[tuple[str, str | None]]:
    """(name, default) of each argument, from the first line of pybind11's docstring."""
    signature = (getattr(_core, name).__doc__ or "").strip().splitlines()[0]
    parsed = ast.parse(f"def {re.sub(r'->.*', '', signature)}: ...").body[0]
    assert isinstance(parsed, ast.FunctionDef)
    return arguments_of(parsed)


def arguments_of(function: ast.FunctionDef) -> list[tuple[str, str | None]]:
    names = [argument.arg for argument in function.args.args]
    defaults = [ast.unparse(default) for default in function.args.defaults]
    padded: list[str | None] = [None] * (len(names) - len(defaults))
    return list(zip(names, [*padded, *defaults], strict=True))


@pytest.mark.parametrize("name", DEFINED)
def test_arguments_have_their_names_and_defaults(name: str) -> None:
    assert arguments_of(DECLARED[name]) == runtime_arguments(name)
