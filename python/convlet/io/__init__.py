"""Files: named arrays with checksums, written whole or not at all."""

from convlet.errors import FormatError
from convlet.io.atomic import atomic_write
from convlet.io.pytorch import read_pytorch
from convlet.io.weights import load, read, save

__all__ = ["FormatError", "atomic_write", "load", "read", "read_pytorch", "save"]
