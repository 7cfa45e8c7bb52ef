"""The tasks of the command line: each is one row of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from convlet.cli.errors import CommandError
from convlet.cli.tasks.base import Prediction, Results, Task
from convlet.cli.tasks.classify import Classify
from convlet.cli.tasks.detect import Detect
from convlet.cli.tasks.segment import Segment

if TYPE_CHECKING:
    from convlet.cli.run_folder import RunConfig

TASKS: dict[str, Task] = {task.name: task for task in (Classify(), Segment(), Detect())}


def task_of(config: RunConfig) -> Task:
    """The task of a run."""
    if config.task not in TASKS:
        known = ", ".join(TASKS)
        raise CommandError(f"the run's task must be one of {known}, got {config.task[:60]!r}")
    return TASKS[config.task]


__all__ = ["TASKS", "Prediction", "Results", "Task", "task_of"]
