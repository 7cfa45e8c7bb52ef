"""Settings of a command in a TOML file: one key per option, written as the option without its dashes."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from typing import TYPE_CHECKING, Any

from convlet.cli.errors import WRONG_USE, CommandError
from convlet.errors import FormatError
from convlet.io import atomic_write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LARGEST = 1_000_000  # bytes


def read(path: Path, options: Mapping[str, argparse.Action]) -> dict[str, Any]:
    """The values of a file by the names that argparse gives them; every fault names file and key."""
    try:
        return checked(_parsed(path), options)
    except (OSError, ValueError, RecursionError) as error:
        raise CommandError(f"cannot use {path}: {error}", WRONG_USE) from error


def checked(table: Mapping[str, Any], options: Mapping[str, argparse.Action]) -> dict[str, Any]:
    """Values by the names of options, as argparse would give them.

    Raises:
        FormatError: there is no such option, or it does not take this value.
    """
    unknown = sorted(set(table) - set(options))
    if unknown:
        raise FormatError(f"unknown key {unknown[0]}, the keys are {', '.join(options)}")
    return {options[key].dest: _value(key, table[key], options[key]) for key in table}


def write(
    path: Path, arguments: argparse.Namespace, options: Mapping[str, argparse.Action], command: str
) -> None:
    """Write the settings in use, so that `read` gives them back; an existing file is left alone."""
    if path.exists():
        raise CommandError(f"--save-config: {path} exists, and is never overwritten", WRONG_USE)
    lines = [f"# convlet {command} --config {path.name}"]
    for key, option in options.items():
        value = getattr(arguments, option.dest)
        if value is not None:
            lines.append(f"{key} = {_written(value)}")
    try:
        with atomic_write(path) as file:
            file.write(("\n".join(lines) + "\n").encode())
    except OSError as error:
        raise CommandError(f"--save-config: cannot write {path}: {error}", WRONG_USE) from error


def _parsed(path: Path) -> dict[str, Any]:
    name = "tomllib" if sys.version_info >= (3, 11) else "tomli"
    try:
        library = importlib.import_module(name)
    except ImportError:
        raise CommandError(
            'TOML files need Python 3.11, or tomli: pip install "convlet[cli]"', WRONG_USE
        ) from None
    if not path.is_file():
        raise FormatError("there is no such file")
    if path.stat().st_size > _LARGEST:
        raise FormatError(f"it is larger than {_LARGEST:,} bytes")
    with path.open("rb") as file:
        return dict(library.load(file))


def _value(key: str, value: Any, option: argparse.Action) -> Any:
    """A value as the command line would have given it."""
    text = option.type is None or option.choices is not None
    if text and not isinstance(value, str):
        raise FormatError(f"{key} must be text, got {_shown(value)}")
    if text:
        if option.choices is not None and value not in option.choices:
            raise FormatError(f"{key} must be one of {', '.join(option.choices)}, got {value!r}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FormatError(f"{key} must be a number, got {_shown(value)}")
    assert callable(option.type)
    try:
        return option.type(repr(value))
    except argparse.ArgumentTypeError as error:
        raise FormatError(f"{key} {error}") from error


def _written(value: str | float) -> str:
    # A TOML string is a JSON string, but for one control character.
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:40] + "…"
