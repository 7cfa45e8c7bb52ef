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
from convlet.checkpointing import checkpoint
from convlet.choosing import maximum, minimum, where
from convlet.config import (
    empty_cache,
    get_num_threads,
    memory_stats,
    set_num_threads,
    show_config,
    use_exact_conv,
    use_isa,
)
from convlet.creation import (
    arange,
    from_dlpack,
    from_numpy,
    full,
    ones,
    ones_like,
    rand,
    randn,
    tensor,
    zeros,
    zeros_like,
)
from convlet.functions import (
    abs,
    amax,
    amin,
    argmax,
    argmin,
    bmm,
    chunk,
    clamp,
    clip,
    clone,
    exp,
    flatten,
    flip,
    isfinite,
    isinf,
    isnan,
    log,
    logsumexp,
    matmul,
    max,
    mean,
    min,
    movedim,
    permute,
    pow,
    prod,
    relu,
    reshape,
    sigmoid,
    sign,
    split,
    sqrt,
    square,
    squeeze,
    std,
    sum,
    swapaxes,
    tanh,
    transpose,
    unbind,
    unflatten,
    unsqueeze,
    var,
)
from convlet.grad_mode import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from convlet.joining import cat, stack
from convlet.random import seed
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from convlet import (
        autograd,
        bench,
        data,
        detection,
        io,
        models,
        nn,
        ops,
        optim,
        train,
        vision,
        viz,
    )
    from convlet.nn.functional.smooth_activation import log_softmax, softmax
    from convlet.nn.module import evaluating
    from convlet.nn.summarise import summary
    from convlet.train.trainer import Trainer

__all__ = [
    "Tensor",
    "Trainer",
    "__version__",
    "abs",
    "amax",
    "amin",
    "arange",
    "argmax",
    "argmin",
    "autograd",
    "bench",
    "bmm",
    "cat",
    "checkpoint",
    "chunk",
    "clamp",
    "clip",
    "clone",
    "data",
    "detection",
    "empty_cache",
    "enable_grad",
    "evaluating",
    "exp",
    "flatten",
    "flip",
    "from_dlpack",
    "from_numpy",
    "full",
    "get_num_threads",
    "io",
    "is_grad_enabled",
    "isfinite",
    "isinf",
    "isnan",
    "log",
    "log_softmax",
    "logsumexp",
    "matmul",
    "max",
    "maximum",
    "mean",
    "memory_stats",
    "min",
    "minimum",
    "models",
    "movedim",
    "nn",
    "no_grad",
    "ones",
    "ones_like",
    "ops",
    "optim",
    "permute",
    "pow",
    "prod",
    "rand",
    "randn",
    "relu",
    "reshape",
    "seed",
    "set_grad_enabled",
    "set_num_threads",
    "show_config",
    "sigmoid",
    "sign",
    "softmax",
    "split",
    "sqrt",
    "square",
    "squeeze",
    "stack",
    "std",
    "sum",
    "summary",
    "swapaxes",
    "tanh",
    "tensor",
    "train",
    "transpose",
    "unbind",
    "unflatten",
    "unsqueeze",
    "use_exact_conv",
    "use_isa",
    "var",
    "vision",
    "viz",
    "where",
    "zeros",
    "zeros_like",
]

__version__ = version()

# Imported when first used, so that `import convlet` stays quick.
_SUBMODULES = frozenset(
    {"bench", "data", "detection", "io", "models", "nn", "ops", "optim", "train", "vision", "viz"}
)
_ATTRIBUTES = {
    "Trainer": "convlet.train.trainer",
    "evaluating": "convlet.nn.module",
    "log_softmax": "convlet.nn.functional.smooth_activation",
    "softmax": "convlet.nn.functional.smooth_activation",
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
