"""Ctrl-C between the steps of a training, never inside of one."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

__all__ = ["Interrupts"]


class Interrupts:
    """While it is entered, Ctrl-C inside a `held` block raises KeyboardInterrupt at its end.

    Elsewhere Ctrl-C raises at once, as always. Nothing is changed outside of the main thread, or
    where a program handles the signal itself.
    """

    def __init__(self) -> None:
        """Nothing is held."""
        self._depth = 0
        self._pending = False
        self._before: Any = None

    def __enter__(self) -> Self:
        """Take over the signal."""
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, *exc: object) -> None:
        """Give the signal back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def _handle(self, number: int, frame: Any) -> None:
        if self._depth == 0:
            raise KeyboardInterrupt
        self._pending = True

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the block come to its end whatever is pressed."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            pressed = self._pending and self._depth == 0
            if pressed:
                self._pending = False
        if pressed:
            raise KeyboardInterrupt
