"""Networks of run folders: written after training, rebuilt for evaluation and prediction."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from convlet import io, models
from convlet.cli.errors import CommandError

if TYPE_CHECKING:
    from pathlib import Path

    from convlet.cli.run_folder import RunConfig
    from convlet.nn import Module

_FILES = ("model.safetensors", "model.npz")


def save(model: Module, folder: Path) -> str:
    """Write the weights, give the file's name: safetensors where that library is, else .npz."""
    name = _FILES[0] if importlib.util.find_spec("safetensors") is not None else _FILES[1]
    io.save(model.state_dict(), folder / name)
    return name


def load(folder: Path, config: RunConfig) -> Module:
    """Rebuild the network of a run and load its weights; every fault names the file."""
    path = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if path is None:
        raise CommandError(f"{folder} has no {' or '.join(_FILES)}")
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
