"""`convlet train`: train a network, test it, write a run folder."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import convlet as cl
from convlet.cli import (
    network,
    pictures,
    resuming,
    run_folder,
    settings,
    training,
    transferring,
)
from convlet.cli.errors import INTERRUPTED, WRONG_USE, CommandError
from convlet.cli.output import as_json, plural, say, table
from convlet.cli.tasks import TASKS
from convlet.cli.train_options import EXAMPLES, add_options
from convlet.io import atomic_write
from convlet.models import published
from convlet.train import NonFiniteLossError
from convlet.train.progress import clock

if TYPE_CHECKING:
    import argparse

    from convlet.cli.arguments import Parser
    from convlet.cli.datasets import Parts
    from convlet.cli.tasks import Task
    from convlet.cli.training import Outcome
    from convlet.nn import Module

_ELSEWHERE = {"task", "model", "data", "seed", "threads"}  # settings not kept in config.training


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet train` with its arguments."""
    text = "Train a network, test it, and write model, history and pictures to a new run folder."
    parser = commands.add_parser("train", help=text, description=text, epilog=EXAMPLES)
    add_options(parser)
    parser.set_defaults(run=run, parser=parser)


def run(arguments: argparse.Namespace) -> int:
    """Train, save, test, draw; give the exit code."""
    if not arguments.json:
        return _train(arguments)[0]
    with contextlib.redirect_stdout(sys.stderr):
        code, facts = _train(arguments)
    say(as_json(facts))
    return code


