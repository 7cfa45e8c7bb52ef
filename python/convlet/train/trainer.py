"""The training loop."""

from __future__ import annotations

import math
from collections.abc import Sized
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.errors import NonFiniteLossError
from convlet.grad_mode import no_grad
from convlet.nn.module import evaluating
from convlet.ops._arguments import integer
from convlet.tensor import Tensor, as_tensor
from convlet.train.callbacks import Callback
from convlet.train.checkpoint import load_checkpoint, save_checkpoint
from convlet.train.history import History
from convlet.train.metrics import make_metrics

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy.typing as npt

    from convlet.nn import Module
    from convlet.ops._arguments import Array
    from convlet.optim import Optimizer
    from convlet.train.metrics import Metric

    Batches = Iterable[tuple[Any, Any]]

__all__ = ["Trainer"]


class Trainer:
    """Trains a model on batches, judges it, and predicts with it.

    Args:
        model: images in, scores out.
        loss: scores and labels in, one mean out, such as nn.CrossEntropyLoss().
        optimizer: over the model's parameters.
        metrics: "accuracy", "top5" … or objects with name, reset, update and compute.

    Attributes:
        history: a row per epoch, of all calls of fit.
        epoch: how many epochs are done; the loaders' order follows from it.
        step: how many times the weights have been changed.
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
    ) -> None:
        """Nothing is trained yet."""
        self.model = model
        self.loss = loss
        self.optimizer = optimizer
        self.metrics = make_metrics(metrics)
        self.history = History()
        self.epoch = 0
        self.step = 0
        self.stop = False
        self.interrupted = False

    def fit(
        self,
        train: Batches,
        validation: Batches | None = None,
        epochs: int = 10,
        callbacks: Sequence[Callback] = (),
    ) -> History:
        """Train for some epochs more.

        Ctrl-C ends the training after cleaning up: `interrupted` is set, `on_fit_end` has run, and
        the epochs that were complete are in the history.

        Args:
            train: gives (images, labels) batches each time it is gone through; `set_epoch` is
                called first where it exists.
            validation: likewise, to be judged after each epoch.
            epochs: how many more.
            callbacks: see `Callback`.

        Returns:
            The history of this trainer.

        Raises:
            NonFiniteLossError: the loss became NaN or infinite; the message names the step, and
                the weights are those before it.
            ValueError: there are no batches, or `epochs` is below 1.
            TypeError: `train` is not made of batches.
        """
        count = integer(epochs, "fit", "epochs")
        if count < 1:
            raise ValueError(f"fit: epochs must be at least 1, got {count}")
        _check_batches(train, "train")
        if validation is not None:
            _check_batches(validation, "validation")
        self.stop = self.interrupted = False
        try:
            for callback in callbacks:
                callback.on_fit_start(self, count)
            for _ in range(count):
                self._run_epoch(train, validation, callbacks)
                if self.stop:
                    break
        except KeyboardInterrupt:
            self.stop = self.interrupted = True
        finally:
            self.optimizer.zero_grad()
            for callback in callbacks:
                callback.on_fit_end(self)
        return self.history

    def train_step(self, images: Any, labels: Any) -> tuple[float, Array]:
        """Change the weights once; gives the loss and the outputs of the batch.

        Raises:
            NonFiniteLossError: the loss is NaN or infinite; the weights are not changed.
        """
        outputs = self.model(as_tensor(images))
        loss = self.loss(outputs, labels)
        value = loss.item()
        if not math.isfinite(value):
            raise NonFiniteLossError(
                f"fit: the loss became {value} at step {self.step + 1} (epoch {self.epoch + 1}); "
                "a smaller learning rate or scaled inputs may help"
            )
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.step += 1
        return value, outputs.data

    def evaluate(self, loader: Batches) -> dict[str, float]:
        """Loss and metrics over all batches, in evaluation mode and without gradients.

        Raises:
            ValueError: there are no batches.
        """
        _check_batches(loader, "loader")
        for metric in self.metrics:
            metric.reset()
        total, images = 0.0, 0
        with no_grad(), evaluating(self.model):
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
        with no_grad(), evaluating(self.model):
            outputs = [
                self.model(as_tensor(images)).data for images in _image_batches(inputs, size)
            ]
        if not outputs:
            raise ValueError("predict: inputs gave no batches")
        return np.concatenate(outputs)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write all that `resume` needs; see `convlet.train.save_checkpoint`."""
        save_checkpoint(path, self)

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Continue where `save` was called; see `convlet.train.load_checkpoint`."""
        load_checkpoint(path, self)

    def _run_epoch(
        self, train: Batches, validation: Batches | None, callbacks: Sequence[Callback]
    ) -> None:
        for callback in callbacks:
            callback.on_epoch_start(self, self.epoch + 1)
        _set_epoch(train, self.epoch)
        self.model.train()
        for metric in self.metrics:
            metric.reset()
        # Only those who listen: an epoch of small batches is not to be spent on calls.
        watching = [c for c in callbacks if type(c).on_batch_end is not Callback.on_batch_end]
        batches = len(train) if isinstance(train, Sized) else None
        total, images, batch = 0.0, 0, 0
        start = perf_counter()
        for batch, (inputs, labels) in enumerate(train, 1):
            loss, outputs = self.train_step(inputs, labels)
            total += loss * len(outputs)
            images += len(outputs)
            for metric in self.metrics:
                metric.update(outputs, np.asarray(labels))
            if watching:
                logs: dict[str, Any] = {"batch": batch, "batches": batches, "images": images}
                logs["images_per_second"] = images / max(perf_counter() - start, 1e-9)
                logs["loss"] = total / images
                logs.update((metric.name, metric.compute()) for metric in self.metrics)
                for callback in watching:
                    callback.on_batch_end(self, logs)
            if self.stop:
                break
        seconds = max(perf_counter() - start, 1e-9)
        if images == 0:
            raise ValueError("fit: train gave no batches")
        self.optimizer.zero_grad()
        row: dict[str, float] = {"epoch": self.epoch + 1, "loss": total / images}
        row.update((metric.name, float(metric.compute())) for metric in self.metrics)
        if validation is not None:
            row.update((f"val_{k}", v) for k, v in self.evaluate(validation).items())
        row["seconds"] = seconds
        row["images_per_second"] = images / seconds
        row["lr"] = float(self.optimizer.param_groups[0]["lr"])
        self.epoch += 1
        self.history.append(row)
        for callback in callbacks:
            callback.on_epoch_end(self, row)


def _set_epoch(batches: Batches, epoch: int) -> None:
    set_epoch = getattr(batches, "set_epoch", None)
    if set_epoch is not None:
        set_epoch(epoch)


def _check_batches(batches: Any, name: str) -> None:
    if isinstance(batches, tuple) and any(isinstance(b, (np.ndarray, Tensor)) for b in batches):
        raise TypeError(
            f"{name} must give (images, labels) batches, got a tuple of arrays; use "
            "data.DataLoader(data.ArrayDataset(images, labels), batch_size=64)"
        )
    if not hasattr(batches, "__iter__"):
        raise TypeError(f"{name} must give (images, labels) batches, got {type(batches).__name__}")


def _image_batches(inputs: Any, size: int) -> Iterator[Any]:
    if isinstance(inputs, (np.ndarray, Tensor)):
        array = inputs.data if isinstance(inputs, Tensor) else inputs
        for first in range(0, max(len(array), 1), size):
            yield array[first : first + size]
        return
    for batch in inputs:
        yield batch[0] if isinstance(batch, (tuple, list)) else batch
