"""`convlet show RUN [IMAGE …]`: pictures of what a trained network has learnt and where it looks."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.cli import datasets, network, pictures, run_folder
from convlet.cli.errors import FAILED, WRONG_USE, CommandError
from convlet.cli.image_input import RULE, read_image
from convlet.cli.output import as_json, complain, say

if TYPE_CHECKING:
    import argparse

    from convlet.cli.arguments import Parser
    from convlet.cli.run_folder import RunConfig
    from convlet.data import ArrayDataset

_NAMES = (*pictures.OF_THE_RUN, *pictures.OF_IMAGES, *pictures.OF_DATA)
_SHOWN = 8  # test images where none are given
_EXAMPLES = """\
examples:
  convlet show runs/lenet5-digits-001
  convlet show runs/lenet5-digits-001 photo.png --only grad-cam occlusion --out seen
  convlet show runs/lenet5-digits-001 --only patches --layer conv1
"""


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet show`."""
    text = "Draw what a trained network has learnt and where it looks, into a new folder."
    more = (
        f"Without images, {_SHOWN} of the run's test images are shown, of different classes. {RULE}"
    )
    parser = commands.add_parser("show", help=text, description=f"{text} {more}", epilog=_EXAMPLES)
    parser.add_argument("run_path", metavar="RUN", help="a run folder, as convlet train writes it")
    parser.add_argument("images", metavar="IMAGE", nargs="*", help="a picture or a .npy array")
    parser.add_argument(
        "--only", nargs="+", choices=_NAMES, metavar="PICTURE",
        help=f"some of {', '.join(_NAMES)} (default: all, but for the last two if images are given)",
    )  # fmt: skip
    parser.add_argument(
        "--layer", metavar="NAME",
        help="the layer of grad-cam and patches, as convlet summary names it (default: the last "
        "convolution)",
    )  # fmt: skip
    parser.add_argument(
        "--data", metavar="DATA", help="where test images are taken from (default: that of the run)"
    )
    parser.add_argument(
        "--out", metavar="FOLDER", help="new or empty (default: the next free RUN/pictures-NNN)"
    )
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw each picture that is wanted; an image that cannot be read is reported and left out."""
    if importlib.util.find_spec("matplotlib") is None:
        raise CommandError('pictures need matplotlib: pip install "convlet[plot]"', WRONG_USE)
    folder = Path(arguments.run_path)
    config = run_folder.read_config(folder)
    if config.task != "classify":
        raise CommandError(
            f"{folder} is a run of --task {config.task}: its pictures are in the run folder, those of "
            "other images come from convlet predict",
            WRONG_USE,
        )
    model = network.load(folder, config)
    without_data = [name for name in _NAMES if name not in pictures.OF_DATA]
    wanted = arguments.only or (without_data if arguments.images else _NAMES)
    test = None
    if not arguments.images or set(wanted) & set(pictures.OF_DATA):
        whole = datasets.load_image_data(arguments.data or config.data, datasets.side_of(config))
        datasets.check_fit(whole, config)
        test = datasets.dataset(whole.test, config.mean, config.std)
    images, failed = _images(arguments.images, config, test)
    if not len(images):
        wanted = [name for name in wanted if name not in pictures.OF_IMAGES]
    subject = pictures.Subject(folder, model, config.classes, images, test, arguments.layer)
    target = run_folder.create(arguments.out, folder, "pictures")
    written: list[dict[str, str]] = []
    try:
        for name in (name for name in _NAMES if name in wanted):
            for file, figure in pictures.figures(name, subject):
                figure.savefig(target / file)
                written.append({"picture": name, "file": str(target / file)})
                if not arguments.json:
                    say(str(target / file))
    except OSError as error:
        raise CommandError(f"cannot write to {target}: {error}") from error
    except ValueError as error:
        raise CommandError(str(error), WRONG_USE) from error
    finally:
        run_folder.discard_if_empty(target)
    if arguments.json:
        say(as_json({"run": str(folder), "pictures": written, "errors": failed}))
    return FAILED if failed else 0


def _images(
    names: list[str], config: RunConfig, test: ArrayDataset | None
) -> tuple[Any, list[dict[str, str]]]:
    """Normalised images (N, C, H, W): the files, or test images of different classes."""
    failed: list[dict[str, str]] = []
    if not names:
        assert test is not None
        firsts = np.unique(test.labels, return_index=True)[1]
        return test.batch(firsts[:_SHOWN])[0], failed
    pixels = []
    for name in names:
        try:
            pixels.append(read_image(Path(name), config))
        except CommandError as error:  # noqa: PERF203 - the others are to be shown
            failed.append({"file": name, "error": str(error)})
            complain(f"convlet show: {error}")
    return datasets.normalised(np.stack(pixels), config) if pixels else np.zeros(0), failed
