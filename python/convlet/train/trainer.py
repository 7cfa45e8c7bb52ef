"""The training loop."""

from __future__ import annotations

import math
from collections.abc import Sized
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.errors import NonFiniteLossError
from convlet.grad_mode import no_grad
from convlet.nn.module import evaluating
from convlet.nn.utils import clip_grad_norm_
from convlet.ops._arguments import integer
from convlet.optim._arguments import above_zero, count
from convlet.tensor import Tensor, as_tensor
from convlet.train.batches import begin_epoch, check_batches, image_batches, set_epoch
from convlet.train.callbacks import Callback, by_key, in_order
from convlet.train.checkpoint import load_checkpoint, save_checkpoint
from convlet.train.ema import EMA
from convlet.train.history import History
from convlet.train.interrupts import Interrupts
from convlet.train.lr_finder import find_lr
from convlet.train.metrics import make_metrics
from convlet.train.running import Running
from convlet.train.schedule import Schedule
from convlet.train.undo import Undo

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import numpy.typing as npt

    from convlet.nn import Module
    from convlet.ops._arguments import Array
    from convlet.optim import Optimizer
    from convlet.train.batches import Batches
    from convlet.train.lr_finder import LRFinder
    from convlet.train.metrics import Metric
    from convlet.train.schedule import Scheduler

__all__ = ["Trainer"]


