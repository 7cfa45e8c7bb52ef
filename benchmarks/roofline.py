"""Rooflines: the least time that operations and bytes of each pass leave it, and the time it takes.

    python benchmarks/roofline.py                            # 42 layers, some five minutes
    python benchmarks/roofline.py --only depthwise "LeNet" --json roofline.json --picture roofline.png

In the same turns as the passes of a layer run the fastest matrix product, whose speed is the peak of
multiply-adds, and the simplest operators that read, write, or do both, within as many bytes as the
layer's arrays have: machines change their speed within minutes. The least time by operations is that
of what the algorithm chosen makes (`roofline_work.py`) at the peak; that by bytes lets each array be
read once and written once, and those of batch normalisation once per pass. The larger one binds, and
its share of the time measured is what is reached. The figures of a pass are those of one turn, that with
the median of the shares.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peer_cases import CONVOLUTIONS, OTHERS
from roofline_streams import Streams, all_calls, curve, rounded, streams_of
from roofline_work import Work, passes

import convlet
from convlet import bench
from convlet.bench.timing import PRODUCT_FLOPS, matrix_products, turns
from convlet.cli.arguments import whole
from convlet.cli.bench import check_files
from convlet.cli.errors import CommandError
from convlet.cli.output import as_json, say, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from convlet.bench.sides import Side

CASES = (*CONVOLUTIONS, *OTHERS)
OPERATIONS, BYTES = "operations", "bytes"


@dataclass(frozen=True)
class Row:
    """One pass of one layer; times in milliseconds."""

    group: str
    name: str
    kind: str
    work: Work
    time: float
    peak: float  # operations per second
    streams: Streams  # within the working set

    @property
    def least(self) -> dict[str, float]:
        """The least time by operations and by bytes."""
        return {
            OPERATIONS: 1e3 * self.work.made / self.peak,
            BYTES: self.streams.milliseconds(self.work),
        }

    @property
    def binds(self) -> str:
        """Which of the two takes longer."""
        return max(self.least, key=self.least.__getitem__)

    @property
    def share(self) -> float:
        """What is reached of what binds."""
        return self.least[self.binds] / self.time

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "group": self.group,
            "name": self.name,
            "pass": self.kind,
            **asdict(self.work),
            "moved_with_allocate": self.work.with_allocate,
            "peak_flops": self.peak,
            "bandwidth": asdict(self.streams),
            "least_milliseconds": self.least,
            "milliseconds": self.time,
            "binds": self.binds,
            "share": self.share,
        }


def measure(case: Any, side: Side, repeats: int) -> Iterator[Row]:
    """The rows of a layer, each from the turn whose share is the median."""
    works = passes(case, convlet.show_config(mode="dicts")["isa"])
    ours, products = getattr(side, case.operator)(case), matrix_products()
    sizes = {rounded(work.held): None for work in works.values()}
    taken = turns({**ours, **products, **all_calls(sizes)}, repeats)
    by_turn = [{name: times[turn] for name, times in taken.items()} for turn in range(repeats)]
    for kind, work in works.items():
        rows = []
        for times in by_turn:
            peak = 1e3 * PRODUCT_FLOPS / min(times[name] for name in products)
            streams = streams_of(times, work.held)
            rows.append(Row(case.group, case.name, kind, work, times[kind], peak, streams))
        yield sorted(rows, key=lambda row: row.share)[repeats // 2]


def tell_curve(streams: Mapping[int, Streams]) -> None:
    rows = []
    for size, s in streams.items():
        rows.append([f"{size / 1e6:.3g}", *(f"{v / 1e9:.0f}" for v in (s.read, s.write, s.both))])
    table(["working set, MB", "read, GB/s", "write", "read + write"], rows)
    say()


def tell_rows(rows: list[Row]) -> None:
    header = ["pass", "algorithm", "MFLOP direct", "made", "MB", "with allocate", "ms by operations",
              "by bytes", "measured", "binds", "share"]  # fmt: skip
    for group in dict.fromkeys(row.group for row in rows):
        cells = []
        for row in (row for row in rows if row.group == group):
            work = row.work
            millions = (work.direct, work.made, work.moved, work.with_allocate)
            figures = [f"{value / 1e6:.{'0f' if value >= 1e8 else '3g'}}" for value in millions]
            spent = [f"{value:.3g}" for value in (*row.least.values(), row.time)]
            cells.append([row.name, row.kind, work.algorithm, *figures, *spent, row.binds,
                          f"{row.share:.2f}"])  # fmt: skip
        table([group, *header], cells)
        say()


def write(options: argparse.Namespace, streams: Mapping[int, Streams], rows: list[Row]) -> None:
    config = convlet.show_config(mode="dicts")
    facts = {
        "config": config,
        "threads": options.threads,
        "repeats": options.repeats,
        "bandwidth": [{"bytes": size, **asdict(s)} for size, s in streams.items()],
        "rows": [row.as_dict() for row in rows],
    }
    if options.json == Path("-"):
        say(as_json(facts))
    elif options.json is not None:
        options.json.write_text(as_json(facts) + "\n")
    if options.picture is not None:
        from roofline_picture import draw

        note = f"Instruction set {config['isa']}, {options.threads} threads; of each pass the median turn."
        draw(rows, streams, note).savefig(options.picture)


def main() -> int:
    parser = argparse.ArgumentParser(description="the least time of each pass, and what it takes")
    parser.add_argument("--only", nargs="+", metavar="PATTERN", help="part of a layer's name")
    parser.add_argument("--threads", type=whole(1, 1024), metavar="N",
                        default=convlet.get_num_threads())  # fmt: skip
    parser.add_argument("--repeats", type=whole(1, 1000), metavar="N", default=5,
                        help="turns of which the median one is told (default 5)")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, - for output")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw them")
    options = parser.parse_args()
    chosen = bench.selected(CASES, options.only or ())
    if not chosen:
        parser.error(f"--only: no layer has {' or '.join(options.only)} in its name")
    try:
        check_files(options)
    except CommandError as error:
        print(f"roofline: {error}", file=sys.stderr)
        return error.code
    side = bench.available(options.threads, ["numpy"])[0]
    streams = curve(options.repeats)
    rows = [row for case in chosen for row in measure(case, side, options.repeats)]
    if options.json != Path("-"):
        tell_curve(streams)
        tell_rows(rows)
    write(options, streams, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
