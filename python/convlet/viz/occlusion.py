"""What a network cannot do without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.viz._overlay import answers, class_names, overlays
from convlet.viz._page import diverging
from convlet.viz._probe import class_scores, image_batch, softmax, wanted_classes
from convlet.viz.attribution import occlusion_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from convlet.nn import Module


def occlusion(
    model: Module,
    images: Any,
    classes: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    *,
    size: int | None = None,
    stride: int | None = None,
    fill: float = 0.0,
    limit: int = 8,
) -> Figure:
    """Draw images, and below each how the class's probability changes where a square hides it.

    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014; the numbers come
    from `viz.attribution.occlusion_map`.

    Args:
        model: gives scores (N, classes).
        images: (C, H, W) or (N, C, H, W), normalised as the model wants them.
        classes: one class or one per image; the most probable unless given.
        names: one name per class; default "0", "1", ….
        size: side of the square in pixels; about a quarter of the image's shorter side unless given.
        stride: pixels from one position to the next; a quarter of `size` unless given.
        fill: the value that hides; 0 is the mean of normalised images.
        limit: the largest number of images drawn.

    Raises:
        ValueError: shapes do not fit, a class is out of range, or a size is not between 1 and the
            image's shorter side.

    >>> import numpy as np
    >>> from convlet import models, viz
    >>> figure = viz.occlusion(models.lenet5(seed=0), np.ones((1, 28, 28)), size=14)
    """
    batch = image_batch(images, "occlusion", limit)
    scores = class_scores(model, batch, "occlusion")
    words = class_names(names, scores.shape[1], "occlusion")
    chosen = wanted_classes(classes, scores, "occlusion")
    maps = occlusion_map(model, batch, chosen, size, stride, fill)
    most = float(np.abs(maps).max())
    return overlays(
        batch,
        maps,
        answers(softmax(scores), chosen, words),
        f"Hiding a part changes the probability by up to {100 * most:.0f} points"
        if most >= 0.005
        else "Hiding any part changes next to nothing",
        "Orange: the class named below becomes less probable when a square there is hidden; blue: more "
        "probable. Each image has a scale of its own.",
        diverging(),
    )
