"""Arrays that were written in place, and when: no gradient is made of values that are gone.

Nodes of the tape and changes of arrays are numbered by one counter. A node that is older than a
change of an array it saved cannot give a right gradient any more, and says so.
"""

from __future__ import annotations

import contextlib
import itertools
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

numbers = itertools.count()


class _Changes:
    """When which memory was written last; known by the array that all its views lead to."""

    latest = -1  # the number of the last change: nodes made since have nothing to look up
    most = 1024  # entries, until those of arrays that are gone are dropped

    def __init__(self) -> None:
        self.at: dict[int, tuple[int, weakref.ref[npt.NDArray[Any]]]] = {}

    def note(self, arrays: Iterable[npt.NDArray[Any]]) -> None:
        """These arrays have just been written."""
        self.latest = number = next(numbers)
        for array in arrays:
            root = _root(array)
            self.at[id(root)] = number, weakref.ref(root)
        if len(self.at) > self.most:
            self.at = {key: entry for key, entry in self.at.items() if entry[1]() is not None}
            self.most = 2 * len(self.at) + 1024

    def number(self, array: npt.NDArray[Any]) -> int:
        """The number of the last change of an array, -1 if there was none."""
        root = _root(array)
        number, owner = self.at.get(id(root), (-1, None))
        return number if owner is not None and owner() is root else -1


changes = _Changes()


def check_unchanged(vjp: Callable[..., Any], since: int) -> None:
    """Refuse a vjp that saved an array which was written after the number `since`."""
    for array in _saved(vjp):
        if changes.number(array) > since:
            path = getattr(vjp, "__qualname__", type(vjp).__name__)
            name = path.split(".<locals>")[0].rpartition(".")[2].strip("_")
            raise RuntimeError(
                f"backward: an array of shape {array.shape} that {name} saved for its gradient has "
                "been modified in place since; compute the result again after the change (an "
                "optimiser's step, load_state_dict, x[...] = y, x += y), or change a clone()"
            )


def _saved(value: Any, depth: int = 3) -> Iterator[npt.NDArray[Any]]:
    """The arrays in the closure of a function, also in tuples, lists and functions there."""
    if isinstance(value, np.ndarray):
        yield value
    elif depth and isinstance(value, (tuple, list)):
        for part in value:
            yield from _saved(part, depth - 1)
    elif depth:
        for cell in getattr(value, "__closure__", None) or ():
            with contextlib.suppress(ValueError):  # of a name that has no value yet
                yield from _saved(cell.cell_contents, depth - 1)


def _root(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array
