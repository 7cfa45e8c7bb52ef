"""Files fetched once, checked by their SHA-256, and kept in a cache."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from convlet.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RemoteFile", "cache_folder", "fetch"]

CHUNK = 1 << 20
SECONDS = 30.0  # without any answer


@dataclass(frozen=True)
class RemoteFile:
    """A published file: its name, its size in bytes, its SHA-256, and where it lies."""

    name: str
    size: int
    sha256: str
    urls: tuple[str, ...]


def cache_folder() -> Path:
    """Where fetched files are kept: `CONVLET_CACHE`, else `convlet` in the user's cache folder.

    That is `XDG_CACHE_HOME` or `~/.cache`. A file that is put there by hand, in the folder of its
    data set, is used as if it had been fetched.
    """
    chosen = os.environ.get("CONVLET_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "convlet"


def fetch(file: RemoteFile, folder: Path) -> Path:
    """The path of a file in a folder, fetched from the first of its places that answers.

    What is there already is not fetched again. A part of it that an earlier attempt left is
    continued. The file gets its name only when its size and checksum are right.

    Raises:
        FormatError: The file in the folder, or the one that came, does not have its checksum.
        OSError: No place answered; the message says where to put the file by hand.
    """
    target = folder / file.name
    if target.is_file():
        _check(target, file)
        return target
    from http.client import HTTPException  # slow to import, and rarely wanted

    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{file.name}.part"
    reasons = []
    for url in file.urls:
        try:
            _continue(url, part, file)
            _check(part, file)
        except FormatError:
            part.unlink(missing_ok=True)
            raise
        except (OSError, HTTPException) as error:
            reasons.append(f"{url}: {str(error) or type(error).__name__}")
            continue
        part.replace(target)
        return target
    raise OSError(_offline(file, target, reasons))


def _offline(file: RemoteFile, target: Path, reasons: Sequence[str]) -> str:
    return (
        f"{file.name} is not in {target.parent} and could not be fetched ({'; '.join(reasons)}). "
        f"Without a network, put the file there by hand, {file.size:,} bytes, or set CONVLET_CACHE "
        "to a folder that has it"
    )


def _continue(url: str, part: Path, file: RemoteFile) -> None:
    """Fetch the rest of a file."""
    from urllib.request import Request, urlopen

    there = part.stat().st_size if part.is_file() else 0
    if there >= file.size:
        return
    headers = {"User-Agent": "convlet", "Accept-Encoding": "identity"}
    if there:
        headers["Range"] = f"bytes={there}-"
    with urlopen(Request(url, headers=headers), timeout=SECONDS) as answer:
        # A server that knows no ranges begins anew.
        goes_on = there > 0 and answer.status == 206
        with part.open("ab" if goes_on else "wb") as out:
            _copy(answer, out, file.size - (there if goes_on else 0), url)


def _copy(answer: BinaryIO, out: BinaryIO, rest: int, url: str) -> None:
    while chunk := answer.read(min(CHUNK, rest + 1)):
        if len(chunk) > rest:
            raise FormatError(f"{url}: gives more bytes than the file has")
        out.write(chunk)
        rest -= len(chunk)
    if rest:
        raise OSError(f"the answer ended {rest:,} bytes too early")


def _check(path: Path, file: RemoteFile) -> None:
    size = path.stat().st_size
    if size != file.size:
        raise FormatError(f"{path}: must have {file.size:,} bytes, got {size:,}; delete it")
    digest = hashlib.sha256()
    with path.open("rb") as content:
        while chunk := content.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != file.sha256:
        raise FormatError(f"{path}: does not have the checksum {file.sha256}; delete it")
