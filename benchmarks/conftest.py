"""How benchmarks run: contenders must agree before they are timed, and the ratios come last.

pytest-benchmark times one contender after the other, between which a shared machine may have become
faster or slower by half. The ratios are therefore those of a second timing, turn by turn.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import _core
from convlet.bench.timing import medians

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_benchmark.fixture import BenchmarkFixture

    Contender = Callable[[], Any]

# Milliseconds by race and contender, for the table at the end.
TIMES: dict[str, dict[str, float]] = {}
TURNS = 3


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Short rounds and few columns, unless the command line says otherwise."""
    given = " ".join(config.invocation_params.args)
    for option, value in (
        ("max_time", "0.3"),
        ("min_rounds", 5),
        ("columns", ["min", "median", "stddev", "rounds"]),
        ("sort", "name"),
    ):
        if f"--benchmark-{option.replace('_', '-')}" not in given:
            setattr(config.option, f"benchmark_{option}", value)


def as_arrays(result: Any) -> list[np.ndarray]:
    parts = result if isinstance(result, (tuple, list)) else [result]
    return [np.array(part, np.float64) for part in parts]


def check(name: str, ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    """The same numbers to rounding: a race between different answers says nothing."""
    for a, b in zip(ours, theirs, strict=True):
        scale = np.sqrt(np.mean(np.square(b))) + 1e-30
        assert a.shape == b.shape, name
        assert np.abs(a - b).max() < 1e-4 * scale, f"{name} disagrees"


@pytest.fixture
def race(benchmark: BenchmarkFixture) -> Callable[..., None]:
    """`race(group, contender, convlet=f, numpy=g)` times one of them, after comparing all."""

    def run(group: str, contender: str, same: bool = True, **contenders: Contender) -> None:
        if same and contender == "convlet":
            # Each is called once: an optimiser's second step is another one.
            ours = as_arrays(contenders["convlet"]())
            for name, call in contenders.items():
                if name != "convlet":
                    check(f"{group}: {name}", ours, as_arrays(call()))
        benchmark.group = group
        benchmark.name = contender
        for _ in range(2):  # memory is fetched and threads are awake
            contenders[contender]()
        benchmark(contenders[contender])
        if contender == "convlet" and benchmark.enabled:
            pair = {name: contenders[name] for name in ("convlet", "numpy") if name in contenders}
            TIMES[group] = medians(pair, TURNS)

    return run


def pytest_report_header() -> str:
    return (
        f"convlet: {_core.get_isa()}, {_core.get_num_threads()} threads, "
        f"{_core.build_info()['compiler']}; numpy {np.__version__}"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ratios = {
        group: times["numpy"] / times["convlet"]
        for group, times in TIMES.items()
        if {"numpy", "convlet"} <= times.keys()
    }
    if not ratios:
        return
    terminalreporter.section("NumPy's time / convlet's, turn by turn")
    for group, ratio in ratios.items():
        behind = "  <- behind" if ratio < 1 else ""
        terminalreporter.write_line(f"{group:44} {ratio:8.1f}x{behind}")
    mean = math.exp(sum(map(math.log, ratios.values())) / len(ratios))
    ahead = sum(ratio >= 1 for ratio in ratios.values())
    terminalreporter.write_line(f"ahead in {ahead} of {len(ratios)} races, {mean:.1f}x in the mean")