class Trainer:
    """Trains a model on batches, judges it, and predicts with it.

    Args:
        model: images in, scores out.
        loss: scores and labels in, one mean out, such as nn.CrossEntropyLoss().
        optimizer: over the model's parameters.
        metrics: "accuracy", "top5", "f1" … or objects with name, reset, update and compute.
        scheduler: one of optim.lr_scheduler, stepped after every epoch or step.
        scheduler_per: "epoch" or "step"; by itself, "step" for OneCycleLR and else "epoch".
        scheduler_monitor: the key in the epoch's row for ReduceLROnPlateau; by itself, "val_loss"
            where there is validation, else "loss".
        accumulate: of how many batches the weights are changed by the mean gradient: the step is
            that of one large batch, for losses that are means over images and models without batch
            normalisation.
        clip_grad_norm: the greatest norm of all gradients together; longer ones are scaled down.
        ema: keeps averages of the weights, with which the model is judged and predicts.

    Attributes:
        history: a row per epoch, of all calls of fit.
        epoch: how many epochs are done; the loaders' order follows from it.
        step: how many times the weights have been changed.
        running: the epoch in progress; after Ctrl-C or `resume`, fit goes on in its middle.
        stop: set it to True to end the training after the batch.
        interrupted: whether Ctrl-C ended the last fit.

    Example:
        >>> import numpy as np
        >>> from convlet import nn, optim
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        >>> trainer = Trainer(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=0.1))
        >>> batches = [(np.eye(4, dtype=np.float32), np.array([0, 1, 0, 1]))]
        >>> history = trainer.fit(batches, epochs=50)
        >>> history[-1]["accuracy"]
        1.0
    """

    def __init__(
        self,
        model: Module,
        loss: Callable[[Any, Any], Tensor],
        optimizer: Optimizer,
        metrics: Iterable[str | Metric] = ("accuracy",),
        *,
        scheduler: Scheduler | None = None,
        scheduler_per: str | None = None,
        scheduler_monitor: str | None = None,
        accumulate: int = 1,
        clip_grad_norm: float | None = None,
        ema: EMA | None = None,
    ) -> None:
        """Nothing is trained yet."""
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.metrics = make_metrics(metrics)
        self.schedule = Schedule(scheduler, scheduler_per, scheduler_monitor)
        self.accumulate = count(accumulate, "Trainer", "accumulate")
        self.clip_grad_norm = clip_grad_norm
        if clip_grad_norm is not None:
            self.clip_grad_norm = above_zero(clip_grad_norm, "Trainer", "clip_grad_norm")
        if ema is not None and not isinstance(ema, EMA):
            raise TypeError(f"Trainer: ema must be a train.EMA, got {type(ema).__name__}")
        self.ema = ema
        self.history = History()
        self.epoch = 0
        self.step = 0
        self.running = Running(self.metrics)
        self.callbacks: list[Callback] = []
        self.stop = False
        self.interrupted = False
        self._interrupts = Interrupts()
        self._states: dict[str, dict[str, Any]] = {}  # of callbacks, until fit has them
        self._own: dict[str, npt.NDArray[Any]] | None = None  # weights, while averages are judged

    @property
    def scheduler(self) -> Scheduler | None:
        """The schedule of the learning rate."""
        return self.schedule.scheduler

    def fit(
        self,
        train: Batches,
        validation: Batches | None = None,
        epochs: int = 10,
        callbacks: Sequence[Callback] = (),
    ) -> History:
        """Train for some epochs more.

        Ctrl-C ends the training after cleaning up: `interrupted` is set, the model is as it was
        after the last step, `on_interrupt` and `on_fit_end` of the callbacks have run, and the
        next fit goes on in the middle of the epoch.

        Args:
            train: gives (images, labels) batches each time it is gone through; `set_epoch` is
                called first where it exists.
            validation: likewise, to be judged after each epoch.
            epochs: how many more; one that was interrupted is finished as the first. With 0, as for
                a run that is complete, callbacks only begin and end.
            callbacks: see `Callback`.

        Returns:
            The history of this trainer.

        Raises:
            NonFiniteLossError: the loss became NaN or infinite; the message names the step, and
                the model is as it was before it.
            ValueError: there are no batches, or `epochs` is negative.
            TypeError: `train` is not made of batches, or `callbacks` not of `Callback`.
        """
        number = integer(epochs, "fit", "epochs")
        if number < 0:
            raise ValueError(f"fit: epochs must be at least 0, got {number}")
        check_batches(train, "train")
        if validation is not None:
            check_batches(validation, "validation")
        self.stop = self.interrupted = False
        self.callbacks = in_order(callbacks)
        undo = Undo(self.model)
        with self._interrupts:
            try:
                self._start_callbacks(number)
                for _ in range(number):
                    if self.stop:
                        break
                    self._run_epoch(train, validation, undo)
            except BaseException as error:
                self._put_back()
                undo.restore()
                if not isinstance(error, KeyboardInterrupt):
                    raise
                self.stop = self.interrupted = True
                with self._interrupts.held():
                    for callback in self.callbacks:
                        callback.on_interrupt(self)
            finally:
                self.optimizer.zero_grad()
                for callback in self.callbacks:
                    callback.on_fit_end(self)
                self.callbacks = []
        return self.history

    def train_step(self, images: Any, labels: Any) -> tuple[float, Array]:
        """Change the weights once; gives the loss and the outputs of the batch.

        Raises:
            NonFiniteLossError: the loss is NaN or infinite; the weights are not changed.
        """
        self.optimizer.zero_grad()
        value, outputs = self._backward(images, labels)
        self._change_weights(len(outputs))
        return value, outputs

    def evaluate(self, loader: Batches) -> dict[str, float]:
        """Loss and metrics over all batches, in evaluation mode and without gradients.

        Raises:
            ValueError: there are no batches.
        """
        check_batches(loader, "loader")
        for metric in self.metrics:
            metric.reset()
        total, images = 0.0, 0
        with no_grad(), self.judged(), evaluating(self.model):
            for inputs, labels in loader:
                outputs = self.model(as_tensor(inputs))
                total += self.loss(outputs, labels).item() * len(outputs)
                images += len(outputs)
                for metric in self.metrics:
                    metric.update(outputs.data, np.asarray(labels))
        if images == 0:
            raise ValueError("evaluate: loader gave no batches")
        return {"loss": total / images, **{m.name: float(m.compute()) for m in self.metrics}}

    def predict(
        self, inputs: Iterable[Any] | Tensor | npt.NDArray[Any], batch_size: int = 256
    ) -> Array:
        """The model's outputs for images, in evaluation mode and without gradients.

        Args:
            inputs: an array or tensor (N, …), or batches: images, or (images, labels).
            batch_size: how many images of an array are computed at once.

        Raises:
            ValueError: there are no batches, or `batch_size` is below 1.
        """
        size = integer(batch_size, "predict", "batch_size")
        if size < 1:
            raise ValueError(f"predict: batch_size must be at least 1, got {size}")
        with no_grad(), self.judged(), evaluating(self.model):
            outputs = [self.model(as_tensor(images)).data for images in image_batches(inputs, size)]
        if not outputs:
            raise ValueError("predict: inputs gave no batches")
        return np.concatenate(outputs)

    @contextmanager
    def judged(self) -> Iterator[Module]:
        """The model with the weights that are judged: the averages where there are some."""
        if self.ema is None or self.ema.updates == 0 or self._own is not None:
            yield self.model
            return
        self._own = {name: array.copy() for name, array in self.model.state_dict().items()}
        try:
            self.ema.copy_to(self.model)
            yield self.model
        finally:
            self._put_back()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that `resume` needs; see `convlet.train.save_checkpoint`."""
        save_checkpoint(path, self)

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Continue where `save` was called; see `convlet.train.load_checkpoint`."""
        load_checkpoint(path, self)

    def find_lr(
        self, loader: Batches, start: float = 1e-6, end: float = 10.0, steps: int = 100
    ) -> LRFinder:
        """Try rising learning rates, and undo it; see `convlet.train.lr_finder.find_lr`.

        Returns:
            An object with `.suggestion` and `.plot()`.
        """
        return find_lr(self, loader, start, end, steps)

    def callback_states(self) -> dict[str, dict[str, Any]]:
        """The states of the callbacks by class, for a checkpoint."""
        if not self.callbacks:
            return self._states
        return {key: callback.state_dict() for key, callback in by_key(self.callbacks)}

    def set_callback_states(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep states for the callbacks of the next fit."""
        self._states = {key: dict(state) for key, state in states.items()}

    # --- one epoch -------------------------------------------------------------------------------

    def _run_epoch(self, train: Batches, validation: Batches | None, undo: Undo) -> None:
        running = self.running
        for callback in self.callbacks:
            callback.on_epoch_start(self, self.epoch + 1)
        self.model.train()
        running.start()
        try:
            self._train_batches(train, undo)
        finally:
            running.pause()
        if running.images == 0:
            raise ValueError("fit: train gave no batches")
        self.optimizer.zero_grad()
        row: dict[str, float] = {"epoch": self.epoch + 1, **running.logs()}
        if validation is not None:
            set_epoch(validation, self.epoch)
            row.update((f"val_{k}", v) for k, v in self.evaluate(validation).items())
        row["seconds"] = max(running.seconds, 1e-9)
        row["images_per_second"] = running.images / row["seconds"]
        row["lr"] = float(self.optimizer.param_groups[0]["lr"])
        with self._interrupts.held():
            running.reset()
            self.epoch += 1
            self.history.append(row)
            self.schedule.after_epoch(row)
            for callback in self.callbacks:
                callback.on_epoch_end(self, row)

    def _train_batches(self, train: Batches, undo: Undo) -> None:
        batches = len(train) if isinstance(train, Sized) else None
        # Only those who listen: an epoch of small batches is not to be spent on calls.
        watching = [c for c in self.callbacks if type(c).on_batch_end is not Callback.on_batch_end]
        waiting: list[tuple[float, Array, Any]] = []
        for images, labels in begin_epoch(train, self.epoch, self.running.batch):
            if not waiting:
                self.optimizer.zero_grad()
            waiting.append((*self._backward(images, labels), labels))
            if len(waiting) == self.accumulate:
                self._finish_step(waiting, undo, watching, batches)
                waiting = []
                if self.stop:
                    return
        if waiting:
            self._finish_step(waiting, undo, watching, batches)

    def _backward(self, images: Any, labels: Any) -> tuple[float, Array]:
        """Add a batch's gradients: its mean's, or its sum's where batches are accumulated."""
        outputs = self.model(as_tensor(images))
        loss = self.loss(outputs, labels)
        value = loss.item()
        if not math.isfinite(value):
            raise NonFiniteLossError(
                f"fit: the loss became {value} at step {self.step + 1} (epoch {self.epoch + 1}); "
                "a smaller learning rate or scaled inputs may help"
            )
        if self.accumulate == 1:
            loss.backward()
        else:
            loss.backward(np.full(loss.shape, len(outputs), np.float32))
        return value, outputs.data

    def _finish_step(
        self,
        waiting: list[tuple[float, Array, Any]],
        undo: Undo,
        watching: list[Callback],
        batches: int | None,
    ) -> None:
        running = self.running
        with self._interrupts.held():
            self._change_weights(sum(len(outputs) for _, outputs, _ in waiting))
            for value, outputs, labels in waiting:
                running.count(value, outputs, labels)
            undo.take()
        if watching:
            logs: dict[str, Any] = {"batch": running.batch, "batches": batches}
            logs["images"] = running.images
            logs["images_per_second"] = running.images / max(running.seconds, 1e-9)
            logs.update(running.logs())
            for callback in watching:
                callback.on_batch_end(self, logs)

    def _change_weights(self, images: int) -> None:
        if self.accumulate > 1:
            share = np.float32(1 / images)
            for group in self.optimizer.param_groups:
                for param in group["params"]:
                    if param.grad is not None:
                        param.grad = Tensor.detached(param.grad.data * share)
        if self.clip_grad_norm is not None:
            params = [p for group in self.optimizer.param_groups for p in group["params"]]
            clip_grad_norm_(params, self.clip_grad_norm)
        self.optimizer.step()
        self.step += 1
        if self.ema is not None:
            self.ema.update(self.model)
        self.schedule.after_step()

    # --- callbacks and averages ------------------------------------------------------------------

    def _start_callbacks(self, epochs: int) -> None:
        for callback in self.callbacks:
            callback.on_fit_start(self, epochs)
        for key, callback in by_key(self.callbacks):
            if key in self._states:
                callback.load_state_dict(self._states[key])
                callback.on_resume(self)
        self._states = {}

    def _put_back(self) -> None:
        if self._own is not None:
            with self._interrupts.held():
                self.model.load_state_dict(self._own)
                self._own = None
