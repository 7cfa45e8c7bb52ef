"""Convolutional networks on the CPU.

    import convlet as cl
    from convlet import nn, optim, data, models, ops
    import convlet.nn.functional as F

Shapes read (N, C, H, W) as in PyTorch; `ops` works on NumPy arrays, `nn` on `Tensor`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from convlet import _startup as _startup  # first: it loads the OpenMP library
from convlet._version_text import version
from convlet.config import (
    empty_cache,
    get_num_threads,
    memory_stats,
    set_num_threads,
    show_config,
    use_exact_conv,
    use_isa,
)
from convlet.grad_mode import is_grad_enabled, no_grad
from convlet.joining import cat, stack
from convlet.random import seed
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from convlet import bench, data, io, models, nn, ops, optim, train, viz
    from convlet.nn.module import evaluating
    from convlet.nn.summarise import summary
    from convlet.train.trainer import Trainer

__all__ = [
    "Tensor",
    "Trainer",
    "__version__",
    "bench",
    "cat",
    "data",
    "empty_cache",
    "evaluating",
    "get_num_threads",
    "io",
    "is_grad_enabled",
    "memory_stats",
    "models",
    "nn",
    "no_grad",
    "ops",
    "optim",
    "seed",
    "set_num_threads",
    "show_config",
    "stack",
    "summary",
    "train",
    "use_exact_conv",
    "use_isa",
    "viz",
]

__version__ = version()

# Imported when first used, so that `import convlet` stays quick.
_SUBMODULES = frozenset({"bench", "data", "io", "models", "nn", "ops", "optim", "train", "viz"})
_ATTRIBUTES = {
    "Trainer": "convlet.train.trainer",
    "evaluating": "convlet.nn.module",
    "summary": "convlet.nn.summarise",
}


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        return importlib.import_module(f"convlet.{name}")
    if name in _ATTRIBUTES:
        value = getattr(importlib.import_module(_ATTRIBUTES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'convlet' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
