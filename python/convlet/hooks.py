"""What is called beside a computation, and how it is taken away again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

__all__ = ["HookHandle"]


class HookHandle:
    """What registering a hook returns; `remove()` takes the hook away."""

    def __init__(self, hooks: dict[int, Callable[..., Any]], hook: Callable[..., Any]) -> None:
        """Put the hook after those that are there."""
        self._hooks = hooks
        self._key = max(hooks, default=-1) + 1
        hooks[self._key] = hook

    def remove(self) -> None:
        """Take the hook away; again is harmless."""
        self._hooks.pop(self._key, None)

    def __enter__(self) -> Self:
        """Keep the hook for the length of a block."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Take the hook away."""
        self.remove()