def _train(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """The exit code, and what came out for `--json`."""
    start = time.perf_counter()
    if arguments.threads is not None:
        cl.set_num_threads(arguments.threads)
    cl.seed(arguments.seed)
    task = TASKS[arguments.task]
    _complete(arguments, task)
    prepared = None
    if arguments.pretrained is not None:
        prepared = published(arguments.pretrained).preprocessing
    parts = task.load(arguments.data, prepared, arguments.image_size or 0)
    config = _config(arguments, parts)
    shape = (config.channels, config.height, config.width)
    if _transfers(arguments):
        config.arguments.pop("stem", None)
        model = transferring.make(config.model, config.arguments)
    else:
        seen = {} if arguments.pretrained is None else {"backbone_weights": "imagenet"}
        given = {**config.arguments, **seen}
        model = network.make(task, config.model, given, len(config.classes), shape)
    if arguments.save_config is not None:
        settings.write(arguments.save_config, arguments, arguments.parser.settings, "train")
    folder = _folder(arguments, parts, config)
    start_words = "Training" if arguments.resume is None else f"Going on in {folder} to train"
    say(
        f"{start_words} {config.model} on {plural(len(parts.train.images), 'image')} of {parts.name} "
        f"({_size(config)}, {plural(len(parts.classes), 'class', 'classes')}), "
        f"{plural(cl.get_num_threads(), 'thread')}; {plural(len(parts.validation.images), 'image')} "
        f"to validate, {len(parts.test.images):,} to test."
    )
    facts: dict[str, Any] = {"run": str(folder), "model": config.model, "data": parts.name}
    facts["task"] = task.name
    try:
        if arguments.resume is None:
            run_folder.write_config(folder, config)
        outcome = _fit(task, model, parts, arguments, folder)
        _save(folder, model, outcome)
        facts["interrupted"] = outcome.interrupted
        if outcome.interrupted:
            epochs = plural(len(outcome.history), "full epoch")
            say(
                f"Interrupted after {epochs}; saved to {folder}. "
                f"To go on: convlet train --resume {folder}"
            )
            return INTERRUPTED, {**facts, "epochs": len(outcome.history)}
        facts |= _report(task, folder, model, parts, outcome=outcome, start=start)
        resuming.finish(folder)
    except OSError as error:
        raise CommandError(f"cannot write to {folder}: {error}") from error
    finally:
        run_folder.discard_if_empty(folder)
    return 0, facts


def _folder(arguments: argparse.Namespace, parts: Parts, config: run_folder.RunConfig) -> Path:
    """The run folder: a new one, or the one to go on in."""
    if arguments.resume is None:
        name = f"{config.model}-{_slug(parts.name)}"
        return run_folder.create(arguments.out, Path("runs"), name)
    folder: Path = arguments.resume
    resuming.check_data(folder, config)
    return folder


def _complete(arguments: argparse.Namespace, task: Task) -> None:
    """Put the task's own values where the user gave none; refuse what the task does not know."""
    if arguments.resume is not None:
        resuming.check_options(arguments, arguments.parser.settings)
    usual = dict(task.usual(arguments))
    if _transfers(arguments):
        own = {"lr": training.OPTIMIZERS[usual["optimizer"]].lr, **usual}
        for option in ("epochs", "lr", "schedule", "optimizer"):
            if getattr(arguments, option) not in (None, own[option]):
                raise CommandError(
                    f"--{option}: has no effect with --pretrained, whose head and --fine-tune have "
                    "their own",
                    WRONG_USE,
                )
    _drop_rates_of_others(arguments, usual)
    for option, value in usual.items():
        if getattr(arguments, option) is None:
            setattr(arguments, option, value)
    if arguments.pretrained is not None:
        _put_under(arguments, task)
    elif arguments.image_size is not None and not task.sized:
        raise CommandError(
            f"--image-size: it is for --pretrained and --task detect, not {task.name}", WRONG_USE
        )
    if arguments.warm_up is None:
        fits = arguments.schedule in training.WARMED and arguments.epochs > task.warm_up
        arguments.warm_up = task.warm_up if fits else 0
    if arguments.lr is None:
        arguments.lr = training.OPTIMIZERS[arguments.optimizer].lr
    if arguments.augment not in task.augments:
        known = ", ".join(task.augments)
        raise CommandError(
            f"--augment: --task {task.name} has {known}, got {arguments.augment}", WRONG_USE
        )
    _check(arguments, task)


def _drop_rates_of_others(arguments: argparse.Namespace, usual: dict[str, Any]) -> None:
    """Forget a rate, of the task or of a configuration file, that is for another optimiser."""
    chosen = arguments.optimizer
    if arguments.config is not None and arguments.given.lr is None:
        saved = arguments.parser.get_default("optimizer") or usual["optimizer"]
        if chosen not in (None, saved):
            arguments.lr = None
    if chosen not in (None, usual["optimizer"]):
        usual.pop("lr", None)


def _transfers(arguments: argparse.Namespace) -> bool:
    """Whether a new last layer is fitted, then perhaps the last stages adjusted."""
    return arguments.pretrained is not None and not TASKS[arguments.task].backbones


def _put_under(arguments: argparse.Namespace, task: Task) -> None:
    """Make of `--pretrained` the network or, for tasks that have one, its backbone."""
    name = arguments.pretrained
    if task.backbones:
        if name not in task.backbones:
            known = ", ".join(task.backbones)
            raise CommandError(
                f"--pretrained: --task {task.name} has {known}, got {name}", WRONG_USE
            )
        arguments.backbone = arguments.backbone or name
        if arguments.backbone != name:
            raise CommandError(
                f"--backbone: must be the one of --pretrained {name}, got {arguments.backbone}",
                WRONG_USE,
            )
    elif task.name == "classify":
        arguments.model = name
        arguments.image_size = arguments.image_size or transferring.SIDE
    else:
        raise CommandError(
            f"--pretrained: it is for --task classify and detect, not {task.name}", WRONG_USE
        )


def _check(arguments: argparse.Namespace, task: Task) -> None:
    """Refuse options that have no effect, or no meaning, beside the others."""
    for option, given in (("--mix", arguments.mix != "none"), ("--warm-up", arguments.warm_up)):
        if given and _transfers(arguments):
            raise CommandError(f"{option}: has no effect with --pretrained", WRONG_USE)
    if arguments.mix != "none" and task.name != "classify":
        raise CommandError(f"--mix: it is for --task classify, not {task.name}", WRONG_USE)
    if not arguments.warm_up:
        return
    if arguments.schedule not in training.WARMED:
        raise CommandError(
            f"--warm-up: needs --schedule {' or '.join(training.WARMED)}, got {arguments.schedule}",
            WRONG_USE,
        )
    if arguments.warm_up >= arguments.epochs:
        raise CommandError(
            f"--warm-up: must be below --epochs {arguments.epochs}, got {arguments.warm_up}",
            WRONG_USE,
        )


def _config(arguments: argparse.Namespace, parts: Parts) -> run_folder.RunConfig:
    channels, height, width = parts.train.images.shape[1:]
    path = Path(parts.name)
    options = {option.dest for option in arguments.parser.settings.values()} - _ELSEWHERE
    training = {
        name: value for name in sorted(options) if (value := getattr(arguments, name)) is not None
    }
    wishes = ("backbone", "kernel_size", "dropout", "base_channels", "seed")
    given = {name: getattr(arguments, name) for name in wishes}
    usual = TASKS[arguments.task].network.get(arguments.model)
    return run_folder.RunConfig(
        version=cl.__version__,
        task=arguments.task,
        model=arguments.model,
        arguments=network.arguments_for(
            arguments.model, len(parts.classes), (channels, height, width), given, usual
        ),
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
        training=training
        | {"images": len(parts.train.images)}
        | ({"fitted": 1} if parts.fitted else {}),
    )


def _fit(
    task: Task, model: Module, parts: Parts, arguments: argparse.Namespace, folder: Path
) -> Outcome:
    try:
        with np.errstate(all="ignore"):  # a loss that is not finite ends the training, in our words
            if _transfers(arguments):
                return transferring.fit(
                    model,
                    parts,
                    fine_tune=arguments.fine_tune,
                    batch_size=arguments.batch_size,
                    seed=arguments.seed,
                    augment=arguments.augment,
                    folder=folder,
                    resume=arguments.resume is not None,
                )
            return training.fit(
                task,
                model,
                parts,
                epochs=arguments.epochs,
                batch_size=arguments.batch_size,
                lr=arguments.lr,
                seed=arguments.seed,
                optimizer=arguments.optimizer,
                schedule=arguments.schedule,
                augment=arguments.augment,
                mix=arguments.mix,
                warm_up=arguments.warm_up,
                folder=folder,
                resume=arguments.resume is not None,
            )
    except NonFiniteLossError as error:
        if arguments.resume is None:
            resuming.finish(folder)  # going on would end the same
        what = str(error).partition(";")[0]
        raise CommandError(f"{what}; try a lower --lr") from error


def _save(folder: Path, model: Module, outcome: Outcome) -> None:
    """Write what training gave, before anything else can go wrong."""
    network.save(model, folder)
    if outcome.history:
        outcome.history.to_csv(folder / "history.csv")


def _report(
    task: Task, folder: Path, model: Module, parts: Parts, *, outcome: Outcome, start: float
) -> dict[str, Any]:
    """Test once, print the table, write metrics and pictures; give the metrics."""
    test = task.dataset(parts.test, parts.mean, parts.std)
    results = task.judge(model, test, parts.classes)
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
    with atomic_write(folder / run_folder.METRICS) as file:
        file.write((as_json(facts) + "\n").encode())
    drawings = task.figures(model, outcome, test, results, parts.classes)
    names = pictures.draw(folder, drawings)
    ending = "validation loss stopped falling" if outcome.stopped_early else "all epochs done"
    table(
        ("", "result"),
        [
            *results.rows(parts.classes),
            ("epochs", f"{len(outcome.history)}, kept {outcome.best_epoch or 'the last'}"),
            ("ended as", ending),
            ("seconds of training", f"{outcome.seconds:.1f}"),
            ("images per second", f"{outcome.images_per_second:,.0f}"),
        ],
    )
    drawn = f", {len(names)} pictures" if names else ""
    say(
        f"Wrote model, history, metrics{drawn} to {folder} ({clock(time.perf_counter() - start)} in all)"
    )
    return facts


def _slug(name: str) -> str:
    stem = Path(name).stem if name not in cl.data.sources.NAMES else name
    return re.sub(r"[^A-Za-z0-9_]+", "-", stem).strip("-")[:40] or "data"


def _size(config: run_folder.RunConfig) -> str:
    return f"{config.channels}x{config.height}x{config.width}"
