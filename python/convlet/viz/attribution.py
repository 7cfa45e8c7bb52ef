"""Where in an image a network sees a class: the numbers behind the pictures of `convlet.viz`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet import ops
from convlet.ops._arguments import integer
from convlet.viz._probe import (
    class_scores,
    image_batch,
    run,
    score_gradient,
    softmax,
    wanted_classes,
)
from convlet.viz.capture import calls

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.nn import Module
    from convlet.viz._probe import Array
    from convlet.viz.capture import Call

__all__ = ["grad_cam_map", "occlusion_map", "saliency_map"]


def grad_cam_map(
    model: Module,
    images: Any,
    classes: npt.ArrayLike | None = None,
    layer: str | None = None,
) -> Array:
    """Where the maps of a layer speak for a class, by the gradient of its score (Grad-CAM).

    The map is max(0, sum over k of a[k] A[k]), where A[k] is channel k of what the layer gives and
    a[k] the mean over all pixels of the gradient of the class's score by A[k]; it is resized to the
    image bilinearly. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via
    Gradient-based Localization", 2017.

    Args:
        model: gives scores (N, classes).
        images: (C, H, W) or (N, C, H, W), normalised as the model wants them.
        classes: one class or one per image; the most probable unless given.
        layer: the dotted name of a module that gives maps (N, K, h, w); unless given, the last
            convolution that gives more than one pixel, with what normalises and activates its maps.
            Of a layer that is used several times the last use counts.

    Returns:
        (N, H, W), not negative; all 0 where nothing in the layer speaks for the class.

    Raises:
        ValueError: shapes do not fit, a class is out of range, or there is no such layer.

    Example:
        >>> import numpy as np
        >>> from convlet import models, viz
        >>> model = models.lenet5(seed=0)
        >>> viz.attribution.grad_cam_map(model, np.ones((2, 1, 28, 28)), classes=[3, 5]).shape
        (2, 28, 28)
    """
    batch = image_batch(images, "grad_cam")
    chosen = wanted_classes(classes, class_scores(model, batch, "grad_cam"), "grad_cam")
    module, use, _ = cam_layer(model, batch[:1], layer)
    maps, gradient = score_gradient(model, batch, chosen, module, use)
    weight = gradient.mean(axis=(2, 3), keepdims=True)
    cam = np.maximum((weight * maps).sum(axis=1, keepdims=True), 0)
    return ops.resize2d(cam.astype(np.float32), batch.shape[2:], "bilinear")[:, 0]


def cam_layer(model: Module, image: Array, layer: str | None) -> tuple[Module, int, str]:
    """The layer whose maps Grad-CAM weighs: the module, which use of it, its name."""
    if layer is not None:
        names = {name: module for name, module in model.named_modules() if name}
        if layer not in names:
            raise ValueError(f"grad_cam: layer must be one of {', '.join(names)}, got {layer!r}")
        shapes: list[tuple[int, ...]] = []
        with names[layer].register_forward_hook(lambda m, x, y: shapes.append(y.shape)):
            run(model, image)
        if not shapes or len(shapes[-1]) != 4:
            gives = f"gives {shapes[-1]}" if shapes else "is not used"
            raise ValueError(f"grad_cam: layer must give maps (N, K, h, w), but {layer!r} {gives}")
        return names[layer], len(shapes) - 1, layer
    seen = calls(model, image)
    maps = [i for i, call in enumerate(seen) if _is_map(call)]
    if not maps:
        raise ValueError("grad_cam: no layer of the model gives maps of more than one pixel")
    at = next((i for i in reversed(maps) if seen[i].kind.startswith("Conv")), maps[-1])
    name = seen[at].name
    while at + 1 < len(seen) and _follows(seen[at], seen[at + 1]):
        at += 1
    use = sum(call.layer is seen[at].layer for call in seen[:at])
    return seen[at].layer, use, name


def _is_map(call: Call) -> bool:
    shape: tuple[int, ...] = call.output.shape
    return len(shape) == 4 and shape[2] * shape[3] > 1


def _follows(before: Call, after: Call) -> bool:
    """Whether a layer normalises or activates, pixel by pixel, what the layer before it gave."""
    reads = after.given is before.output
    same = after.output.shape == before.output.shape
    return reads and same and not after.kind.startswith("Conv") and "Pool" not in after.kind


def occlusion_map(
    model: Module,
    images: Any,
    classes: npt.ArrayLike | None = None,
    size: int | None = None,
    stride: int | None = None,
    fill: float = 0.0,
) -> Array:
    """How much the probability of a class falls when a square of the image is hidden.

    A square is moved over the image, and the model asked each time; a pixel of the map is the mean
    over all squares that hide it. Zeiler and Fergus, "Visualizing and Understanding Convolutional
    Networks", 2014.

    Args:
        model: gives scores (N, classes).
        images: (C, H, W) or (N, C, H, W), normalised as the model wants them.
        classes: one class or one per image; the most probable unless given.
        size: side of the square in pixels; about a quarter of the image's shorter side unless given.
        stride: pixels from one position to the next; a quarter of `size` unless given.
        fill: the value that hides; 0 is the mean of normalised images.

    Returns:
        (N, H, W) in [-1, 1]: positive where hiding makes the class less probable.

    Raises:
        ValueError: shapes do not fit, a class is out of range, or a size is not between 1 and the
            image's shorter side.

    Example:
        >>> import numpy as np
        >>> from convlet import models, viz
        >>> model = models.lenet5(seed=0)
        >>> viz.attribution.occlusion_map(model, np.ones((1, 28, 28))).shape
        (1, 28, 28)
    """
    batch = image_batch(images, "occlusion")
    height, width = batch.shape[2:]
    shorter = min(height, width)
    quarter = 4 * round(shorter / 16) if shorter >= 16 else max(1, shorter // 4)
    side = _side(size, quarter, shorter, "size")
    step = _side(stride, max(1, side // 4), side, "stride")
    scores = class_scores(model, batch, "occlusion")
    chosen = wanted_classes(classes, scores, "occlusion")
    columns = _positions(width, side, step)
    result = np.empty((len(batch), height, width), np.float32)
    for index, image in enumerate(batch):
        whole = softmax(scores[index])[chosen[index]]
        total, count = np.zeros((2, height, width))
        for top in _positions(height, side, step):
            hidden = np.repeat(image[None], len(columns), axis=0)
            for copy, left in zip(hidden, columns, strict=True):
                copy[:, top : top + side, left : left + side] = fill
            drops = whole - softmax(run(model, hidden))[:, chosen[index]]
            for drop, left in zip(drops, columns, strict=True):
                total[top : top + side, left : left + side] += drop
                count[top : top + side, left : left + side] += 1
        result[index] = total / count
    return result


def saliency_map(model: Module, images: Any, classes: npt.ArrayLike | None = None) -> Array:
    """How strongly each pixel moves the score of a class: the greatest |gradient| of its channels.

    Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2013.

    Args:
        model: gives scores (N, classes).
        images: (C, H, W) or (N, C, H, W), normalised as the model wants them.
        classes: one class or one per image; the most probable unless given.

    Returns:
        (N, H, W), not negative.

    Raises:
        ValueError: shapes do not fit, or a class is out of range.

    Example:
        >>> import numpy as np
        >>> from convlet import nn, viz
        >>> model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
        >>> model[1].weight.data[0] = [1, -2, 0, 3]
        >>> viz.attribution.saliency_map(model, np.ones((1, 2, 2)), classes=0)[0]
        array([[1., 2.],
               [0., 3.]], dtype=float32)
    """
    batch = image_batch(images, "saliency")
    chosen = wanted_classes(classes, class_scores(model, batch, "saliency"), "saliency")
    _, gradient = score_gradient(model, batch, chosen, None)
    return np.ascontiguousarray(np.abs(gradient).max(axis=1))


def _side(given: int | None, default: int, most: int, name: str) -> int:
    value = default if given is None else integer(given, "occlusion", name)
    if not 1 <= value <= most:
        raise ValueError(f"occlusion: {name} must be from 1 to {most}, got {value}")
    return value


def _positions(extent: int, side: int, step: int) -> list[int]:
    """Where squares begin: every `step` pixels, and at the far end."""
    return sorted({*range(0, extent - side + 1, step), extent - side})
