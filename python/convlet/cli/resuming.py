"""`convlet train --resume`: the settings of a run that was cut short, and its last checkpoint."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from convlet.cli import run_folder, settings
from convlet.cli.errors import WRONG_USE, CommandError
from convlet.train import Checkpoint

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from convlet.cli.run_folder import RunConfig
    from convlet.train import Trainer

_FREE = ("threads",)  # settings on which no result depends
_NEW = ("out", "config", "save_config")  # options for new runs


def read(folder: Path, options: Mapping[str, argparse.Action]) -> dict[str, Any]:
    """The settings of a run that can go on, by the names that argparse gives them."""
    config = run_folder.read_config(folder)
    if (folder / run_folder.METRICS).is_file():
        raise CommandError(
            f"--resume: {folder} is finished; to train longer, start a new run of more epochs",
            WRONG_USE,
        )
    if not checkpoint(folder).is_file():
        raise CommandError(
            f"--resume: {folder} has no checkpoint, it ended before its first epoch did; train anew",
            WRONG_USE,
        )
    saved: dict[str, Any] = {
        **config.training,
        **{key: getattr(config, key) for key in ("task", "model", "data", "seed")},
    }
    try:
        return settings.checked(
            {key: saved[dest] for key, o in options.items() if (dest := o.dest) in saved}, options
        )
    except ValueError as error:
        raise CommandError(f"cannot use {folder / run_folder.CONFIG}: {error}") from error


def check_options(arguments: argparse.Namespace, options: Mapping[str, argparse.Action]) -> None:
    """Refuse options that would make another training of it; the run's own are their defaults."""
    for name in _NEW:
        if getattr(arguments, name) is not None:
            raise CommandError(
                f"--{name.replace('_', '-')}: has no effect with --resume", WRONG_USE
            )
    for key, option in options.items():
        given = getattr(arguments, option.dest)
        if key == "data" and Path(given).exists():
            given = str(Path(given).resolve())
        if key not in _FREE and given != option.default:
            own = "without it" if option.default is None else f"with {option.default}"
            raise CommandError(
                f"--{key}: {arguments.resume} is trained {own}, got {given}; leave it out to resume",
                WRONG_USE,
            )


def check_data(folder: Path, config: RunConfig) -> None:
    """Refuse data that have changed since: `config` is what they make of the run now."""
    saved = run_folder.read_config(folder)
    for name in ("classes", "channels", "height", "width", "mean", "std", "white", "training"):
        was, now = getattr(saved, name), getattr(config, name)
        if was != now:
            raise CommandError(
                f"--resume: {config.data} has changed since {folder} was begun: {name} was "
                f"{was!s:.60}, and is {now!s:.60}"
            )


def checkpoint(folder: Path) -> Path:
    """Where a run keeps what it needs to go on."""
    return folder / "checkpoint" / "last.npz"


def keep(folder: Path) -> Checkpoint:
    """What writes it after each epoch."""
    return Checkpoint(checkpoint(folder).parent, monitor=None)


def save(trainer: Trainer, folder: Path) -> None:
    """Write it now."""
    checkpoint(folder).parent.mkdir(exist_ok=True)
    trainer.save(checkpoint(folder))


def go_on(trainer: Trainer, folder: Path) -> None:
    """Bring a trainer to where the run is."""
    path = checkpoint(folder)
    try:
        trainer.resume(path)
    except (ValueError, OSError, MemoryError) as error:
        raise CommandError(f"cannot resume from {path}: {error}") from error


def finish(folder: Path) -> None:
    """Take away what only a run that goes on needs."""
    shutil.rmtree(checkpoint(folder).parent, ignore_errors=True)
