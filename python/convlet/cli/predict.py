"""`convlet predict RUN image.png …`: the three most probable classes of each image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.cli import datasets, network, outputs, run_folder
from convlet.cli.errors import FAILED, CommandError
from convlet.cli.image_input import RULE, read_image
from convlet.cli.output import as_json, complain, percent, say
from convlet.cli.scores import softmax
from convlet.data import LabelledImages

if TYPE_CHECKING:
    import argparse

    import numpy.typing as npt

    from convlet.cli.arguments import Parser
    from convlet.cli.run_folder import RunConfig
    from convlet.nn import Module

_TOP = 3


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet predict`."""
    text = "Classify images with a trained network: the three most probable classes of each."
    parser = commands.add_parser("predict", help=text, description=f"{text} {RULE}")
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
    pixels: npt.NDArray[np.uint8] | npt.NDArray[np.float32] = image[None]
    if config.white != 1:  # trained on numbers of another scale than bytes
        pixels = pixels.astype(np.float32) * np.float32(config.white / 255)
    one = LabelledImages(pixels, np.zeros(1, np.int64))
    scores = outputs.compute(model, datasets.dataset(one, config.mean, config.std))
    probabilities = softmax(scores)[0]
    best = np.argsort(-probabilities, kind="stable")[:_TOP]
    return [{"class": config.classes[i], "probability": float(probabilities[i])} for i in best]
