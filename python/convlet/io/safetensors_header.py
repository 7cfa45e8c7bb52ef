"""The header of a safetensors file, checked before its library sees it: more strictly than there.

The library lets a name that stands twice pass, with the last one winning, so two readers could see
two files in one; and it knows no bound for the nesting of JSON but its parser's.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from convlet.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Entry", "check"]

LONGEST_HEADER = 100_000_000  # the library's own limit
MOST_RANK = 32
METADATA = "__metadata__"
BITS = {
    kind: bits
    for bits, kinds in {
        8: ("BOOL", "U8", "I8"),
        16: ("U16", "I16", "F16", "BF16"),
        32: ("U32", "I32", "F32"),
        64: ("U64", "I64", "F64"),
    }.items()
    for kind in kinds
}


class Entry(NamedTuple):
    """Where one tensor of bfloat16 lies in the file, and its shape."""

    start: int
    end: int
    shape: tuple[int, ...]


def check(path: Path) -> dict[str, Entry]:
    """Check names, types, shapes and places of all tensors; give those of bfloat16.

    Raises:
        FormatError: a name occurs twice, or anything does not fit the format or the file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 10 or length > min(LONGEST_HEADER, size - 8):
            raise FormatError(f"{path} is not a whole .safetensors file: its header does not fit")
        text = file.read(length)
    try:
        if text[:1] != b"{":
            raise FormatError("its header does not begin with a brace")
        header = json.loads(text.decode(), object_pairs_hook=_unique, parse_constant=_refused)
        return _entries(header, 8 + length, size)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"{path} is not a whole .safetensors file: {error}") from error


def _entries(header: dict[str, Any], start: int, size: int) -> dict[str, Entry]:
    metadata = header.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise FormatError("its metadata are not text by name")
    found, places = {}, []
    for name, value in header.items():
        if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
            raise FormatError(f"{name[:100]!r} is not described by type, shape and place")
        kind, shape, place = value["dtype"], value["shape"], value["data_offsets"]
        if not isinstance(kind, str) or kind not in BITS:
            raise FormatError(f"{name[:100]!r} is of type {kind!r:.40}, not of real numbers")
        if not _are_whole(shape) or len(shape) > MOST_RANK:
            raise FormatError(f"{name[:100]!r} has the shape {shape!r:.100}")
        if not _are_whole(place) or len(place) != 2:
            raise FormatError(f"{name[:100]!r} has the place {place!r:.100}")
        if math.prod(shape) * BITS[kind] != 8 * (place[1] - place[0]):
            raise FormatError(f"{name[:100]!r} has another size than its shape and type make")
        places.append(place)
        if kind == "BF16":
            found[name] = Entry(start + place[0], start + place[1], tuple(shape))
    at = 0
    for begin, end in sorted(places):
        if begin != at:
            raise FormatError(f"its tensors overlap or leave a hole at byte {at}")
        at = end
    if start + at != size:
        raise FormatError(f"its tensors end at byte {start + at}, the file at {size}")
    return found


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise FormatError(f"{name[:100]!r} stands in it twice")
        result[name] = value
    return result


def _refused(constant: str) -> Any:
    raise FormatError(f"its header has the number {constant}")


def _are_whole(values: Any) -> bool:
    return isinstance(values, list) and all(type(n) is int and 0 <= n < 2**62 for n in values)
