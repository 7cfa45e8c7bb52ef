"""Whether operations are recorded, thread by thread."""

from __future__ import annotations

import threading
from contextlib import ContextDecorator

__all__ = ["is_grad_enabled", "mode", "no_grad"]


class _Mode(threading.local):
    recording = True


mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether this thread records operations."""
    return mode.recording


class no_grad(ContextDecorator):
    """Record nothing in this thread, as a context or as a decorator.

    Example:
        >>> import convlet as cl
        >>> x = cl.Tensor([1.0], requires_grad=True)
        >>> with cl.no_grad():
        ...     (2 * x).requires_grad
        False
    """

    def __enter__(self) -> None:
        """Stop recording."""
        self._before = mode.recording
        mode.recording = False

    def __exit__(self, *exc: object) -> None:
        """Go back to what was before."""
        mode.recording = self._before

    def _recreate_cm(self) -> no_grad:
        return type(self)()
