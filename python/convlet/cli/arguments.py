"""Arguments of the command line: each is checked where it is read, and refused in one line."""

from __future__ import annotations

import argparse
import math
import textwrap
from typing import TYPE_CHECKING, Any, NoReturn

from convlet.cli.errors import WRONG_USE

if TYPE_CHECKING:
    from collections.abc import Callable


class _Help(argparse.ArgumentDefaultsHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Name the default of each argument that has one; keep the lines of examples as they are."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if text.startswith("examples:"):
            return super()._fill_text(text, width, indent)
        return textwrap.fill(text, width, initial_indent=indent, subsequent_indent=indent)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, and whose help names defaults.

    Attributes:
        settings: the options that a configuration file may give, by their names without dashes.
    """

    def __init__(
        self, prog: str | None = None, description: str | None = None, epilog: str | None = None
    ) -> None:
        """Start without arguments."""
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            formatter_class=_Help,
            allow_abbrev=False,
        )
        self.settings: dict[str, argparse.Action] = {}

    def setting(self, name: str, **keywords: Any) -> None:
        """Add an option that a configuration file may give as well."""
        self.settings[name.lstrip("-")] = self.add_argument(name, **keywords)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line and end with exit code 2."""
        one_line = " ".join(message.split())
        self.exit(WRONG_USE, f"{self.prog}: {one_line} (see {self.prog} --help)\n")


def whole(low: int, high: int) -> Callable[[str], int]:
    """Read a whole number in [low, high]."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            limits = f"at least {low}" if text.lstrip("-").isdigit() and value < low else ""
            wanted = limits or f"a whole number from {low} to {high}"
            raise argparse.ArgumentTypeError(f"must be {wanted}, got {_shown(text)}")
        return value

    return read


def above(low: float, high: float) -> Callable[[str], float]:
    """Read a number in (low, high]."""

    def read(text: str) -> float:
        value = _number(text)
        if not low < value <= high:
            raise argparse.ArgumentTypeError(
                f"must be a number above {low:g} and at most {high:g}, got {_shown(text)}"
            )
        return value

    return read


def fraction(text: str) -> float:
    """Read a number in [0, 1)."""
    value = _number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"must be a number in [0, 1), got {_shown(text)}")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:40] + "…")
