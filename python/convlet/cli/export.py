"""`convlet export RUN`: a trained network as one file, with what its images are to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from convlet import io, onnx
from convlet.cli import network, run_folder
from convlet.cli.errors import WRONG_USE, CommandError
from convlet.cli.output import as_json, plural, say

if TYPE_CHECKING:
    import argparse

    from convlet.cli.arguments import Parser
    from convlet.cli.run_folder import RunConfig

_FORMATS = ("onnx", "safetensors", "npz")
_EXAMPLES = """\
examples:
  convlet export runs/lenet5-digits-001                     ./lenet5-digits-001.onnx
  convlet export runs/lenet5-digits-001 --format npz --out digits.npz
"""


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet export`."""
    text = (
        "Write a trained network as one file: for onnxruntime and others that run ONNX "
        "(input images, any number of them, normalised), or its weights alone. Classes, size, mean and std are "
        "put in as metadata."
    )
    parser = commands.add_parser("export", help=text, description=text, epilog=_EXAMPLES)
    parser.add_argument("run_path", metavar="RUN", help="a run folder, as convlet train writes it")
    parser.add_argument(
        "--format", choices=_FORMATS, help="which (default: by the name of --out, else onnx)"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="where to, a new file (default: the run's name, in this folder)",
    )
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Load the run, write the file, say where."""
    folder = Path(arguments.run_path)
    config = run_folder.read_config(folder)
    path, form = _target(arguments, folder)
    model = network.load(folder, config)
    try:
        if form == "onnx":
            size = (config.channels, config.height, config.width)
            onnx.export(model, path, size, _description(config))
        else:
            io.save(model.state_dict(), path, _description(config))
    except ImportError as error:
        raise CommandError(str(error)) from error
    except (OSError, ValueError) as error:
        raise CommandError(f"cannot write {path}: {error}") from error
    written = path.stat().st_size
    if arguments.json:
        say(as_json({"run": str(folder), "file": str(path), "format": form, "bytes": written}))
    else:
        classes = plural(len(config.classes), "class", "classes")
        say(f"Wrote {config.model} with {classes} to {path} ({written:,} bytes)")
    return 0


def _target(arguments: argparse.Namespace, folder: Path) -> tuple[Path, str]:
    """Where to and in which format."""
    out: Path | None = arguments.out
    form: str = arguments.format or ("onnx" if out is None else out.suffix[1:])
    path = Path(f"{folder.resolve().name}.{form}") if out is None else out
    if path.suffix != f".{form}" or form not in _FORMATS:
        endings = f".{form}" if arguments.format else " or ".join(f".{name}" for name in _FORMATS)
        raise CommandError(f"--out: the name must end in {endings}, got {path}", WRONG_USE)
    if path.exists():
        raise CommandError(f"--out: {path} exists, and is never overwritten", WRONG_USE)
    return path, form


def _description(config: RunConfig) -> dict[str, str]:
    """What another program must know: pixels become (value - mean) / std of each channel."""
    largest = 1.0 if config.white == 1 else config.white
    return {
        "model": config.model,
        "task": config.task,
        "classes": json.dumps(config.classes),
        "image_size": json.dumps([config.channels, config.height, config.width]),
        "largest_value": json.dumps(largest),
        "mean": json.dumps(config.mean),
        "std": json.dumps(config.std),
        "preprocessing": (
            f"images (N, {config.channels}, {config.height}, {config.width}) of values from 0 to "
            f"{largest:g}, minus mean, divided by std of each channel"
        ),
    }
