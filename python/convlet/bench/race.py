"""Cases computed by all sides, compared, and timed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.bench.networks import STEP
from convlet.bench.timing import medians

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from convlet.bench.layers import Case
    from convlet.bench.sides import Side

__all__ = ["Disagreement", "Row", "mean_ratio", "race", "selected"]

OURS = "convlet"
# Distance relative to the numbers' own length: rounding; a sign that it flips before ReLU; batch
# statistics after a step.
CLOSE = {"convolution": 1e-4, "network": 2e-3}


class Disagreement(ValueError):
    """Two sides computed different numbers: a race between them says nothing."""


@dataclass(frozen=True)
class Row:
    """One pass of one case: milliseconds by side, and operations by the direct algorithm."""

    group: str
    name: str
    kind: str
    times: dict[str, float]
    flops: float | None
    peak: float

    @property
    def others(self) -> dict[str, float]:
        """The times of all sides but ours."""
        return {side: time for side, time in self.times.items() if side != OURS}

    @property
    def best(self) -> str | None:
        """The fastest of the others."""
        return min(self.others, key=self.others.__getitem__, default=None)

    @property
    def ratio(self) -> float:
        """How many times as fast as the fastest other one we are; not a number without others."""
        return self.others[self.best] / self.times[OURS] if self.best else math.nan

    @property
    def percent_of_peak(self) -> float | None:
        """Share of `peak_flops`; fast algorithms do without some operations and may exceed it."""
        return 1e5 * self.flops / self.times[OURS] / self.peak if self.flops else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "group": self.group,
            "name": self.name,
            "pass": self.kind,
            "milliseconds": self.times,
            "fastest_other": self.best,
            "ratio": self.ratio,
            "percent_of_peak": self.percent_of_peak,
        }


def selected(cases: Iterable[Case], patterns: Sequence[str]) -> list[Case]:
    """Cases that have one of the patterns in operator, group or name; all without any.

    Upper and lower case are the same.
    """
    wanted = [pattern.lower() for pattern in patterns]

    def fits(case: Case) -> bool:
        names = f"{case.operator} {case.group} {case.name}".lower()
        return not wanted or any(pattern in names for pattern in wanted)

    return [case for case in cases if fits(case)]


def race(
    cases: Iterable[Case],
    sides: Sequence[Side],
    peak: float,
    repeats: int = 9,
    watch: Callable[[str], object] = lambda name: None,
) -> Iterator[Row]:
    """The rows of each case: what all sides compute is compared first, then timed in turn.

    Args:
        cases: what to compute.
        sides: who computes it; the first is convlet.
        peak: operations per second that count as 100 %.
        repeats: how many turns each side gets.
        watch: called with what comes next.

    Raises:
        Disagreement: a side's numbers are not ours.
    """
    for case in cases:
        watch(case.name)
        calls = {side.name: getattr(side, case.operator)(case) for side in sides}
        for kind in calls[OURS]:
            contenders = {side: passes[kind] for side, passes in calls.items() if kind in passes}
            watch(f"{case.name}, {kind}")
            _agree(case, kind, contenders)
            yield Row(
                case.group,
                case.name,
                kind,
                medians(contenders, repeats),
                case.flops(kind),
                peak,
            )


def _agree(case: Case, kind: str, contenders: dict[str, Callable[[], Any]]) -> None:
    """Two training steps, or one call of anything else, give the same numbers."""
    results = {}
    for side, call in contenders.items():
        answer = [call(), call()] if kind == STEP else call()
        parts = answer if isinstance(answer, (tuple, list)) else [answer]
        results[side] = [np.asarray(part, np.float32).copy() for part in parts]
    for side, arrays in results.items():
        for ours, theirs in zip(results[OURS], arrays, strict=True):
            if ours.shape != theirs.shape:
                raise Disagreement(
                    f"{case.name}, {kind}: {OURS} gives {ours.shape}, {side} {theirs.shape}"
                )
            error = np.linalg.norm(ours - theirs) / (np.linalg.norm(theirs) + 1e-30)
            if not error < CLOSE.get(case.group, 1e-3):
                raise Disagreement(
                    f"{case.name}, {kind}: {OURS} and {side} differ by {error:.1e} of their length"
                )


def mean_ratio(rows: Sequence[Row]) -> float:
    """The geometric mean of the ratios."""
    return math.exp(sum(math.log(row.ratio) for row in rows) / len(rows))
