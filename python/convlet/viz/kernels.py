"""The kernels of a convolution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from convlet.viz._page import INK, MUTED, bare, caption, diverging, page, place

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.figure import Figure

_RGB = 3
_MOST = 64
_PLANES = 16
_IN_ONE_ROW = 6


def kernels(weight: npt.ArrayLike, *, limit: int = _MOST) -> Figure:
    """Draw the kernels of a convolution, strongest first.

    Kernels on one channel are drawn in blue (negative) and orange (positive) on one scale; kernels
    on three channels as colours around gray; others as one row of channels per kernel (the first
    16 channels).

    Args:
        weight: shape (K, C, R, S), a NumPy array or a Tensor.
        limit: the largest number of kernels drawn.

    Raises:
        ValueError: weight is not of rank 4 or is empty, or limit is below 1.

    >>> import numpy as np
    >>> from convlet import viz
    >>> figure = viz.kernels(np.random.default_rng(0).normal(size=(6, 1, 5, 5)))
    """
    array = np.asarray(weight, dtype=np.float32)
    if array.ndim != 4 or array.size == 0:
        raise ValueError(
            f"kernels: weight must have shape (K, C, R, S) and not be empty, got {array.shape}"
        )
    if limit < 1:
        raise ValueError(f"kernels: limit must be at least 1, got {limit}")
    array = np.nan_to_num(array, posinf=0.0, neginf=0.0)
    norms = np.sqrt((array.astype(np.float64) ** 2).sum(axis=(1, 2, 3)))
    order = np.argsort(-norms, kind="stable")[:limit]
    scale = float(np.abs(array[order]).max()) or 1.0
    count, channels, height, width = array.shape
    title = (
        f"The {count} kernels of {height}x{width}, strongest first"
        if count > 1
        else (f"The kernel of {height}x{width}")
    )
    if len(order) < count:
        title = f"The {len(order)} strongest of {count} kernels of {height}x{width}"
    if channels in {1, _RGB}:
        return _grid(array, order, norms, scale, title)
    return _rows(array, order, norms, scale, title)


def _grid(
    array: npt.NDArray[np.float32],
    order: npt.NDArray[np.intp],
    norms: npt.NDArray[np.float64],
    scale: float,
    title: str,
) -> Figure:
    """One square per kernel."""
    colour = array.shape[1] == _RGB
    columns = min(len(order), max(_IN_ONE_ROW, math.ceil(math.sqrt(len(order) * 1.6))))
    rows = math.ceil(len(order) / columns)
    across = 0.3 + columns * 1.05 + (0.2 if colour else 1.0)
    note = (
        "The colours each kernel answers to; gray is no weight. Below: number, norm."
        if colour
        else "Orange raises the answer, blue lowers it. Below: the number of the kernel and its norm."
    )
    figure, body = page(max(across, 5.6), rows * 1.22 + 0.2, title, note)
    for position, index in enumerate(order):
        row, column = divmod(position, columns)
        axes = place(figure, 0.3 + column * 1.05, body - 0.95 - row * 1.22, 0.9, 0.9)
        if colour:
            picture = 0.5 + 0.5 * array[index].transpose(1, 2, 0) / np.abs(array[index]).max(
                initial=1e-12
            )
            axes.imshow(np.clip(picture, 0, 1), interpolation="nearest")
        else:
            axes.imshow(
                array[index, 0], cmap=diverging(), vmin=-scale, vmax=scale, interpolation="nearest"
            )
        bare(axes, frame=True)
        caption(axes, f"{index}:  {norms[index]:.2f}", colour=MUTED, size=8)
    if not colour:
        _scale_bar(figure, 0.3 + columns * 1.05 + 0.15, body - 0.95, scale)
    return figure


def _rows(
    array: npt.NDArray[np.float32],
    order: npt.NDArray[np.intp],
    norms: npt.NDArray[np.float64],
    scale: float,
    title: str,
) -> Figure:
    """One row of channels per kernel."""
    channels = array.shape[1]
    shown = min(channels, _PLANES)
    note = f"A row is a kernel, a column one of its {channels} input channels"
    note += f" (the first {shown})." if shown < channels else "."
    figure, body = page(max(0.75 + shown * 0.45 + 1.1, 5.0), len(order) * 0.45 + 0.25, title, note)
    for row, index in enumerate(order):
        bottom = body - 0.45 - row * 0.45
        for column in range(shown):
            axes = place(figure, 0.75 + column * 0.45, bottom, 0.41, 0.41)
            axes.imshow(
                array[index, column],
                cmap=diverging(),
                vmin=-scale,
                vmax=scale,
                interpolation="nearest",
            )
            bare(axes, frame=True)
            if column == 0:
                axes.set_ylabel(
                    f"{index}",
                    fontsize=8,
                    color=INK,
                    rotation=0,
                    ha="right",
                    va="center",
                    labelpad=5,
                )
    _scale_bar(figure, 0.75 + shown * 0.45 + 0.15, max(body - 0.95, 0.15), scale)
    return figure


def _scale_bar(figure: Figure, left: float, bottom: float, scale: float) -> None:
    """Draw the colour scale as a narrow column with three numbers."""
    axes = place(figure, left, bottom, 0.12, 0.9)
    axes.imshow(
        np.linspace(scale, -scale, 128)[:, None],
        cmap=diverging(),
        vmin=-scale,
        vmax=scale,
        aspect="auto",
        extent=(0, 1, -scale, scale),
    )
    bare(axes)
    axes.yaxis.tick_right()
    digits = 1 if scale >= 1 else 2
    axes.set_yticks(
        [-scale, 0, scale], [f"{v:+.{digits}f}" if v else "0" for v in (-scale, 0, scale)]
    )
    axes.tick_params(length=0, labelsize=8, colors=MUTED, pad=3)
