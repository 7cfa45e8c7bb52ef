"""Whether operations are recorded, thread by thread."""

from __future__ import annotations

import threading
from contextlib import ContextDecorator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from convlet.autograd import Variable

__all__ = ["enable_grad", "is_grad_enabled", "mode", "no_grad", "set_grad_enabled"]

F = TypeVar("F", bound="Callable[..., Any]")


class _Mode(threading.local):
    recording = True
    # Told of each operation that is recorded: its result, its operands, the frame that computed it.
    watch: Callable[[Variable, tuple[Variable, ...], FrameType], None] | None = None


mode = _Mode()


def is_grad_enabled() -> bool:
    """Whether this thread records operations.

    Example:
        >>> is_grad_enabled()
        True
    """
    return mode.recording


class _Recording(ContextDecorator):
    """A context that records or does not, and then goes back to what was before."""

    recording: bool

    def __enter__(self) -> None:
        """Remember the mode, and change it."""
        self._before = mode.recording
        mode.recording = self.recording

    def __exit__(self, *exc: object) -> None:
        """Go back to what was before."""
        mode.recording = self._before


class no_grad(_Recording):
    """Record nothing in this thread, as a context or as a decorator.

    Example:
        >>> import convlet as cl
        >>> x = cl.Tensor([1.0], requires_grad=True)
        >>> with cl.no_grad():
        ...     (2 * x).requires_grad
        False
    """

    recording = False

    def _recreate_cm(self) -> no_grad:
        return no_grad()


class enable_grad(_Recording):
    """Record in this thread, also within `no_grad`, as a context or as a decorator.

    Example:
        >>> import convlet as cl
        >>> x = cl.Tensor([1.0], requires_grad=True)
        >>> with cl.no_grad(), cl.enable_grad():
        ...     (2 * x).requires_grad
        True
    """

    recording = True

    def _recreate_cm(self) -> enable_grad:
        return enable_grad()


class set_grad_enabled(_Recording):
    """Record or not, from the call on; as a context, until its end.

    Args:
        mode: whether this thread records.

    Raises:
        TypeError: `mode` is not a bool.

    Example:
        >>> import convlet as cl
        >>> x = cl.Tensor([1.0], requires_grad=True)
        >>> for phase in ("train", "test"):
        ...     with cl.set_grad_enabled(phase == "train"):
        ...         (2 * x).requires_grad
        True
        False
    """

    def __init__(self, mode: bool) -> None:
        """Change the mode at once."""
        if not isinstance(mode, bool):
            raise TypeError(f"set_grad_enabled: mode must be a bool, got {type(mode).__name__}")
        self.recording = mode
        self._outside = _set(mode)

    def __enter__(self) -> None:
        """The mode is changed already."""
        self._before = self._outside
        _set(self.recording)

    def __call__(self, function: F) -> F:
        """Change the mode while `function` runs, and not before."""
        _set(self._outside)
        return super().__call__(function)

    def _recreate_cm(self) -> set_grad_enabled:
        return set_grad_enabled(self.recording)


def _set(recording: bool) -> bool:
    before, mode.recording = mode.recording, recording
    return before
