"""Files that published packages carry."""

from __future__ import annotations

import importlib.util
from pathlib import Path

__all__ = ["find"]


def find(package: str, name: str) -> Path | None:
    """A file inside an installed package, which is not imported for it."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / name
        if path.is_file():
            return path
    return None
