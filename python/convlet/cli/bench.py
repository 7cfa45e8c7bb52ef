"""`convlet bench`: how fast this machine computes, beside NumPy and what else is installed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import convlet
from convlet.cli.arguments import whole
from convlet.cli.errors import WRONG_USE, CommandError
from convlet.cli.output import as_json, say, table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from convlet.bench import Row
    from convlet.bench.layers import Case
    from convlet.bench.sides import Side
    from convlet.cli.arguments import Parser

_EXAMPLES = """\
examples:
  convlet bench --quick
  convlet bench --only conv2d --sides numpy torch --threads 1
  convlet bench --json figures.json --picture ratios.png
"""
_NO_PICTURE = 'pictures need matplotlib: pip install "convlet[plot]"'


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet bench`."""
    text = (
        "Time each class of operator and two small networks beside NumPy, and beside PyTorch and "
        "others where they are installed, after comparing what they compute."
    )
    parser = commands.add_parser(
        "bench", help="Time convlet beside others.", description=text, epilog=_EXAMPLES
    )
    parser.add_argument("--quick", action="store_true", help="fewer and smaller ones: seconds")
    add_options(parser, repeats=7)
    parser.set_defaults(run=run)


def add_options(parser: argparse.ArgumentParser, repeats: int) -> None:
    """Add what every command has that times cases."""
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="PATTERN",
        help="what has one of these in operator, group or name",
    )
    parser.add_argument(
        "--sides", nargs="+", metavar="LIBRARY", help="of numpy torch onnxruntime openvino jax"
    )
    parser.add_argument(
        "--threads", type=whole(1, 1024), metavar="N", default=convlet.get_num_threads(),
        help="threads of every side",
    )  # fmt: skip
    parser.add_argument(
        "--repeats", type=whole(1, 1000), metavar="N", default=repeats,
        help="turns of which the median is told",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, - for output")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the ratios")


def run(arguments: argparse.Namespace) -> int:
    """Time the operators and the networks."""
    from convlet.bench.cases import OPERATORS, QUICK, SMALL_NETWORKS

    return report(arguments, QUICK if arguments.quick else (*OPERATORS, *SMALL_NETWORKS))


def report(arguments: argparse.Namespace, cases: Sequence[Case]) -> int:
    """Time the cases that are wanted; write a table, JSON, a picture."""
    from convlet import bench
    from convlet.bench.race import Disagreement

    for pattern in arguments.only or ():
        if not bench.selected(cases, [pattern]):
            known = ", ".join(dict.fromkeys(case.operator for case in cases))
            raise CommandError(
                f"--only: nothing has {pattern} in its name; the operators are {known}", WRONG_USE
            )
    chosen = bench.selected(cases, arguments.only or ())
    check_files(arguments)
    try:
        sides = bench.available(arguments.threads, arguments.sides)
    except ValueError as error:
        raise CommandError(str(error), WRONG_USE) from error
    peak = bench.peak_flops()
    aloud = arguments.json != Path("-")
    if aloud:
        say(_header(sides, arguments.threads, peak))
    watch, wrong = _Watch(), None
    rows: list[Row] = []
    try:
        rows.extend(bench.race(chosen, sides, peak, arguments.repeats, watch))
    except Disagreement as error:
        wrong = error
    finally:
        watch("")
    if aloud:
        _print(rows, [side.name for side in sides])
    _write(arguments, rows, sides, peak)
    if wrong is not None:
        raise CommandError(str(wrong))
    return 0


def check_files(arguments: argparse.Namespace) -> None:
    """Refuse before the work what could not be written after it."""
    if arguments.picture is not None and importlib.util.find_spec("matplotlib") is None:
        raise CommandError(_NO_PICTURE, WRONG_USE)
    for path in (arguments.json, arguments.picture):
        if path is not None and path != Path("-") and not path.parent.is_dir():
            raise CommandError(f"there is no folder {path.parent}", WRONG_USE)


def _header(sides: Sequence[Side], threads: int, peak: float) -> str:
    libraries: dict[type[Side], str] = {}
    for side in sides:
        libraries.setdefault(type(side), f"{side.name} {side.version}")
    names = ", ".join(libraries.values())
    isa = convlet.show_config(mode="dicts")["isa"]
    return (
        f"{names}; {isa}, {threads} threads; fastest matrix product {peak / 1e9:.0f} GFLOP/s\n"
        "medians in milliseconds; ratio: the fastest other time divided by convlet's; peak: the "
        "direct\nalgorithm's operations against that product (Winograd's needs fewer)\n"
    )


class _Watch:
    """On a terminal, the line that says what is being timed."""

    def __call__(self, name: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{name}")
            sys.stderr.flush()


def _print(rows: Sequence[Row], sides: Sequence[str]) -> None:
    from convlet.bench.race import mean_ratio

    for group in dict.fromkeys(row.group for row in rows):
        some = [row for row in rows if row.group == group]
        shown = [side for side in sides if any(side in row.times for row in some)]
        header = [group, "pass", *shown, "ratio", "peak"]
        table(header, [[row.name, row.kind, *_cells(row, shown)] for row in some])
        say()
    compared = [row for row in rows if row.others]
    if compared:
        ahead = sum(row.ratio >= 1 for row in compared)
        say(
            f"ahead in {ahead} of {len(compared)} races, {mean_ratio(compared):.1f} times as fast "
            "as the fastest other one in the (geometric) mean"
        )


def _cells(row: Row, sides: Sequence[str]) -> list[str]:
    share = row.percent_of_peak
    return [
        *(_milliseconds(row.times[side]) if side in row.times else "" for side in sides),
        f"{row.ratio:.2f}" if row.others else "",
        "" if share is None else f"{share:.0f} %",
    ]


def _milliseconds(time: float) -> str:
    return f"{time:.0f}" if time >= 100 else f"{time:.3g}"


def _write(
    arguments: argparse.Namespace, rows: Sequence[Row], sides: Sequence[Side], peak: float
) -> None:
    facts: dict[str, Any] = {
        "config": convlet.show_config(mode="dicts"),
        "threads": arguments.threads,
        "repeats": arguments.repeats,
        "peak_flops": peak,
        "sides": {side.name: side.version for side in sides},
        "rows": [row.as_dict() for row in rows],
    }
    try:
        if arguments.json == Path("-"):
            say(as_json(facts))
        elif arguments.json is not None:
            arguments.json.write_text(as_json(facts) + "\n")
        if arguments.picture is not None:
            from convlet.bench.picture import ratios

            ratios(rows).savefig(arguments.picture)
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot write: {error}") from error
