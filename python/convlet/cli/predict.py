"""`convlet predict RUN image.png …`: what a trained network finds on images."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from convlet.cli import network, run_folder
from convlet.cli.errors import FAILED, CommandError
from convlet.cli.image_input import RULE
from convlet.cli.output import as_json, complain, say
from convlet.cli.tasks import task_of
from convlet.io import atomic_write

if TYPE_CHECKING:
    import argparse

    from convlet.cli.arguments import Parser
    from convlet.cli.tasks import Prediction

_EXAMPLES = """\
examples:
  convlet predict runs/lenet5-digits-001 photo.png scan.jpg
  convlet predict runs/lenet5-digits-001 digit.npy --json
  convlet predict runs/resunet-shapes-001 photo.png --out found    pictures of masks, and JSON
"""


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet predict`."""
    text = (
        "Run a trained network on images: the three most probable classes of each, or what lies "
        "where. Networks that segment or detect take pictures and arrays of any size."
    )
    parser = commands.add_parser(
        "predict", help=text, description=f"{text} {RULE}", epilog=_EXAMPLES
    )
    parser.add_argument("run_path", metavar="RUN", help="a run folder, as convlet train writes it")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a picture or a .npy array")
    parser.add_argument(
        "--out", metavar="FOLDER", help="new or empty: where predictions.json and pictures go"
    )
    parser.add_argument(
        "--flip",
        action="store_true",
        help="ask about mirror images as well and take the mean, for a network that segments",
    )
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Take each file; one that cannot be read is reported and the others are done."""
    folder = Path(arguments.run_path)
    config = run_folder.read_config(folder)
    task = task_of(config)
    model = network.load(folder, config)
    if arguments.flip:
        model = task.mirrored(model)
    target = None
    if arguments.out is not None:
        target = run_folder.create(arguments.out, folder, "predictions")
    found: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for number, name in enumerate(arguments.images, 1):
        try:
            answer = task.predict(model, config, Path(name))
        except CommandError as error:
            failed.append({"file": name, "error": str(error)})
            complain(f"convlet predict: {error}")
            continue
        written = (
            {} if target is None else _write(target, f"{number:03d}-{Path(name).stem}", answer)
        )
        found.append({"file": name, **answer.facts, **written})
        if not arguments.json:
            say(f"{name}: {answer.sentence}")
    facts = {"run": str(folder), "images": found, "errors": failed}
    if target is not None:
        _write_json(target, facts)
    if arguments.json:
        say(as_json(facts))
    return FAILED if failed else 0


def _write(target: Path, stem: str, answer: Prediction) -> dict[str, Any]:
    """Write the files of one image; give their names for JSON."""
    names = []
    for ending, write in answer.files.items():
        path = target / f"{stem}{ending}"
        try:
            write(path)
        except (OSError, ImportError) as error:
            raise CommandError(f"cannot write {path}: {error}") from error
        names.append(str(path))
    return {"written": names}


def _write_json(target: Path, facts: dict[str, Any]) -> None:
    try:
        with atomic_write(target / "predictions.json") as file:
            file.write((as_json(facts) + "\n").encode())
    except OSError as error:
        raise CommandError(f"cannot write to {target}: {error}") from error
