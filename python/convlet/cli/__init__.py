"""The command line: train, evaluate and use networks without writing Python."""

from __future__ import annotations
