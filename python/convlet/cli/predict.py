"""`convlet predict RUN image.png …`: the three most probable classes of each image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import convlet as cl
from convlet.cli import datasets, network, run_folder
from convlet.cli.errors import FAILED, CommandError
from convlet.cli.image_input import RULE, read_image
from convlet.cli.output import as_json, complain, percent, say
from convlet.cli.scores import softmax

if TYPE_CHECKING:
    import argparse

    import numpy.typing as npt

    from convlet.cli.arguments import Parser
    from convlet.cli.run_folder import RunConfig
    from convlet.nn import Module

_TOP = 3
_EXAMPLES = """\
examples:
  convlet predict runs/lenet5-digits-001 photo.png scan.jpg
  convlet predict runs/lenet5-digits-001 digit.npy --json
"""


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet predict`."""
    text = "Classify images with a trained network: the three most probable classes of each."
    parser = commands.add_parser(
        "predict", help=text, description=f"{text} {RULE}", epilog=_EXAMPLES
    )
    parser.add_argument("run_path", metavar="RUN", help="a run folder, as convlet train writes it")
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a picture or a .npy array")
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Classify each file; one that cannot be read is reported and the others are done."""
    folder = Path(arguments.run_path)
    config = run_folder.read_config(folder)
    model = network.load(folder, config)
    found: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    for name in arguments.images:
        try:
            best = _classify(model, config, read_image(Path(name), config))
        except CommandError as error:
            failed.append({"file": name, "error": str(error)})
            complain(f"convlet predict: {error}")
            continue
        found.append({"file": name, "predictions": best})
        if not arguments.json:
            answers = (f"{entry['class']} ({percent(entry['probability'])})" for entry in best)
            say(f"{name}: {', '.join(answers)}")
    if arguments.json:
        say(as_json({"run": str(folder), "images": found, "errors": failed}))
    return FAILED if failed else 0


def _classify(
    model: Module, config: RunConfig, image: npt.NDArray[np.uint8]
) -> list[dict[str, Any]]:
    with cl.evaluating(model), cl.no_grad():
        scores = model(cl.Tensor(datasets.normalised(image[None], config))).numpy()
    probabilities = softmax(scores)[0]
    best = np.argsort(-probabilities, kind="stable")[:_TOP]
    return [{"class": config.classes[i], "probability": float(probabilities[i])} for i in best]
