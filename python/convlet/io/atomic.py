"""Files that are either complete or not there."""

from __future__ import annotations

import glob
import os
import secrets
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["atomic_write", "remove_leftovers"]


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends without an error.

    It is written under another name in the same folder, synced to the disk, and renamed: whoever
    reads `path`, also after a crash, finds the old content or the new, never a part.

    Raises:
        OSError: it cannot be written; there is no folder for it, say.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with atomic_write(folder / "a.bin") as file:
        ...     _ = file.write(b"whole")
        >>> [(p.name, p.read_bytes()) for p in folder.iterdir()]
        [('a.bin', b'whole')]
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {target.parent} to write {target.name} to")
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def remove_leftovers(path: str | os.PathLike[str]) -> None:
    """Remove what writers of `path` that were killed have left beside it."""
    target = Path(path)
    for temporary in target.parent.glob(f".{glob.escape(target.name)}.{'?' * 12}.tmp"):
        temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a crash, where folders can be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        pass  # some network file systems refuse; the content is safe all the same
    finally:
        os.close(descriptor)
