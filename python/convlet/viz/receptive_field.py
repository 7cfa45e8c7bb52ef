"""What a unit of each layer can see of the input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.viz._page import INK, MUTED, bare, page, place, sequential
from convlet.viz._pixels import draw, pixels
from convlet.viz._probe import image_batch
from convlet.viz.capture import calls
from convlet.viz.field import Unit, receptive_boxes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from convlet.nn import Module
    from convlet.viz.capture import Call
    from convlet.viz.field import Box

_MOST = 8  # layers drawn unless they are named
_SIDE = 3.2


def receptive_field(model: Module, image: Any, layers: Sequence[str] | None = None) -> Figure:
    """Draw on an image what the unit in the middle of each layer can see of it.

    The boxes are exact for any network, as they are measured: `viz.field.receptive_boxes`.

    Args:
        model: any module that takes images.
        image: (C, H, W), normalised as the model wants it.
        layers: dotted names of layers without layers inside; unless given, the convolutions and
            poolings, and of more than 8 those that are evenly apart. A layer that is used several
            times is drawn as often.

    Raises:
        ValueError: the image is not (C, H, W), or there is no such layer.

    >>> import numpy as np
    >>> from convlet import models, viz
    >>> figure = viz.receptive_field(models.lenet5(seed=0), np.ones((1, 28, 28)))
    """
    batch = image_batch(image, "receptive_field")
    if len(batch) != 1:
        raise ValueError(f"receptive_field: image must have shape (C, H, W), got {np.shape(image)}")
    seen = calls(model, batch)
    chosen = _chosen(seen, layers)
    boxes = receptive_boxes(model, batch.shape[1:], [_middle(seen, index) for index in chosen])
    height, width = batch.shape[2:]
    size = _SIDE * min(1.5, max(0.4, height / width))
    body = max(size, 0.3 * len(boxes)) + 0.3
    last = boxes[-1]
    title = f"The middle of layer {seen[chosen[-1]].name} sees {_size(last)} pixels of {height} x {width}"
    note = "Each box is what the unit in the middle of a layer can see; nothing else changes it."
    figure, top = page(0.3 + _SIDE + 4.2, body, title, note)
    axes = place(figure, 0.3, top - size, _SIDE, size)
    draw(axes, pixels(batch, "receptive_field")[0])
    bare(axes, frame=True)
    _boxes(figure, [seen[index] for index in chosen], boxes, top)
    return figure


def _boxes(figure: Figure, layers: Sequence[Call], boxes: Sequence[Box], top: float) -> None:
    """Draw the boxes on the first axes, and name them at their right."""
    (axes,) = figure.axes
    across, up = figure.get_size_inches()
    for index, (layer, box) in reversed(list(enumerate(zip(layers, boxes, strict=True)))):
        colour = sequential()(0.3 + 0.5 * index / max(len(boxes) - 1, 1))
        left, right, upper, lower = box.left - 0.5, box.right - 0.5, box.top - 0.5, box.bottom - 0.5
        axes.plot(
            [left, right, right, left, left], [upper, upper, lower, lower, upper],
            color=colour, linewidth=2, clip_on=False,
        )  # fmt: skip
        left, line = 0.3 + _SIDE + 0.3, top - 0.14 - 0.3 * index
        sample = place(figure, left, line - 0.07, 0.22, 0.14)
        sample.set_facecolor(colour)
        bare(sample)
        words = ((layer.name, 0.35, INK), (layer.kind, 1.4, MUTED), (_size(box), 3.0, INK))
        for text, aside, ink in words:
            spot = ((left + aside) / across, line / up)
            figure.text(*spot, text, fontsize=9, color=ink, va="center", parse_math=False)


def _chosen(seen: Sequence[Call], layers: Sequence[str] | None) -> list[int]:
    """Which calls are drawn."""
    if layers is not None:
        names = {call.name for call in seen}
        unknown = [name for name in layers if name not in names]
        if unknown or not layers:
            raise ValueError(
                f"receptive_field: layers must be some of {', '.join(sorted(names))}, "
                f"got {list(layers)}"
            )
        return [i for i, call in enumerate(seen) if call.name in layers]
    found = [i for i, c in enumerate(seen) if c.kind.startswith("Conv") or "Pool" in c.kind]
    found = [i for i in found if seen[i].output.ndim == 4]
    if not found:
        raise ValueError("receptive_field: model has no convolution or pooling; give layers")
    places = np.linspace(0, len(found) - 1, min(len(found), _MOST)).round().astype(int)
    return [found[i] for i in places]


def _middle(seen: Sequence[Call], index: int) -> Unit:
    shape = seen[index].output.shape
    return Unit(index, shape[2] // 2, shape[3] // 2) if len(shape) == 4 else Unit(index, 0, 0)


def _size(box: Box) -> str:
    return f"{box.bottom - box.top} x {box.right - box.left}"
