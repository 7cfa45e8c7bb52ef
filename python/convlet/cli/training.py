"""One training: network, optimiser, schedule, early stopping."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from convlet import optim
from convlet.cli import resuming
from convlet.data import DataLoader, transforms
from convlet.optim import lr_scheduler
from convlet.train import EMA, EarlyStopping, History, ProgressBar, Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from convlet.cli.datasets import Parts
    from convlet.cli.tasks import Task
    from convlet.nn import Module
    from convlet.optim import Optimizer
    from convlet.train import Callback

PATIENCE = 5  # epochs without a lower validation loss, at one learning rate
_STAGES = 4  # learning rates
_LOWER_BY = 0.25


@dataclass(frozen=True)
class Rule:
    """An optimiser, the learning rate it starts with unless told, and its other arguments."""

    make: Callable[..., Optimizer]
    lr: float
    arguments: dict[str, Any] = field(default_factory=dict)
    by_layer: bool = False  # scales the step of each weight, but not of biases and normalisation

    def optimizer(self, model: Module, lr: float) -> Optimizer:
        """The optimiser of a model's parameters."""
        parameters = list(model.parameters())
        if not self.by_layer:
            return self.make(parameters, lr=lr, **self.arguments)
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.ndim > 1]},
            {
                "params": [p for p in parameters if p.ndim <= 1],
                "adapt": False,
                "weight_decay": 0.0,
            },
        ]
        groups = [group for group in groups if group["params"]]
        return self.make(groups, lr=lr, **self.arguments)


