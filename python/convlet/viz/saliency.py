"""Which pixels move the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet.viz._overlay import answers, class_names, overlays
from convlet.viz._page import alarm
from convlet.viz._probe import class_scores, image_batch, softmax, wanted_classes
from convlet.viz.attribution import saliency_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from convlet.nn import Module


def saliency(
    model: Module,
    images: Any,
    classes: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    *,
    limit: int = 8,
) -> Figure:
    """Draw images, and below each how strongly its pixels move the score of the class.

    Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2013; the numbers come
    from `viz.attribution.saliency_map`.

    Args:
        model: gives scores (N, classes).
        images: (C, H, W) or (N, C, H, W), normalised as the model wants them.
        classes: one class or one per image; the most probable unless given.
        names: one name per class; default "0", "1", ….
        limit: the largest number of images drawn.

    Raises:
        ValueError: shapes do not fit, or a class is out of range.

    >>> import numpy as np
    >>> from convlet import models, viz
    >>> figure = viz.saliency(models.lenet5(seed=0), np.ones((1, 28, 28)))
    """
    batch = image_batch(images, "saliency", limit)
    scores = class_scores(model, batch, "saliency")
    words = class_names(names, scores.shape[1], "saliency")
    chosen = wanted_classes(classes, scores, "saliency")
    return overlays(
        batch,
        saliency_map(model, batch, chosen),
        answers(softmax(scores), chosen, words),
        "Which pixels move the score of the class",
        "Orange: a small change of the pixel changes the score of the class named below the most.",
        alarm(),
    )
