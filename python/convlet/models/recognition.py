"""Names for photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.grad_mode import no_grad
from convlet.nn import functional as F
from convlet.nn._arguments import positive
from convlet.nn.module import evaluating
from convlet.tensor import Tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from convlet.nn import Module

__all__ = ["recognise"]


def recognise(
    model: Module, photographs: Iterable[Any], most: int = 5
) -> list[list[tuple[str, float]]]:
    """The likeliest classes of each photograph, with their probabilities, the likeliest first.

    Args:
        model: with the attributes `preprocessing` and `classes`, which `models.create` gives to one
            with published weights.
        photographs: each an array (H, W, 3) of uint8 or what gives one, such as a picture of Pillow.
        most: how many classes, at most all.

    Raises:
        TypeError: the model does not have these attributes.

    Example:
        >>> from convlet import models
        >>> model = models.create("resnet18", classes=2, seed=0)
        >>> model.preprocessing = models.Preprocessing(32, 32, (0.5,) * 3, (0.5,) * 3)
        >>> model.classes = ["cat", "dog"]
        >>> model.fc.bias.data[0] = 100.0  # it sees cats everywhere
        >>> [name for name, share in recognise(model, [np.zeros((40, 50, 3), np.uint8)], 1)[0]]
        ['cat']
    """
    prepare, classes = (vars(model).get(name) for name in ("preprocessing", "classes"))
    if prepare is None or classes is None:
        raise TypeError("recognise: model must have the attributes preprocessing and classes")
    count = positive(most, "recognise", "most")
    answers = []
    with evaluating(model), no_grad():
        for photograph in photographs:
            shares = F.softmax(model(Tensor(prepare(photograph)[None])), 1).numpy()[0]
            order = np.argsort(-shares, kind="stable")[:count]
            answers.append([(classes[i], float(shares[i])) for i in order])
    return answers
