"""Questions put to a network: its scores, and the gradient of a score by what a layer gives."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.grad_mode import mode, no_grad
from convlet.nn.module import evaluating
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from convlet.nn import Module

    Array = npt.NDArray[np.float32]

_BATCH = 128


def image_batch(images: Any, where: str, limit: int | None = None) -> Array:
    """Images as float32 (N, C, H, W); one image (C, H, W) is a batch of one."""
    array = np.asarray(images)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{where}: images must be numbers, got dtype {array.dtype}")
    if array.ndim == 3:
        array = array[None]
    if array.ndim != 4 or array.size == 0:
        raise ValueError(
            f"{where}: images must have shape (C, H, W) or (N, C, H, W) and not be empty, "
            f"got {np.shape(images)}"
        )
    if limit is not None and limit < 1:
        raise ValueError(f"{where}: limit must be at least 1, got {limit}")
    return np.ascontiguousarray(array[:limit], dtype=np.float32)


def run(model: Module, batch: Array) -> npt.NDArray[np.float32]:
    """What the model gives for images, in evaluation mode, a part of them at a time."""
    with evaluating(model), no_grad():
        parts = [
            model(Tensor(batch[start : start + _BATCH])).numpy()
            for start in range(0, len(batch), _BATCH)
        ]
    return np.concatenate(parts)


def class_scores(model: Module, batch: Array, where: str) -> Array:
    """Scores (N, classes) of images; a model that gives anything else is refused."""
    scores = run(model, batch)
    if scores.ndim != 2 or len(scores) != len(batch) or scores.shape[1] == 0:
        raise ValueError(
            f"{where}: model must give scores ({len(batch)}, classes), got {scores.shape}"
        )
    return scores


def wanted_classes(
    classes: npt.ArrayLike | None, scores: Array, where: str
) -> npt.NDArray[np.int64]:
    """The class asked about for each image: the given ones, or the most probable."""
    if classes is None:
        return np.asarray(scores.argmax(axis=1), dtype=np.int64)
    array = np.asarray(classes)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{where}: classes must be integers, got dtype {array.dtype}")
    if array.shape not in ((), (len(scores),)):
        raise ValueError(
            f"{where}: classes must be one number or have shape ({len(scores)},), got {array.shape}"
        )
    if array.min() < 0 or array.max() >= scores.shape[1]:
        raise ValueError(
            f"{where}: classes must be in [0, {scores.shape[1]}), got {array.ravel().tolist()}"
        )
    return np.broadcast_to(array, (len(scores),)).astype(np.int64)


def softmax(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Probabilities from scores, along the last axis."""
    shifted = scores.astype(np.float64) - scores.max(axis=-1, keepdims=True)
    powers = np.exp(shifted)
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), dtype=np.float64)


def score_gradient(
    model: Module, batch: Array, classes: npt.NDArray[np.int64], layer: Module | None, use: int = 0
) -> tuple[Array, Array]:
    """Run the model; give an activation and the gradient of each image's class score by it.

    The activation is what `layer` gives the `use`-th time it is used, or the images themselves.
    Parameters get no gradients, and modes and hooks are as before afterwards.
    """
    leaf = Tensor(batch, requires_grad=layer is None)
    images, uses = leaf, 0

    def cut(module: Any, inputs: Any, output: Tensor) -> Tensor:
        nonlocal leaf, uses
        uses += 1
        if uses - 1 != use:
            return output
        leaf = Tensor(output.data, requires_grad=True)
        return leaf

    handle = None if layer is None else layer.register_forward_hook(cut)
    try:
        with evaluating(model), _frozen(model), _recording():
            scores = model(images)
            scores[np.arange(len(batch)), classes].sum().backward()
    finally:
        if handle is not None:
            handle.remove()
    gradient = np.zeros_like(leaf.data) if leaf.grad is None else leaf.grad.data
    return leaf.data, gradient


@contextmanager
def _frozen(model: Module) -> Iterator[None]:
    """No gradients for the parameters, for the length of a block."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad = False
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad = True


@contextmanager
def _recording() -> Iterator[None]:
    """Record operations, also inside a block that does not."""
    before, mode.recording = mode.recording, True
    try:
        yield
    finally:
        mode.recording = before
