"""Threads, instruction sets and memory: what a user may ask and set."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal, overload

from convlet import _core
from convlet._version_text import version
from convlet.ops._arguments import integer

if TYPE_CHECKING:
    from types import TracebackType

__all__ = [
    "empty_cache",
    "get_num_threads",
    "memory_stats",
    "set_num_threads",
    "show_config",
    "use_exact_conv",
    "use_isa",
]

MOST_THREADS = 1024


def get_num_threads() -> int:
    """How many threads compute.

    Example:
        >>> get_num_threads() >= 1
        True
    """
    return _core.get_num_threads()


def set_num_threads(n: int) -> None:
    """Compute with `n` threads; results are the same bits for any number.

    Args:
        n: 1 to 1024.

    Raises:
        TypeError: `n` is not an int.
        ValueError: `n` is out of range.

    Example:
        >>> import convlet as cl
        >>> before = cl.get_num_threads()
        >>> cl.set_num_threads(1)
        >>> cl.get_num_threads()
        1
        >>> cl.set_num_threads(before)
    """
    threads = integer(n, "set_num_threads", "n")
    if not 1 <= threads <= MOST_THREADS:
        raise ValueError(f"set_num_threads: n must be 1 to {MOST_THREADS}, got {threads}")
    _core.set_num_threads(threads)


class use_isa:
    """Compute with another instruction set, from now on or for the length of a block.

    Args:
        name: "v2", "v3" or "v4" (x86-64 levels), or "neon"; one that this processor has.

    Raises:
        TypeError: `name` is not text.
        ValueError: it is unknown here; the message says which there are.

    Example:
        >>> import convlet as cl
        >>> before = cl.show_config(mode="dicts")["isa"]
        >>> with cl.use_isa(before):
        ...     cl.show_config(mode="dicts")["isa"] == before
        True
    """

    def __init__(self, name: str) -> None:
        """Change it now."""
        if not isinstance(name, str):
            raise TypeError(f"use_isa: name must be text, got {type(name).__name__}")
        before = _core.get_isa()
        _core.use_isa(name)
        self._before = before

    def __enter__(self) -> None:
        """It is changed already."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Go back to the one before."""
        _core.use_isa(self._before)


class use_exact_conv:
    """Compute 3x3 convolutions directly, from now on or for the length of a block.

    By default those that are large enough use Winograd's F(4x4, 3x3), whose sums differ from
    direct ones by a few rounding errors (docs/architecture.md).

    Args:
        exact: whether to forgo Winograd's algorithm.

    Raises:
        TypeError: `exact` is not a bool.

    Example:
        >>> import convlet as cl
        >>> with cl.use_exact_conv(True):
        ...     cl.show_config(mode="dicts")["exact_conv"]
        True
    """

    def __init__(self, exact: bool) -> None:
        """Change it now."""
        if not isinstance(exact, bool):
            raise TypeError(f"use_exact_conv: exact must be a bool, got {type(exact).__name__}")
        self._before = _core.exact_conv()
        _core.use_exact_conv(exact)

    def __enter__(self) -> None:
        """It is changed already."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Go back to what was before."""
        _core.use_exact_conv(self._before)


def memory_stats() -> dict[str, int]:
    """Bytes of the recycling pool: allocated_bytes, cached_bytes, peak_bytes and counts.

    Example:
        >>> import convlet as cl
        >>> sorted(cl.memory_stats())[:2]
        ['allocated_bytes', 'cached_bytes']
    """
    return _core.memory_stats()


def empty_cache() -> None:
    """Give the pool's unused memory back to the system.

    Example:
        >>> empty_cache()
        >>> memory_stats()["cached_bytes"]
        0
    """
    _core.empty_cache()


@overload
def show_config(mode: Literal["stdout"] = "stdout") -> None: ...
@overload
def show_config(mode: Literal["dicts"]) -> dict[str, Any]: ...


def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Tell the version, instruction sets, threads and how convlet was compiled.

    Args:
        mode: "stdout" writes it, "dicts" returns it, as numpy.show_config.

    Raises:
        ValueError: the mode is unknown.

    Example:
        >>> show_config("dicts")["threads"] == get_num_threads()
        True
    """
    if mode not in ("stdout", "dicts"):
        raise ValueError(f'show_config: mode must be "stdout" or "dicts", got {mode!r}')
    facts: dict[str, Any] = {
        "version": version(),
        "isa": _core.get_isa(),
        "compiled_isas": _core.compiled_isas(),
        "supported_isas": _core.supported_isas(),
        "threads": _core.get_num_threads(),
        "l2_cache_kib": _core.l2_floats() * 4 // 1024,
        "exact_conv": _core.exact_conv(),
        "build": _core.build_info(),
    }
    if mode == "dicts":
        return facts
    for name, value in facts.items():
        if isinstance(value, dict):
            sys.stdout.writelines(f"{name}.{key}: {text}\n" for key, text in value.items())
        else:
            text = ", ".join(value) if isinstance(value, list) else value
            sys.stdout.write(f"{name}: {text}\n")
    return None
