"""What the commands write: lines, tables, JSON; with rich where it is installed."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


def say(text: str = "") -> None:
    """Write a line to standard output at once, so that a reader behind a pipe sees it."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), flush=True)


def complain(text: str) -> None:
    """Write a line to standard error."""
    encoding = sys.stderr.encoding or "utf-8"
    print(text.encode(encoding, "replace").decode(encoding), file=sys.stderr, flush=True)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table; the first column is text, the others are aligned at the right."""
    cells = [list(row) for row in rows]
    if sys.stdout.isatty() and _rich_table(header, cells):
        return
    widths = [max(len(row[i]) for row in [list(header), *cells]) for i in range(len(header))]
    for row in [list(header), ["-" * width for width in widths], *cells]:
        first = row[0].ljust(widths[0])
        rest = [text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True)]
        say("  ".join([first, *rest]).rstrip())


def _rich_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table
    except ImportError:
        return False
    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for index, name in enumerate(header):
        drawn.add_column(name, justify="left" if index == 0 else "right")
    for row in rows:
        drawn.add_row(*row)
    Console(highlight=False, markup=False).print(drawn)
    return True


def as_json(value: Mapping[str, Any]) -> str:
    """Write JSON that every reader accepts: numbers that are not finite become null."""
    return json.dumps(_finite(value), indent=2, ensure_ascii=False, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def plural(count: int, noun: str, nouns: str = "") -> str:
    """1 class, 2,000 classes; one letter s more unless `nouns` says otherwise."""
    return f"{count:,} {noun if count == 1 else nouns or f'{noun}s'}"


def percent(value: float) -> str:
    """0.9812 -> 98.1 %; a share of nothing (nan) -> none."""
    return "none" if math.isnan(value) else f"{100 * value:.1f} %"
