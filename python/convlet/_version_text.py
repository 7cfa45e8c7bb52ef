"""Which version this is."""

from __future__ import annotations

import importlib


def version() -> str:
    """The version that the build wrote, else the one that the installation recorded."""
    try:
        built = importlib.import_module("convlet._version")
    except ImportError:
        from importlib.metadata import PackageNotFoundError
        from importlib.metadata import version as installed

        try:
            return installed("convlet")
        except PackageNotFoundError:
            return "0+unknown"
    return str(built.__version__)
