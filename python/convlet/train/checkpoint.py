"""The whole state of a training run in one file, from which it continues bit for bit."""

from __future__ import annotations

import json
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import random
from convlet.errors import FormatError
from convlet.io import read, save
from convlet.train.undo import generators_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import numpy.typing as npt

    from convlet.train.trainer import Trainer

    Arrays = dict[str, npt.NDArray[Any]]

__all__ = ["capture", "load_checkpoint", "restore", "save_checkpoint"]

MODEL, OPTIMIZER, AVERAGE, CALLBACK = "model.", "optimizer.", "ema.", "callback."


def save_checkpoint(path: str | os.PathLike[str], trainer: Trainer) -> None:
    """Write all that a training depends on.

    That is: weights, optimiser, schedule, averages, random state, the state of callbacks, the
    history, and how far the epoch is.

    Args:
        path: ends in .npz or .safetensors.
        trainer: the run, between two steps.

    Raises:
        OSError: it cannot be written; the file that was there is then untouched.

    Example:
        >>> import tempfile
        >>> from convlet import Trainer, nn, optim
        >>> model = nn.Linear(2, 1)
        >>> trainer = Trainer(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1))
        >>> path = Path(tempfile.mkdtemp()) / "run.npz"
        >>> save_checkpoint(path, trainer)
        >>> model.weight.data[...] = 0  # what follows is undone
        >>> load_checkpoint(path, trainer)
        >>> bool((model.weight.data != 0).any())
        True
    """
    arrays, state = capture(trainer)
    save(arrays, path, {"checkpoint": json.dumps(state)})


def load_checkpoint(path: str | os.PathLike[str], trainer: Trainer) -> None:
    """Bring a trainer, of the same model and optimiser, to where `save_checkpoint` left it.

    The callbacks get their state when `fit` is called, by their class; those that the checkpoint
    does not know begin anew.

    Args:
        path: the file, or a folder that holds last.npz.
        trainer: made as the one that was saved.

    Raises:
        FormatError: the file is damaged or not a checkpoint.
        ValueError: model, optimiser or schedule differ from those in the file; nothing is changed
            then.
    """
    file = Path(path) / "last.npz" if Path(path).is_dir() else Path(path)
    arrays, metadata = read(file, sealed=True)
    live, before = capture(trainer)
    held = {name: array.copy() for name, array in live.items()}
    try:
        restore(trainer, arrays, json.loads(metadata["checkpoint"]))
    except (KeyError, TypeError, AttributeError, RecursionError, ValueError) as error:
        restore(trainer, held, before)
        if isinstance(error, ValueError) and not isinstance(error, json.JSONDecodeError):
            raise
        raise FormatError(f"resume: {file} is not a checkpoint: {error!r}") from error


def capture(trainer: Trainer) -> tuple[Arrays, dict[str, Any]]:
    """The trainer's arrays, shared and not copied, and all else as plain JSON."""
    arrays = {MODEL + name: array for name, array in trainer.model.state_dict().items()}
    optimizer = trainer.optimizer.state_dict()
    numbers: dict[str, dict[str, float]] = {}
    for place, values in optimizer["state"].items():
        numbers[str(place)] = _split(values, f"{OPTIMIZER}{place}.", arrays)
    callbacks = {
        key: _split(values, f"{CALLBACK}{key}/", arrays)
        for key, values in trainer.callback_states().items()
    }
    averages = None if trainer.ema is None else trainer.ema.state_dict()
    if averages is not None:
        arrays.update((AVERAGE + name, array) for name, array in averages["averages"].items())
    return arrays, {
        "epoch": trainer.epoch,
        "step": trainer.step,
        "running": trainer.running.state_dict(),
        "history": list(trainer.history),
        "param_groups": optimizer["param_groups"],
        "optimizer_numbers": numbers,
        "scheduler": None if trainer.scheduler is None else trainer.scheduler.state_dict(),
        "ema_updates": None if averages is None else averages["updates"],
        "callbacks": callbacks,
        "random": random.default_generator.get_state(),
        "generators": {name: g.get_state() for name, g in generators_of(trainer.model).items()},
    }


def restore(trainer: Trainer, arrays: Arrays, state: Mapping[str, Any]) -> None:
    """Write what `capture` gave into a trainer; after an error it may be changed in part."""
    rows = [{str(k): v for k, v in row.items()} for row in state["history"]]
    epoch, step = index(state["epoch"]), index(state["step"])
    own = generators_of(trainer.model)
    if set(own) != set(state["generators"]):
        raise ValueError(
            f"resume: the model draws random numbers in {sorted(own)}, "
            f"the checkpoint in {sorted(state['generators'])}"
        )
    for name, there in (("scheduler", trainer.scheduler), ("ema", trainer.ema)):
        saved = state["scheduler" if name == "scheduler" else "ema_updates"]
        if (there is None) != (saved is None):
            has, lacks = ("checkpoint", "trainer") if there is None else ("trainer", "checkpoint")
            raise ValueError(f"resume: the {has} has a {name}, the {lacks} has none")
    values = {
        int(place): {**numbers, **_below(arrays, f"{OPTIMIZER}{place}.")}
        for place, numbers in state["optimizer_numbers"].items()
    }
    if trainer.scheduler is not None:
        trainer.scheduler.load_state_dict(state["scheduler"])
    trainer.optimizer.load_state_dict({"state": values, "param_groups": state["param_groups"]})
    trainer.model.load_state_dict(_below(arrays, MODEL))
    if trainer.ema is not None:
        averages = _below(arrays, AVERAGE)
        trainer.ema.load_state_dict({"updates": state["ema_updates"], "averages": averages})
    trainer.running.load_state_dict(state["running"])
    trainer.set_callback_states(
        {
            str(key): {**values, **_below(arrays, f"{CALLBACK}{key}/")}
            for key, values in state["callbacks"].items()
        }
    )
    random.default_generator.set_state(state["random"])
    for name, generator in own.items():
        generator.set_state(state["generators"][name])
    trainer.epoch, trainer.step, trainer.history[:] = epoch, step, rows


def _split(values: Mapping[str, Any], prefix: str, arrays: Arrays) -> dict[str, Any]:
    """Put the arrays among some values with the others; give the rest."""
    rest = {}
    for key, value in values.items():
        if isinstance(value, np.ndarray):
            arrays[prefix + key] = value
        else:
            rest[key] = value
    return rest


def _below(arrays: Arrays, prefix: str) -> Arrays:
    return {k[len(prefix) :]: v for k, v in arrays.items() if k.startswith(prefix)}
