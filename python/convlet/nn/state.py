"""Comparing a state with a module's own, and copying it in once it fits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet._changes import changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[Any]]


COUNT = "num_batches_tracked"


def check_differences(
    module: str, own: Arrays, given: Arrays, strict: bool
) -> tuple[list[str], list[str]]:
    """The missing and the unexpected names; an error that lists every difference that matters."""
    missing = [name for name in own if name not in given]
    if not any(name.endswith(COUNT) for name in given):  # files older than the count of batches
        missing = [name for name in missing if not name.endswith(COUNT)]
    unexpected = [name for name in given if name not in own]
    both = [name for name in own if name in given]
    lines = []
    if strict:
        lines += [f"missing: {name} {own[name].shape}" for name in missing]
        lines += [f"unexpected: {name} {given[name].shape}" for name in unexpected]
    lines += [
        f"shape: {name} is {own[name].shape}, the state has {given[name].shape}"
        for name in both
        if own[name].shape != given[name].shape
    ]
    if lines:
        report = "\n  ".join(lines)
        raise ValueError(f"load_state_dict: {module} and the state differ:\n  {report}")
    for name in both:
        if given[name].dtype.kind not in "fiub":
            raise TypeError(
                f"load_state_dict: {name} must be real numbers, got {given[name].dtype}"
            )
    return missing, unexpected


def write_values(own: Arrays, given: Arrays) -> None:
    """Copy every value that has a place."""
    for name, array in own.items():
        if name in given:
            array[...] = given[name]
    changes.note(own.values())
