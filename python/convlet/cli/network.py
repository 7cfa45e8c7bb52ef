"""Networks by name and of run folders: made for data, written after training, rebuilt for use."""

from __future__ import annotations

import importlib.util
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

import convlet as cl
from convlet import io, models
from convlet.cli.errors import WRONG_USE, CommandError
from convlet.models import registry

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from convlet.cli.run_folder import RunConfig
    from convlet.cli.tasks import Task
    from convlet.nn import Module

_FILES = ("model.safetensors", "model.npz")
_SMALL = 64  # pixels; networks with a stem for small images get it up to here


def arguments_for(
    name: str,
    classes: int,
    shape: tuple[int, int, int],
    given: dict[str, Any],
    usual: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What `models.create` takes for a number of classes and images (C, H, W).

    Args:
        name: of the network.
        classes: how many scores it has to give.
        shape: of the images.
        given: options of the user by name, None where there is no wish; a wish for an argument that
            the network does not have is an error.
        usual: values of arguments without a wish; the network's own unless given.
    """
    known = inspect.signature(registry.KNOWN[name]).parameters
    channels, height, width = shape
    wanted: dict[str, Any] = {
        "classes": classes,
        "num_classes": classes,
        "in_channels": channels,
        "image_size": [height, width],
    }
    if max(height, width) <= _SMALL:
        wanted["stem"] = "cifar"
    for argument, value in given.items():
        if value is not None and argument not in known:
            option = f"--{argument.replace('_', '-')}"
            raise CommandError(f"{option}: {name} has no such argument", WRONG_USE)
        if argument in known:  # its default is written down too: a run must not depend on ours
            own = (usual or {}).get(argument, known[argument].default)
            wanted[argument] = own if value is None else value
    return {argument: wanted[argument] for argument in wanted if argument in known}


def make(
    task: Task, name: str, arguments: dict[str, Any], classes: int, shape: tuple[int, ...]
) -> Module:
    """The network, tried on one image; what does not fit is one sentence."""
    try:
        model = models.create(name, **arguments)
        with cl.evaluating(model), cl.no_grad():
            scores = model(cl.Tensor(np.zeros((1, *shape), np.float32)))
    except (ValueError, MemoryError, OSError) as error:
        raise CommandError(str(error), WRONG_USE) from error
    if not task.fits(scores, classes, shape):
        wanted = task.wanted.format(classes=classes)
        given = getattr(scores, "shape", type(scores).__name__)
        raise CommandError(f"--model: {name} gives {given} for an image, not {wanted}", WRONG_USE)
    return model


def save(model: Module, folder: Path) -> str:
    """Write the weights, give the file's name: safetensors where that library is, else .npz."""
    name = _FILES[0] if importlib.util.find_spec("safetensors") is not None else _FILES[1]
    io.save(model.state_dict(), folder / name)
    return name


def load(folder: Path, config: RunConfig) -> Module:
    """Rebuild the network of a run and load its weights; every fault names the file."""
    path = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if path is None:
        hint = f"; to train it to the end: convlet train --resume {folder}"
        started = (folder / "checkpoint").is_dir()
        raise CommandError(f"{folder} has no {' or '.join(_FILES)}{hint if started else ''}")
    try:
        state = io.load(path)
        # Weights first: their sizes are known to be those of a file, the config's are only claims.
        claimed = sum(array.size for array in state.values())
        model = models.create(config.model, **config.arguments)
        own = sum(array.size for array in model.state_dict().values())
        if own != claimed:
            raise ValueError(f"it holds {claimed:,} weights, the network of the run has {own:,}")
        model.load_state_dict(state)
    except (ValueError, TypeError, OSError, ImportError, MemoryError) as error:
        raise CommandError(f"cannot load {path}: {error}") from error
    return model.eval()
