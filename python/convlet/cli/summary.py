"""`convlet summary NETWORK`: the layers of a network, with shapes, parameters, work, receptive fields."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import TYPE_CHECKING

from convlet import models, nn
from convlet.cli import network, run_folder
from convlet.cli.arguments import whole
from convlet.cli.errors import WRONG_USE, CommandError
from convlet.cli.output import as_json, say
from convlet.models import registry

if TYPE_CHECKING:
    import argparse

    from convlet.cli.arguments import Parser
    from convlet.nn import Module

_SIDE = 224  # pixels of an image, for networks that take any size
_EXAMPLES = """\
examples:
  convlet summary lenet5
  convlet summary resnet18 --input 3 32 32 --classes 10
  convlet summary runs/lenet5-digits-001 --json
"""


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet summary`."""
    text = (
        "List the layers of a network: outputs, parameters, multiply-adds, memory, what each sees."
    )
    parser = commands.add_parser("summary", help=text, description=text, epilog=_EXAMPLES)
    parser.add_argument(
        "network", metavar="NETWORK", help=f"a run folder, or one of {', '.join(_names())}"
    )
    parser.add_argument(
        "--input", nargs=3, type=whole(1, 65_536), metavar=("C", "H", "W"),
        help="the size of an image, for a network by name; up to 64 pixels ResNets have the stem for "
        f"small images (default: what the network is made for, {_SIDE} pixels if it takes any size)",
    )  # fmt: skip
    parser.add_argument(
        "--classes", type=whole(1, 1_000_000), metavar="N",
        help="how many scores a network by name gives (default: its own)",
    )  # fmt: skip
    parser.add_argument(
        "--batch-size", type=whole(1, 1_000_000), default=1, metavar="N", help="images at once"
    )
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Make or load the network, write the table."""
    model, shape = _network(arguments)
    try:
        found = nn.summary(model, shape, arguments.batch_size)
    except (ValueError, MemoryError) as error:
        raise CommandError(str(error), WRONG_USE) from error
    say(as_json(dataclasses.asdict(found)) if arguments.json else str(found))
    return 0


def _names() -> list[str]:
    return [*models.names(), *models.detectors()]


def _network(arguments: argparse.Namespace) -> tuple[Module, tuple[int, int, int]]:
    """The network and the shape of its images."""
    name = arguments.network
    if name not in registry.KNOWN:
        if not Path(name).is_dir():
            known = ", ".join(_names())
            raise CommandError(f"{name} is neither a run folder nor one of {known}", WRONG_USE)
        if arguments.input is not None or arguments.classes is not None:
            raise CommandError("--input and --classes are for a network by name", WRONG_USE)
        config = run_folder.read_config(Path(name))
        return network.load(Path(name), config), (config.channels, config.height, config.width)
    known_arguments = inspect.signature(registry.KNOWN[name]).parameters
    defaults = {argument: known_arguments[argument].default for argument in known_arguments}
    side = defaults.get("image_size", _SIDE)
    given = arguments.input or (defaults.get("in_channels", 3), side, side)
    shape = (int(given[0]), int(given[1]), int(given[2]))
    classes = arguments.classes or defaults.get("classes") or defaults["num_classes"]
    try:
        return models.create(name, **network.arguments_for(name, classes, shape, {})), shape
    except (ValueError, MemoryError) as error:
        raise CommandError(str(error), WRONG_USE) from error
