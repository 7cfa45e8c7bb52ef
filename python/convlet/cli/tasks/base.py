"""What a task is: all in which finding a class, boxes or masks differ for the commands."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from convlet.cli.errors import WRONG_USE, CommandError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from convlet.cli.datasets import Parts
    from convlet.cli.run_folder import RunConfig
    from convlet.cli.training import Outcome
    from convlet.models import Preprocessing
    from convlet.nn import Module
    from convlet.tensor import Tensor
    from convlet.train import Metric


class Results(Protocol):
    """How good predictions are."""

    def facts(self, classes: list[str]) -> dict[str, Any]:
        """The numbers by name, for JSON."""

    def rows(self, classes: list[str]) -> list[tuple[str, str]]:
        """The numbers as rows of a table."""


@dataclass(frozen=True)
class Prediction:
    """What a network says of one file.

    Attributes:
        facts: for JSON, beside the file's name.
        sentence: the same in words.
        files: what writes each file of `--out`, by the ending of its name, given its path.
    """

    facts: dict[str, Any]
    sentence: str
    files: Mapping[str, Callable[[Path], None]] = field(default_factory=dict)


class Task(ABC):
    """A row of the table `convlet.cli.tasks.TASKS`.

    Attributes:
        name: what `--task` says.
        wanted: what a network must give of an image, in a message.
        defaults: options of `convlet train` where the user gives none, `model` among them.
        network: arguments of networks that the command line sets, by network.
        augments: what `--augment` may be, with the arguments of `dataset` that do it.
        metrics: what the progress bar shows beside the loss.
        warm_up: epochs in which the learning rate rises, before schedules that take this.
        batch: images at once where nothing is trained.
        sized: whether `--image-size` is for it.
        backbones: networks whose published weights `--pretrained` may put under those of `--model`.
        ema: of the averages of the weights that are kept, or None for the last weights.
        clip: the greatest norm of a step's gradients, or None.
    """

    name: ClassVar[str]
    wanted: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]]
    network: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    augments: ClassVar[Mapping[str, Mapping[str, Any]]]
    metrics: ClassVar[tuple[str | Metric, ...]] = ()
    warm_up: ClassVar[int] = 0
    batch: ClassVar[int] = 256
    sized: ClassVar[bool] = False
    backbones: ClassVar[Sequence[str]] = ()
    ema: ClassVar[float | None] = None
    clip: ClassVar[float | None] = None

    def usual(self, given: Namespace) -> Mapping[str, Any]:
        """The `defaults`, for the options that the user gave."""
        return self.defaults

    @abstractmethod
    def load(
        self, source: str | None, prepared: Preprocessing | None = None, side: int = 0
    ) -> Parts:
        """The data of that name or path, cut in three, or what the task takes for None."""

    @abstractmethod
    def load_test(self, source: str, config: RunConfig) -> Any:
        """The test part of data for the network of a run: has `images`, and `labels` to judge by."""

    @abstractmethod
    def dataset(self, part: Any, mean: list[float], std: list[float], **changes: Any) -> Any:
        """A part, normalised, and changed at random as one of `augments` says."""

    @abstractmethod
    def loss(self, parts: Parts, model: Module) -> Callable[[Any, Any], Tensor]:
        """Outputs and targets of a batch in, one number out."""

    @abstractmethod
    def fits(self, outputs: Any, classes: int, shape: tuple[int, ...]) -> bool:
        """Whether a network gives what the task needs, of one image of a shape (C, H, W)."""

    def mirrored(self, model: Module) -> Module:
        """The network, asked about mirror images as well: `--flip` of evaluate and predict."""
        raise CommandError(f"--flip: it is for --task segment, not {self.name}", WRONG_USE)

    @abstractmethod
    def judge(self, model: Module, test: Any, classes: list[str]) -> Results:
        """How good a network is on a dataset."""

    @abstractmethod
    def figures(
        self, model: Module, outcome: Outcome, test: Any, results: Any, classes: list[str]
    ) -> dict[str, Callable[[], Figure]]:
        """The pictures of a run folder by their file names."""

    @abstractmethod
    def predict(self, model: Module, config: RunConfig, path: Path) -> Prediction:
        """What a network says of a file; every fault is a CommandError that names it."""