OPTIMIZERS = {
    "adam": Rule(optim.Adam, 0.002),
    "adamw": Rule(optim.AdamW, 0.002, {"weight_decay": 0.01}),
    "sgd": Rule(optim.SGD, 0.05, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": Rule(optim.RMSprop, 0.001),
    "lars": Rule(optim.LARS, 0.3, {"weight_decay": 1e-4}, by_layer=True),
    "lamb": Rule(optim.LAMB, 0.01, by_layer=True),
}
# Schedules that follow a plan, made for an optimiser, a learning rate and a number of steps; the
# others follow the validation loss, or nothing.
PLANS: dict[str, Callable[[Any, float, int], Any]] = {
    "cosine": lambda optimizer, lr, steps: lr_scheduler.CosineAnnealingLR(optimizer, steps),
    "onecycle": lr_scheduler.OneCycleLR,
}
# Schedules that a warm-up can precede: one cycle has its own, and stages lower the rate themselves.
WARMED: dict[str, Callable[[Any, int], lr_scheduler.LRScheduler]] = {
    "cosine": lr_scheduler.CosineAnnealingLR,
    "constant": lambda optimizer, steps: lr_scheduler.ConstantLR(optimizer, 1.0, steps),
}
SCHEDULES = ("staged", *PLANS, "constant")
MIXES: dict[str, Callable[[int], transforms.Mixing] | None] = {
    "none": None,
    "mixup": lambda classes: transforms.MixUp(num_classes=classes, alpha=0.2),
    "cutmix": lambda classes: transforms.CutMix(num_classes=classes, alpha=1.0),
}


@dataclass(frozen=True)
class Outcome:
    """What a training left behind, beside the weights in the model."""

    history: History
    best_epoch: int
    stopped_early: bool
    interrupted: bool
    seconds: float
    images_per_second: float


class StagedStopping(EarlyStopping):
    """Early stopping at falling learning rates, which then keeps the best weights of the lowest.

    Each time the validation loss has not decreased for `PATIENCE` epochs, training goes on at a
    lower rate; at the lowest, it ends. The comparison starts anew at each rate: a lucky epoch at a
    high rate has less loss on the few validation images than on others, and is not the one to keep.
    """

    def __init__(self) -> None:
        """Start at the first rate."""
        super().__init__("val_loss", patience=PATIENCE)
        self.stages_left = _STAGES - 1

    def on_epoch_end(self, trainer: Trainer, logs: Mapping[str, float]) -> None:
        """Count epochs without progress; lower the rate, or stop."""
        super().on_epoch_end(trainer, logs)
        if not self.stopped_early or self.stages_left == 0:
            return
        self.stopped_early = trainer.stop = False
        self.stages_left -= 1
        self.monitor.reset()
        self.waited = 0
        for group in trainer.optimizer.param_groups:
            group["lr"] *= _LOWER_BY

    def state_dict(self) -> dict[str, Any]:
        """What early stopping keeps, and the rates that are left."""
        return {**super().state_dict(), "stages_left": self.stages_left}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on counting, and stepping down."""
        super().load_state_dict(state)
        self.stages_left = int(state["stages_left"])


def fit(
    task: Task,
    model: Module,
    parts: Parts,
    *,
    epochs: int,
    batch_size: int,
    lr: float,
    seed: int,
    optimizer: str = "adam",
    schedule: str = "staged",
    augment: str = "shift",
    mix: str = "none",
    warm_up: int = 0,
    folder: Path | None = None,
    resume: bool = False,
) -> Outcome:
    """Train until the validation loss has stopped decreasing; the best weights stay in the model.

    A schedule that follows a plan is followed to its end. A run folder gets a checkpoint after each
    epoch, from which it goes on with `resume`.

    Raises:
        NonFiniteLossError: the loss became NaN or infinite.
    """
    train = task.dataset(parts.train, parts.mean, parts.std, **task.augments[augment])
    validation = task.dataset(parts.validation, parts.mean, parts.std)
    mixing = MIXES[mix]
    loader = DataLoader(
        train,
        batch_size=batch_size,
        shuffle=True,
        seed=seed,
        mix=None if mixing is None else mixing(len(parts.classes)),
    )
    rule = OPTIMIZERS[optimizer].optimizer(model, lr)
    trainer = Trainer(
        model,
        task.loss(parts, model),
        rule,
        task.metrics,
        scheduler=_scheduler(schedule, rule, lr, len(loader), epochs, warm_up),
        scheduler_per="step",
        clip_grad_norm=task.clip,
        ema=None if task.ema is None else EMA(task.ema, warmup=True),
    )
    stopping = _stopping(schedule, epochs)
    callbacks: list[Callback] = [stopping, ProgressBar()]
    if folder is not None:
        callbacks.append(resuming.keep(folder))
        if resume:
            resuming.go_on(trainer, folder)
    judged = DataLoader(validation, batch_size=task.batch)
    history = trainer.fit(loader, judged, epochs - trainer.epoch, callbacks)
    seconds = sum(row["seconds"] for row in history)
    return Outcome(
        history=history,
        best_epoch=stopping.best_epoch,
        stopped_early=stopping.stopped_early,
        interrupted=trainer.interrupted,
        seconds=seconds,
        images_per_second=len(train) * len(history) / max(seconds, 1e-9),
    )


def _scheduler(
    schedule: str, optimizer: Optimizer, lr: float, per_epoch: int, epochs: int, warm_up: int
) -> lr_scheduler.LRScheduler | None:
    """What sets the rate after each step, if anything does."""
    if warm_up:
        steps = max(epochs - warm_up, 1) * per_epoch
        return lr_scheduler.with_warmup(WARMED[schedule](optimizer, steps), warm_up * per_epoch)
    if schedule in PLANS:
        plan: lr_scheduler.LRScheduler = PLANS[schedule](optimizer, lr, epochs * per_epoch)
        return plan
    return None


def _stopping(schedule: str, epochs: int) -> EarlyStopping:
    if schedule == "staged":
        return StagedStopping()
    # At a constant rate patience is as long as in all stages; a plan is followed to its end.
    return EarlyStopping("val_loss", patience=epochs if schedule in PLANS else _STAGES * PATIENCE)
