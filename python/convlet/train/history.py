"""What happened in each epoch."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from convlet.errors import FormatError
from convlet.io.atomic import atomic_write

if TYPE_CHECKING:
    import os

Epoch: TypeAlias = dict[str, float]

__all__ = ["History"]


class History(list[Epoch]):
    """A list with one dictionary per epoch.

    Keys: epoch (from 1), loss, accuracy and other metrics, val_loss, val_accuracy …, seconds,
    images_per_second, lr.

    Example:
        >>> history = History([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}])
        >>> history.column("loss")
        [0.5, 0.25]
    """

    def column(self, name: str) -> list[float]:
        """One value of every epoch; NaN where an epoch lacks it.

        Raises:
            KeyError: no epoch has it.
        """
        if not any(name in epoch for epoch in self):
            raise KeyError(f"History: no epoch has {name!r}, there is {', '.join(self.names())}")
        return [epoch.get(name, float("nan")) for epoch in self]

    def names(self) -> list[str]:
        """The keys, in the order in which they first occur."""
        return list(dict.fromkeys(name for epoch in self for name in epoch))

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write a row per epoch; `from_csv` reads the same numbers back."""
        text = io.StringIO()
        writer = csv.DictWriter(text, self.names(), restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _text(value) for name, value in epoch.items()} for epoch in self)
        with atomic_write(path) as file:
            file.write(text.getvalue().encode())

    @classmethod
    def from_csv(cls, path: str | os.PathLike[str]) -> History:
        """Read what `to_csv` wrote.

        Raises:
            FormatError: a row has too many or too few values, or one is not a number.
        """
        history = cls()
        try:
            with Path(path).open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file, strict=True):
                    history.append(_numbers(row))
        except (csv.Error, ValueError) as error:
            raise FormatError(f"History: {path} cannot be read: {error}") from error
        return history

    def plot(self) -> Any:
        """Draw the curves of loss and metrics; returns matplotlib's figure."""
        from convlet import viz

        return viz.curves(self)


def _text(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))


def _numbers(row: dict[Any, Any]) -> Epoch:
    if None in row or None in row.values():
        raise ValueError("a row does not have as many values as the header")
    epoch: Epoch = {}
    for name, text in row.items():
        if text != "":
            epoch[name] = int(text) if text.lstrip("-").isdecimal() else float(text)
    return epoch
