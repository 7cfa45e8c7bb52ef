"""The libraries that compute the cases."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING

from convlet.bench.sides.base import Side

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LIBRARIES", "Side", "available"]

# Names that users choose by, the modules that must be there, and where the sides are made.
LIBRARIES = {
    "convlet": (("convlet",), "native"),
    "numpy": (("numpy",), "numpy"),
    "torch": (("torch",), "torch"),
    "onnxruntime": (("onnxruntime", "onnx", "torch"), "onnxruntime"),
    "openvino": (("openvino", "onnx", "torch"), "openvino"),
    "jax": (("jax",), "jax"),
}


def available(threads: int, wanted: Sequence[str] | None = None) -> list[Side]:
    """The sides whose libraries are installed, convlet first, each with so many threads.

    Args:
        threads: how many each may use.
        wanted: names of `LIBRARIES`; all that are installed when None.

    Raises:
        ValueError: a name is unknown, or its library is not installed.
    """
    sides: list[Side] = []
    for name in wanted or ():
        if name not in LIBRARIES:
            raise ValueError(f"bench: sides are {', '.join(LIBRARIES)}, got {name!r}")
    for name, (modules, place) in LIBRARIES.items():
        if wanted is not None and name not in {"convlet", *wanted}:
            continue
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if missing and wanted is not None:
            raise ValueError(f"bench: {name} needs {' and '.join(missing)}: pip install it")
        if not missing:
            sides += importlib.import_module(f"convlet.bench.sides._{place}").sides(threads)
    return sides
