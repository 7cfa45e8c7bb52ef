"""`convlet evaluate RUN`: how good a trained network is on test images."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from convlet.cli import network, run_folder
from convlet.cli.output import as_json, say, table
from convlet.cli.tasks import task_of

if TYPE_CHECKING:
    import argparse

    from convlet.cli.arguments import Parser

_EXAMPLES = """\
examples:
  convlet evaluate runs/lenet5-digits-001
  convlet evaluate runs/lenet5-digits-001 --data other.npz --json
  convlet evaluate runs/resunet-shapes-001 --flip
"""


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet evaluate`."""
    text = "Test a trained network: how much it finds, in all and of each class."
    parser = commands.add_parser("evaluate", help=text, description=text, epilog=_EXAMPLES)
    parser.add_argument("run_path", metavar="RUN", help="a run folder, as convlet train writes it")
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="a data set by name or path, of which the test part is used (default: that of the run)",
    )
    parser.add_argument(
        "--flip",
        action="store_true",
        help="ask about mirror images as well and take the mean, for a network that segments",
    )
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Load the run and its data, judge, report."""
    folder = Path(arguments.run_path)
    config = run_folder.read_config(folder)
    model = network.load(folder, config)
    source = arguments.data or config.data
    task = task_of(config)
    if arguments.flip:
        model = task.mirrored(model)
    images = task.dataset(task.load_test(source, config), config.mean, config.std)
    start = time.perf_counter()
    results = task.judge(model, images, config.classes)
    seconds = time.perf_counter() - start
    rate = len(images) / max(seconds, 1e-9)
    if arguments.json:
        facts = {"run": str(folder), "data": source, **results.facts(config.classes)}
        say(as_json({**facts, "seconds": seconds, "images_per_second": rate}))
        return 0
    rows = [*results.rows(config.classes), ("seconds", f"{seconds:.2f}")]
    table(("", str(folder)), [*rows, ("images per second", f"{rate:,.0f}")])
    return 0
