"""The whole state of a training run in one file, from which it continues bit for bit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import random
from convlet.errors import FormatError
from convlet.io import read, save
from convlet.train.history import History

if TYPE_CHECKING:
    import os

    import numpy.typing as npt

    from convlet.nn import Module
    from convlet.train.trainer import Trainer

__all__ = ["load_checkpoint", "save_checkpoint"]

MODEL, OPTIMIZER = "model.", "optimizer."


def save_checkpoint(path: str | os.PathLike[str], trainer: Trainer) -> None:
    """Write weights, optimiser, random state, epoch, step and history.

    Args:
        path: ends in .npz or .safetensors.
        trainer: the run, between two epochs.

    Raises:
        OSError: it cannot be written; the file that was there is then untouched.
    """
    arrays = {MODEL + name: array for name, array in trainer.model.state_dict().items()}
    optimizer = trainer.optimizer.state_dict()
    numbers: dict[str, dict[str, float]] = {}
    for place, values in optimizer["state"].items():
        for key, value in values.items():
            if isinstance(value, np.ndarray):
                arrays[f"{OPTIMIZER}{place}.{key}"] = value
            else:
                numbers.setdefault(str(place), {})[key] = value
    state = {
        "epoch": trainer.epoch,
        "step": trainer.step,
        "history": list(trainer.history),
        "param_groups": optimizer["param_groups"],
        "optimizer_numbers": numbers,
        "random": random.default_generator.get_state(),
        "generators": {name: g.get_state() for name, g in _generators(trainer.model).items()},
    }
    save(arrays, path, {"checkpoint": json.dumps(state)})


def load_checkpoint(path: str | os.PathLike[str], trainer: Trainer) -> None:
    """Bring a trainer, of the same model and optimiser, to where `save_checkpoint` left it.

    Raises:
        FormatError: the file is damaged or not a checkpoint.
        ValueError: model or optimiser differ from those in the file; nothing is changed then.
    """
    arrays, metadata = read(path)
    try:
        state: dict[str, Any] = json.loads(metadata["checkpoint"])
        optimizer_state = _optimizer_state(arrays, state["optimizer_numbers"])
        history = History({str(k): v for k, v in row.items()} for row in state["history"])
        epoch, step = int(state["epoch"]), int(state["step"])
        groups, seeds, generators = state["param_groups"], state["random"], state["generators"]
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"resume: {path} is not a checkpoint: {error!r}") from error
    own = _generators(trainer.model)
    if set(own) != set(generators):
        raise ValueError(
            f"resume: the model draws random numbers in {sorted(own)}, "
            f"the checkpoint in {sorted(generators)}"
        )
    weights = {k.removeprefix(MODEL): v for k, v in arrays.items() if k.startswith(MODEL)}
    before = trainer.optimizer.state_dict()
    trainer.optimizer.load_state_dict({"state": optimizer_state, "param_groups": groups})
    try:
        trainer.model.load_state_dict(weights)
    except (ValueError, TypeError):
        trainer.optimizer.load_state_dict(before)
        raise
    random.default_generator.set_state(seeds)
    for name, generator in own.items():
        generator.set_state(generators[name])
    trainer.epoch, trainer.step, trainer.history = epoch, step, history


def _optimizer_state(
    arrays: dict[str, npt.NDArray[Any]], numbers: dict[str, dict[str, float]]
) -> dict[int, dict[str, Any]]:
    state: dict[int, dict[str, Any]] = {int(place): dict(v) for place, v in numbers.items()}
    for name, array in arrays.items():
        if name.startswith(OPTIMIZER):
            place, key = name.removeprefix(OPTIMIZER).split(".", 1)
            state.setdefault(int(place), {})[key] = array
    return state


def _generators(model: Module) -> dict[str, random.Generator]:
    """The modules' own sources of random numbers; one that is shared is there under each name."""
    sources = ((name, getattr(m, "generator", None)) for name, m in model.named_modules())
    return {name: source for name, source in sources if isinstance(source, random.Generator)}
