"""What a user sees when something cannot be done."""

from __future__ import annotations

WRONG_USE = 2
FAILED = 1
INTERRUPTED = 130


class CommandError(Exception):
    """One sentence for the user, and the exit code of the process."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        """Bring the message to one line."""
        super().__init__(" ".join(message.split()))
        self.code = code
