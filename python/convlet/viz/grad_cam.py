"""Where the last maps of a network speak for a class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from convlet.viz._overlay import answers, class_names, overlays
from convlet.viz._page import alarm
from convlet.viz._probe import class_scores, image_batch, softmax, wanted_classes
from convlet.viz.attribution import cam_layer, grad_cam_map

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from convlet.nn import Module


def grad_cam(
    model: Module,
    images: Any,
    classes: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    *,
    layer: str | None = None,
    limit: int = 8,
) -> Figure:
    """Draw images, and below each where the network sees the class (Grad-CAM).

    Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based
    Localization", 2017; the numbers come from `viz.attribution.grad_cam_map`.

    Args:
        model: gives scores (N, classes).
        images: (C, H, W) or (N, C, H, W), normalised as the model wants them.
        classes: one class or one per image; the most probable unless given.
        names: one name per class; default "0", "1", ….
        layer: the dotted name of a layer that gives maps; default the last convolution.
        limit: the largest number of images drawn.

    Raises:
        ValueError: shapes do not fit, a class is out of range, or there is no such layer.

    >>> import numpy as np
    >>> from convlet import models, viz
    >>> figure = viz.grad_cam(models.lenet5(seed=0), np.ones((1, 28, 28)))
    """
    batch = image_batch(images, "grad_cam", limit)
    scores = class_scores(model, batch, "grad_cam")
    words = class_names(names, scores.shape[1], "grad_cam")
    chosen = wanted_classes(classes, scores, "grad_cam")
    maps = grad_cam_map(model, batch, chosen, layer)
    _, _, name = cam_layer(model, batch[:1], layer)
    return overlays(
        batch,
        maps,
        answers(softmax(scores), chosen, words),
        f"Where layer {name} speaks for the class",
        "Orange: pixels whose features raise the score of the class named below (Grad-CAM), and its "
        "probability.",
        alarm(),
    )
