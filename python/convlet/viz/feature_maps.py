"""What each layer makes of one image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.viz._page import (
    BLUE,
    INK,
    MUTED,
    RULE,
    bare,
    chart,
    diverging,
    page,
    percent,
    place,
    sequential,
)
from convlet.viz._pixels import draw, pixels
from convlet.viz._probe import softmax
from convlet.viz.capture import Layer, capture

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from matplotlib.figure import Figure

    from convlet.nn import Module

_MOST = 16  # channels drawn per layer
_LABEL = 1.9  # inches at the left of each row
_TILE = 0.5
_GAP = 0.22
_INPUT = 1.1
_STRIP = 0.3
_BARS = 1.25
_CLASSES = 20  # classes named under the last row


def feature_maps(
    model: Module,
    image: npt.ArrayLike,
    names: Sequence[str] | None = None,
    *,
    limit: int = 20,
) -> Figure:
    """Draw an image and what each layer of the model makes of it, from the input to the classes.

    The model runs once, in evaluation mode; the mode it had is restored. Of a layer with more than
    16 channels the 16 most active are drawn.

    Args:
        model: any module; its last output is taken as scores of classes when it has shape (1, K).
        image: (C, H, W) or (1, C, H, W), normalised as the model wants it.
        names: one name per class; default "0", "1", ….
        limit: the largest number of layers drawn; of more, those that are evenly apart.

    Raises:
        ValueError: the image has another rank, names another length than the scores, or limit is
            below 1.
    """
    array = np.asarray(image, dtype=np.float32)
    if array.ndim == 4 and len(array) == 1:
        array = array[0]
    if array.ndim != 3:
        raise ValueError(f"feature_maps: image must have shape (C, H, W), got {array.shape}")
    if limit < 1:
        raise ValueError(f"feature_maps: limit must be at least 1, got {limit}")
    layers = capture(model, array)
    if len(layers) > limit:  # the last one, which holds the scores, is always among them
        places = np.linspace(len(layers) - 1, 0, limit).round().astype(int)
        layers = [layers[i] for i in places[::-1]]
    return draw_layers(array, layers, names)


def draw_layers(
    image: npt.NDArray[np.float32], layers: list[Layer], names: Sequence[str] | None
) -> Figure:
    """Draw the rows: the image, one row per layer, the probabilities of the classes."""
    scores = layers[-1].output if layers and layers[-1].output.ndim == 1 else None
    labels: list[str] = []
    if scores is not None:
        labels = [str(i) for i in range(len(scores))] if names is None else [str(n) for n in names]
        if len(labels) != len(scores):
            raise ValueError(
                f"feature_maps: names has {len(labels)} entries for {len(scores)} scores"
            )
    inner = layers[:-1] if scores is not None else layers
    heights = [_INPUT] + [_STRIP if layer.output.ndim == 1 else _TILE for layer in inner]
    body = sum(heights) + _GAP * len(heights) + (_BARS + 0.45 if scores is not None else 0.1)
    width = 0.3 + _LABEL + _MOST * (_TILE + 0.05) + 0.25
    title, note = _finding(scores, labels)
    figure, top = page(width, body, title, note)

    top -= _INPUT
    shape = "x".join(str(n) for n in image.shape)
    _label(figure, top, _INPUT, "input", f"{shape}")
    axes = place(figure, 0.3 + _LABEL, top, _INPUT, _INPUT)
    draw(axes, pixels(image[None], "feature_maps")[0])
    bare(axes, frame=True)
    for layer, height in zip(inner, heights[1:], strict=True):
        top -= _GAP + height
        shape = "x".join(str(n) for n in layer.output.shape)
        _label(figure, top, height, layer.name or layer.kind, f"{layer.kind}  {shape}")
        if layer.output.ndim == 3:
            _tiles(figure, top, layer.output)
        else:
            _strip(figure, top, layer.output.reshape(-1))
    if scores is not None:
        top -= _GAP + _BARS
        _label(
            figure,
            top,
            _BARS,
            layers[-1].name or layers[-1].kind,
            f"{layers[-1].kind}, softmax",
        )
        _bars(figure, top, scores, labels)
    return figure


def _label(figure: Figure, bottom: float, height: float, name: str, detail: str) -> None:
    """Write the name of a layer and its details at the left of its row, centred on it."""
    across, up = figure.get_size_inches()
    top = bottom + height / 2 + 0.15
    for text, down, size, colour in ((name, 0.0, 9.5, INK), (detail, 0.17, 8.0, MUTED)):
        figure.text(
            0.3 / across,
            (top - down) / up,
            text,
            fontsize=size,
            color=colour,
            va="top",
            linespacing=1.25,
            parse_math=False,
        )


def _tiles(figure: Figure, bottom: float, output: npt.NDArray[np.float32]) -> None:
    """Draw the channels of one layer on one common scale."""
    finite = np.nan_to_num(output, posinf=0.0, neginf=0.0)
    activity = np.abs(finite).mean(axis=(1, 2))
    chosen = np.sort(np.argsort(-activity, kind="stable")[:_MOST])
    top = float(np.abs(finite).max()) or 1.0
    signed = bool(finite.min() < 0)
    for column, channel in enumerate(chosen):
        axes = place(figure, 0.3 + _LABEL + column * (_TILE + 0.05), bottom, _TILE, _TILE)
        axes.imshow(
            finite[channel],
            cmap=diverging() if signed else sequential(),
            vmin=-top if signed else 0,
            vmax=top,
            interpolation="nearest",
        )
        bare(axes, frame=True)


def _strip(figure: Figure, bottom: float, values: npt.NDArray[np.float32]) -> None:
    """Draw a vector as a row of cells."""
    finite = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    top = float(np.abs(finite).max()) or 1.0
    signed = bool(finite.min() < 0)
    axes = place(figure, 0.3 + _LABEL, bottom, _MOST * (_TILE + 0.05) - 0.05, _STRIP)
    axes.imshow(
        finite[None],
        cmap=diverging() if signed else sequential(),
        vmin=-top if signed else 0,
        vmax=top,
        aspect="auto",
        interpolation="nearest",
    )
    bare(axes, frame=True)


def _bars(
    figure: Figure, bottom: float, scores: npt.NDArray[np.float32], labels: list[str]
) -> None:
    """Draw the probabilities of the classes, the most probable in full colour."""
    probabilities = softmax(scores)
    order = np.arange(len(scores))
    if len(scores) > _CLASSES:
        order = np.sort(np.argsort(-probabilities, kind="stable")[:_CLASSES])
    axes = place(figure, 0.3 + _LABEL, bottom, _MOST * (_TILE + 0.05) - 0.05, _BARS)
    chart(axes)
    best = int(probabilities.argmax())
    heights = 100 * probabilities[order]
    axes.bar(
        range(len(order)),
        heights,
        width=0.6,
        color=[BLUE if i == best else "#a9c6e6" for i in order],
    )
    for x, height in enumerate(heights):
        text = "<0.1" if height < 0.1 else ">99.9" if height > 99.95 else f"{height:.1f}"
        axes.text(x, height + 2, text, fontsize=8, color=MUTED, ha="center", va="bottom")
    axes.set_ylim(0, 118)
    axes.set_yticks([0, 50, 100], ["0", "50", "100 %"])
    axes.spines["bottom"].set_color(RULE)
    axes.set_xticks(
        range(len(order)), [labels[i] for i in order], fontsize=9, color=INK, parse_math=False
    )
    axes.set_xlim(-0.6, len(order) - 0.4)


def _finding(scores: npt.NDArray[np.float32] | None, labels: list[str]) -> tuple[str, str]:
    note = "Each row is a layer. White is zero, blue an answer; orange and blue where signs differ."
    if scores is None or not np.isfinite(scores).all():
        return "What each layer makes of the image", note
    probabilities = softmax(scores)
    best = int(probabilities.argmax())
    return f"Read as {labels[best]}, {percent(float(probabilities[best]))} sure", note
