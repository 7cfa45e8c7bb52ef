"""What COCO's files of boxes and of masks have in common: the lists in them, and where pictures are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from convlet.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["coco_lists", "picture_inside"]

MOST_BYTES = 1 << 30


def coco_lists(source: Path) -> tuple[list[dict[str, Any]], ...]:
    """The images, annotations and categories of a JSON file.

    Raises:
        FormatError: the file is too large, not JSON, or lacks one of the lists; the message names it.
        OSError: it cannot be read.
    """
    if source.stat().st_size > MOST_BYTES:
        raise FormatError(f"{source}: larger than {MOST_BYTES:,} bytes")
    try:
        raw = json.loads(source.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{source}: not JSON ({error})") from error
    lists = []
    for key in ("images", "annotations", "categories"):
        entries = raw.get(key) if isinstance(raw, dict) else None
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise FormatError(f'{source}: "{key}" must be a list of objects')
        lists.append(entries)
    return tuple(lists)


def picture_inside(folder: Path, name: Any, source: Path) -> Path:
    """Where the picture is that a file of annotations names.

    Raises:
        FormatError: it has no name, or its name leads out of the folder; the message names `source`.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        raise FormatError(f"{source}: a picture has no file name")
    place = folder / name
    if not place.resolve().is_relative_to(folder.resolve()):
        raise FormatError(f"{source}: {name} lies outside of {folder}")
    return place
