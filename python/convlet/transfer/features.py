"""What the last layer sees, computed once, and a last layer trained on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import nn, optim
from convlet.grad_mode import no_grad
from convlet.models.heads import head_of
from convlet.nn._arguments import positive
from convlet.nn.module import evaluating
from convlet.random import Generator
from convlet.tensor import Tensor
from convlet.train import History, Trainer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    Array = npt.NDArray[np.float32]

__all__ = ["features", "fit_head"]


def features(
    model: nn.Module,
    images: Any,
    prepare: Callable[[Any], Any] | None = None,
    batch_size: int = 16,
) -> npt.NDArray[np.float32]:
    """What the last layer of a network sees of each image, in evaluation mode, (N, F).

    A frozen backbone gives the same features in every epoch: computed once, they let a head be
    trained in seconds.

    Args:
        model: its modes are left as they are.
        images: as the network takes them, (N, C, H, W), or a sequence of what `prepare` makes so;
            anything with a length that gives a batch for a slice.
        prepare: what makes (C, H, W) of one image, such as `model.preprocessing`.
        batch_size: images at a time.

    Raises:
        ValueError: there are no images, or the last layer is a convolution on more than one pixel.

    Example:
        >>> from convlet import models, transfer
        >>> model = models.resnet18(num_classes=3, stem="cifar", seed=0)
        >>> transfer.features(model, np.zeros((4, 3, 16, 16), np.float32)).shape
        (4, 512)
    """
    count = positive(batch_size, "features", "batch_size")
    if len(images) == 0:
        raise ValueError("features: there must be at least one image, got none")
    seen: list[Array] = []

    def remember(_: nn.Module, inputs: tuple[Any, ...], __: Any) -> None:
        given = np.asarray(inputs[0])
        if given.ndim == 4:  # the head is a convolution, whose scores are averaged
            given = given.mean((2, 3))
        seen.append(np.ascontiguousarray(given))

    head = head_of(model)[1]
    with head.register_forward_hook(remember), evaluating(model), no_grad():
        for start in range(0, len(images), count):
            batch = images[start : start + count]
            if prepare is not None:
                batch = np.stack([prepare(image) for image in batch])
            model(Tensor(np.asarray(batch, np.float32)))
    return np.concatenate(seen)


def fit_head(
    model: nn.Module,
    features: npt.NDArray[Any],
    labels: npt.NDArray[Any],
    *,
    validation: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None,
    epochs: int = 60,
    lr: float = 1e-2,
    weight_decay: float = 1e-2,
    batch_size: int = 64,
    seed: int = 0,
) -> History:
    """Train the last, linear layer alone, on features computed once.

    AdamW (Loshchilov and Hutter 2017, arXiv:1711.05101) with a rate that falls to 0 along a cosine.

    Args:
        model: its last layer is changed, and nothing else.
        features: what the last layer sees, (N, F), as `features` gives it.
        labels: the class of each, (N,).
        validation: features and labels to judge by after each epoch.
        epochs: passes over the features.
        lr: first learning rate.
        weight_decay: share of each weight that a rate of 1 would take away.
        batch_size: rows of a step.
        seed: decides the order of the rows.

    Raises:
        TypeError: the last layer is not linear.
        ValueError: shapes do not fit.
        KeyboardInterrupt: Ctrl-C was pressed.

    Example:
        >>> from convlet import nn, transfer
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        >>> history = transfer.fit_head(model, np.eye(4), np.array([0, 1, 0, 1]))
        >>> history[-1]["accuracy"]
        1.0
    """
    head = head_of(model)[1]
    if not isinstance(head, nn.Linear):
        raise TypeError("fit_head: the last layer must be linear, got a convolution")
    rows, wanted = np.asarray(features, np.float32), np.asarray(labels)
    if rows.ndim != 2 or rows.shape[1] != head.in_features or wanted.shape != rows.shape[:1]:
        raise ValueError(
            f"fit_head: features must be (N, {head.in_features}) and labels (N,), got "
            f"{rows.shape} and {wanted.shape}"
        )
    batches = _Batches(rows, wanted, positive(batch_size, "fit_head", "batch_size"), seed)
    optimizer = optim.AdamW(head.parameters(), lr=lr, weight_decay=weight_decay)
    schedule = optim.lr_scheduler.CosineAnnealingLR(
        optimizer, positive(epochs, "fit_head", "epochs")
    )
    trainer = Trainer(head, nn.CrossEntropyLoss(), optimizer, scheduler=schedule)
    history = trainer.fit(batches, None if validation is None else [validation], epochs)
    if trainer.interrupted:
        raise KeyboardInterrupt
    return history


class _Batches:
    """Rows and labels, in an order that each epoch draws anew."""

    def __init__(self, rows: Array, labels: npt.NDArray[Any], size: int, seed: int) -> None:
        self.rows, self.labels, self.size, self.seed, self.epoch = rows, labels, size, seed, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[Array, npt.NDArray[Any]]]:
        draw = Generator(self.seed).stream()
        for _ in range(self.epoch + 1):
            order = draw.permutation(len(self.rows))
        for start in range(0, len(order), self.size):
            part = order[start : start + self.size]
            yield self.rows[part], self.labels[part]

    def __len__(self) -> int:
        return (len(self.rows) + self.size - 1) // self.size
