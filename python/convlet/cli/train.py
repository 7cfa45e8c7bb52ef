"""`convlet train`: train a network, test it, write a run folder."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import convlet as cl
from convlet.cli import datasets, network, outputs, pictures, run_folder, training
from convlet.cli.arguments import above, fraction, whole
from convlet.cli.errors import INTERRUPTED, WRONG_USE, CommandError
from convlet.cli.output import as_json, say, table
from convlet.cli.progress import clock
from convlet.cli.scores import score
from convlet.io import atomic_write
from convlet.models import create
from convlet.train import NonFiniteLossError

if TYPE_CHECKING:
    import argparse

    from convlet.cli.arguments import Parser
    from convlet.cli.datasets import Parts
    from convlet.cli.training import Outcome
    from convlet.nn import Module

_MODEL = "lenet5"


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet train` with its arguments."""
    text = "Train LeNet-5, test it, and write model, history and pictures to a new run folder."
    parser = commands.add_parser("train", help=text, description=text)
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="digits (real handwriting), shapes (drawn pictures), or the path of a .npz file with images "
        "and labels or of a folder of MNIST-style IDX files (default: digits if they are installed, "
        "else shapes)",
    )
    for name, kind, default, text in (
        (
            "--epochs",
            whole(1, 100_000),
            100,
            "most passes over the training images; fewer when the validation loss stops falling",
        ),
        ("--batch-size", whole(1, 1_000_000), 64, "images per step"),
        ("--lr", above(0, 1e6), 0.002, "first learning rate of Adam"),
        ("--dropout", fraction, 0.25, "share of values dropped in the fully connected layers"),
        ("--kernel-size", whole(1, 1_000), 5, "height and width of the convolution kernels"),
        ("--seed", whole(0, 2**63 - 1), 0, "decides first weights, order, shifts and dropout"),
    ):
        parser.add_argument(name, type=kind, default=default, metavar="N", help=text)
    parser.add_argument(
        "--threads",
        type=whole(1, 1024),
        metavar="N",
        help="threads to compute with, on which results do not depend (default: as many as the process "
        "may use)",
    )
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="the run folder, new or empty (default: the next free runs/NAME-NNN)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, save, test, draw; give the exit code."""
    start = time.perf_counter()
    if arguments.threads is not None:
        cl.set_num_threads(arguments.threads)
    parts = datasets.load(arguments.data)
    config = _config(arguments, parts)
    try:
        model = create(_MODEL, **config.arguments)
    except (ValueError, MemoryError) as error:
        raise CommandError(str(error), WRONG_USE) from error
    folder = run_folder.create(arguments.out, f"{_MODEL}-{_slug(parts.name)}")
    say(
        f"Training {_MODEL} on {len(parts.train.labels):,} images of {parts.name} "
        f"({_size(config)}, {len(parts.classes)} classes), {_plural(cl.get_num_threads(), 'thread')}; "
        f"{len(parts.validation.labels):,} images to validate, {len(parts.test.labels):,} to test."
    )
    try:
        outcome = _fit(model, parts, arguments)
        _save(folder, model, config, outcome)
        if outcome.interrupted:
            epochs = _plural(len(outcome.history), "full epoch")
            say(f"Interrupted after {epochs}; saved to {folder}")
            return INTERRUPTED
        _report(folder, model, parts, outcome, start)
    except OSError as error:
        raise CommandError(f"cannot write to {folder}: {error}") from error
    finally:
        run_folder.discard_if_empty(folder)
    return 0


def _config(arguments: argparse.Namespace, parts: Parts) -> run_folder.RunConfig:
    channels, height, width = parts.train.images.shape[1:]
    path = Path(parts.name)
    return run_folder.RunConfig(
        version=cl.__version__,
        model=_MODEL,
        arguments={
            "classes": len(parts.classes),
            "in_channels": channels,
            "image_size": [height, width],
            "kernel_size": arguments.kernel_size,
            "dropout": arguments.dropout,
            "seed": arguments.seed,
        },
        data=str(path.resolve()) if path.exists() else parts.name,
        seed=arguments.seed,
        classes=parts.classes,
        channels=channels,
        height=height,
        width=width,
        mean=parts.mean,
        std=parts.std,
        white=parts.white,
        centred=parts.centred,
        training={
            "optimizer": "Adam",
            "epochs": arguments.epochs,
            "batch_size": arguments.batch_size,
            "lr": arguments.lr,
        },
    )


def _fit(model: Module, parts: Parts, arguments: argparse.Namespace) -> Outcome:
    try:
        with np.errstate(all="ignore"):  # a loss that is not finite ends the training, in our words
            return training.fit(
                model,
                parts,
                epochs=arguments.epochs,
                batch_size=arguments.batch_size,
                lr=arguments.lr,
                seed=arguments.seed,
            )
    except NonFiniteLossError as error:
        what = str(error).partition(";")[0]
        raise CommandError(f"{what}; try a lower --lr") from error


def _save(folder: Path, model: Module, config: run_folder.RunConfig, outcome: Outcome) -> None:
    """Write what training gave, before anything else can go wrong."""
    network.save(model, folder)
    run_folder.write_config(folder, config)
    if outcome.history:
        outcome.history.to_csv(folder / "history.csv")


def _report(folder: Path, model: Module, parts: Parts, outcome: Outcome, start: float) -> None:
    """Test once, print the table, write metrics and pictures."""
    test = datasets.dataset(parts.test, parts.mean, parts.std)
    results = score(outputs.compute(model, test), test.labels)
    facts: dict[str, Any] = {
        "test": results.facts(parts.classes),
        "epochs": len(outcome.history),
        "best_epoch": outcome.best_epoch,
        "stopped_early": outcome.stopped_early,
        "seconds": outcome.seconds,
        "images_per_second": outcome.images_per_second,
        "threads": cl.get_num_threads(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    with atomic_write(folder / "metrics.json") as file:
        file.write((as_json(facts) + "\n").encode())
    names = pictures.draw(folder, model, outcome, test, results, parts.classes)
    ending = "validation loss stopped falling" if outcome.stopped_early else "all epochs done"
    table(
        ("", "result"),
        [
            *results.rows(parts.classes),
            ("epochs", f"{len(outcome.history)}, kept {outcome.best_epoch}"),
            ("ended as", ending),
            ("seconds of training", f"{outcome.seconds:.1f}"),
            ("images per second", f"{outcome.images_per_second:,.0f}"),
        ],
    )
    drawn = f", {len(names)} pictures" if names else ""
    say(
        f"Wrote model, history, metrics{drawn} to {folder} ({clock(time.perf_counter() - start)} in all)"
    )


def _slug(name: str) -> str:
    stem = Path(name).stem if name not in cl.data.sources.NAMES else name
    return re.sub(r"[^A-Za-z0-9_]+", "-", stem).strip("-")[:40] or "data"


def _size(config: run_folder.RunConfig) -> str:
    return f"{config.channels}x{config.height}x{config.width}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
