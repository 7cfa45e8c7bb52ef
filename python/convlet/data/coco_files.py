"""What COCO's files of boxes and of masks have in common: the lists in them, and where pictures are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from convlet.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["by_id", "class_names", "coco_lists", "picture_inside", "whole_number"]

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


def by_id(entries: list[dict[str, Any]], source: Path) -> dict[int, dict[str, Any]]:
    """Images or categories by their ids.

    Raises:
        FormatError: an id is not a whole number, or occurs twice; the message names `source`.
    """
    found: dict[int, dict[str, Any]] = {}
    for entry in entries:
        identity = whole_number(entry, "id", source)
        if identity in found:
            raise FormatError(f"{source}: the id {identity} occurs twice in one list")
        found[identity] = entry
    return found


def class_names(categories: dict[int, dict[str, Any]], source: Path) -> dict[int, str]:
    """The names of categories by their ids, which are in order.

    Raises:
        FormatError: one has no name; the message names `source`.
    """
    for identity, category in categories.items():
        if not isinstance(category.get("name"), str):
            raise FormatError(f"{source}: category {identity} has no name")
    return {identity: categories[identity]["name"] for identity in sorted(categories)}


def whole_number(entry: dict[str, Any], key: str, source: Path) -> int:
    """A value that has to be a whole number.

    Raises:
        FormatError: it is not; the message names `source` and the key.
    """
    value = entry.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise FormatError(f'{source}: "{key}" must be a whole number, got {value!r:.40}')
    return value


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
