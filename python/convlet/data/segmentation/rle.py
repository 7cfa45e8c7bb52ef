"""Masks as COCO stores them: lengths of runs down the columns, and polygons."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["checked_size", "decode_rle", "encode_rle", "polygon_mask"]

MOST_PIXELS = 89_000_000  # as of pictures
_FINE = 5  # steps of a polygon's border per pixel
_BITS, _GOES_ON, _NEGATIVE, _FIRST = 5, 0x20, 0x10, ord("0")  # of a character of a run's length


def decode_rle(rle: Any) -> npt.NDArray[np.bool_]:
    """The mask (H, W) of a run-length code.

    Args:
        rle: a dictionary with "size", [H, W], and "counts": how many pixels are out, then in, then
            out and so on, down one column after another; a list, or COCO's text (str or bytes).

    Raises:
        FormatError: the lengths are damaged, or do not add up to H W.

    Example:
        >>> decode_rle({"size": [2, 3], "counts": [1, 3, 2]}).astype(int)
        array([[0, 1, 0],
               [1, 1, 0]])
    """
    try:
        height, width = (operator.index(side) for side in rle["size"])
        counts = rle["counts"]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise FormatError(f'a run-length code must have "size" and "counts" ({error})') from error
    size = checked_size(height, width)
    if isinstance(counts, (str, bytes)):
        runs = _read_text(counts)
    else:
        try:
            runs = [operator.index(count) for count in counts]
        except TypeError as error:
            raise FormatError(f"lengths of runs must be whole numbers ({error})") from error
    if min(runs, default=0) < 0 or sum(runs) != math.prod(size):
        raise FormatError(
            f"lengths of runs must be at least 0 and add up to {math.prod(size)}, "
            f"got {sum(runs)}, the least {min(runs, default=0)}"
        )
    inside = np.arange(len(runs)) % 2 == 1
    return np.repeat(inside, np.array(runs, np.int64)).reshape(width, height).T


def encode_rle(mask: npt.ArrayLike) -> dict[str, Any]:
    """A mask as COCO's run-length code, whose "counts" is text, which `decode_rle` reads.

    Args:
        mask: (H, W), what is not 0 is in.

    Raises:
        ValueError: it is not (H, W).

    Example:
        >>> encode_rle([[0, 1, 0], [1, 1, 0]])
        {'size': [2, 3], 'counts': '132'}
    """
    inside = np.asarray(mask) != 0
    if inside.ndim != 2:
        raise ValueError(f"encode_rle: mask must be (H, W), got shape {inside.shape}")
    flat = inside.T.ravel()
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    runs = np.diff(changes, prepend=0, append=flat.size).tolist()
    # From the fourth on, a length is told by how it differs from the one before the last.
    told = [run - (runs[at - 2] if at > 2 else 0) for at, run in enumerate(runs)]
    return {"size": list(inside.shape), "counts": "".join(map(_text, told))}


def polygon_mask(
    polygons: Sequence[Sequence[float]], height: int, width: int
) -> npt.NDArray[np.bool_]:
    """The pixels (H, W) inside of any of some polygons, by COCO's rule.

    The border is drawn in fifths of pixels, and each column is filled between the places where the
    border enters the column's middle.

    Args:
        polygons: each x1, y1, x2, y2 …, of at least three points, in pixels.
        height: of the mask.
        width: of the mask.

    Raises:
        FormatError: a polygon has other numbers than these.

    Example:
        >>> polygon_mask([[1, 1, 4, 1, 4, 3, 1, 3]], 4, 5).astype(int)
        array([[0, 0, 0, 0, 0],
               [0, 1, 1, 1, 0],
               [0, 1, 1, 1, 0],
               [0, 0, 0, 0, 0]])
    """
    size = checked_size(height, width)
    mask = np.zeros(size, np.bool_)
    for polygon in polygons:
        mask |= _filled(_points(polygon, size), *size)
    return mask


def _filled(points: npt.NDArray[np.float64], height: int, width: int) -> npt.NDArray[np.bool_]:
    fine = np.trunc(points * _FINE + 0.5).astype(np.int64)
    border = np.concatenate(
        [_line(*fine[at], *fine[(at + 1) % len(fine)]) for at in range(len(fine))]
    )
    u, v = border.T
    # Where the border steps from a fifth of a column to the next, by the left one of both.
    steps = np.flatnonzero(u[1:] != u[:-1]) + 1
    column = (np.where(u[steps] < u[steps - 1], u[steps], u[steps] - 1) + 0.5) / _FINE - 0.5
    row = (np.minimum(v[steps], v[steps - 1]) + 0.5) / _FINE - 0.5
    kept = (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    row = np.ceil(np.clip(row[kept], 0, height)).astype(np.int64)
    # At each of these places, in down and across, everything that follows is turned inside out.
    turns = np.bincount(column[kept].astype(np.int64) * height + row, minlength=height * width + 1)
    inside: npt.NDArray[np.bool_] = np.cumsum(turns)[:-1] % 2 == 1
    return inside.reshape(width, height).T


def _line(x0: int, y0: int, x1: int, y1: int) -> npt.NDArray[np.int64]:
    """The points of a line, one per step along its longer side, in its direction."""
    dx, dy = abs(x1 - x0), abs(y1 - y0)
    along = dx >= dy
    # Rounded from the lower end, so that a line is the same both ways.
    back = x0 > x1 if along else y0 > y1
    if back:
        x0, y0, x1, y1 = x1, y1, x0, y0
    steps = np.arange(max(dx, dy) + 1)
    slope = ((y1 - y0) / dx if dx else 0.0) if along else (x1 - x0) / dy
    if along:
        line = np.stack([x0 + steps, np.trunc(y0 + slope * steps + 0.5).astype(np.int64)], axis=1)
    else:
        line = np.stack([np.trunc(x0 + slope * steps + 0.5).astype(np.int64), y0 + steps], axis=1)
    return line[::-1] if back else line


def _points(polygon: Sequence[float], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    try:
        numbers = np.asarray(polygon, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise FormatError(f"a polygon must be numbers ({error})") from error
    if numbers.ndim != 1 or len(numbers) < 6 or len(numbers) % 2:
        raise FormatError(
            f"a polygon must be x1, y1, x2, y2 … of at least three points, got {numbers.shape}"
        )
    far = 2 * max(size)
    if not (np.isfinite(numbers).all() and np.abs(numbers).max() <= far):
        raise FormatError(f"a polygon's numbers must be finite and at most {far}")
    return numbers.reshape(-1, 2)


def checked_size(height: int, width: int) -> tuple[int, int]:
    """The size of a mask, with at least a pixel and not more than a picture may have."""
    if not (height > 0 and width > 0 and height * width <= MOST_PIXELS):
        raise FormatError(f"a mask must have 1 to {MOST_PIXELS:,} pixels, got {height} x {width}")
    return height, width


def _text(number: int) -> str:
    """Five bits a character, the lowest first; the last one's upper bit is the sign."""
    letters = []
    while True:
        bits = number & ((1 << _BITS) - 1)
        number >>= _BITS
        ends = number == (-1 if bits & _NEGATIVE else 0)
        letters.append(chr(_FIRST + (bits if ends else bits | _GOES_ON)))
        if ends:
            return "".join(letters)


def _read_text(text: str | bytes) -> list[int]:
    letters = text if isinstance(text, bytes) else text.encode("latin-1", "replace")
    runs: list[int] = []
    number = shift = 0
    for letter in letters:
        bits = letter - _FIRST
        if not 0 <= bits < 2 * _GOES_ON or shift > 40:
            raise FormatError(f"lengths of runs are damaged at {chr(letter)!r}")
        number |= (bits & (_GOES_ON - 1)) << shift
        shift += _BITS
        if bits & _GOES_ON:
            continue
        if bits & _NEGATIVE:
            number -= 1 << shift
        runs.append(number + (runs[-2] if len(runs) > 2 else 0))
        number = shift = 0
    if shift:
        raise FormatError("lengths of runs are cut short")
    return runs
