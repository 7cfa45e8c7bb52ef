"""Softmax cross-entropy in the plainest loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from reference import Array


def softmax_cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    losses = np.zeros(logits.shape[0])
    probabilities = np.zeros(logits.shape)
    for n, row in enumerate(logits.astype(np.float64)):
        exponentials = np.exp(row - row.max())
        probabilities[n] = exponentials / exponentials.sum()
        losses[n] = np.log(exponentials.sum()) - (row[labels[n]] - row.max())
    return losses, probabilities


def softmax_cross_entropy_grad(probabilities: Array, labels: Array, dlosses: Array) -> Array:
    grad = probabilities.astype(np.float64)
    for n, label in enumerate(labels):
        grad[n, label] -= 1
        grad[n] *= dlosses[n]
    return grad
