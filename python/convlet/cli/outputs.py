"""What a network gives for a data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import convlet as cl
from convlet.data import DataLoader

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.data import ArrayDataset
    from convlet.nn import Module

_BATCH = 256


def compute(model: Module, images: ArrayDataset) -> npt.NDArray[np.float32]:
    """Scores (N, classes) in the order of the data set, in evaluation mode."""
    loader = DataLoader(images, batch_size=_BATCH)
    with cl.evaluating(model), cl.no_grad():
        parts = [model(cl.Tensor(batch)).numpy() for batch, _ in loader]
    return np.concatenate(parts)
