"""Loss over the learning rate of a trial."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet.viz._page import BLUE, INK, MUTED, ORANGE, chart, page, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure


def learning_rates(rates: Sequence[float], losses: Sequence[float], suggestion: float) -> Figure:
    """Draw the loss over rising learning rates, and mark the suggested one.

    Args:
        rates: the learning rate of each step, ascending.
        losses: the smoothed loss of each step.
        suggestion: the rate to mark.

    Raises:
        ValueError: there are fewer than two steps, not as many losses as rates, or one is not finite.

    >>> from convlet import viz
    >>> figure = viz.learning_rates([1e-3, 1e-2, 1e-1], [2.0, 1.0, 3.0], 1e-2)
    """
    if len(rates) < 2 or len(rates) != len(losses):
        raise ValueError(
            f"learning_rates: rates and losses must be two or more, got {len(rates)} and {len(losses)}"
        )
    if not np.isfinite([*rates, *losses, suggestion]).all():
        raise ValueError("learning_rates: rates, losses and suggestion must be finite")
    title = f"The loss falls fastest at a learning rate of {suggestion:.2g}"
    figure, _ = page(5.8, 3.9, title, "Dashed: the suggestion. The loss is a running mean.")
    axes = place(figure, 0.75, 0.6, 4.5, 2.95)
    chart(axes)
    axes.plot(rates, losses, color=BLUE, linewidth=1.8, solid_capstyle="round")
    axes.axvline(suggestion, color=ORANGE, linewidth=1.2, linestyle=(0, (3, 3)))
    axes.set_xscale("log")
    low, first = float(np.min(losses)), float(losses[0])
    axes.set_ylim(low - 0.1 * (first - low + 1e-9), first + 0.5 * (first - low + 1e-9))
    axes.set_title("loss", fontsize=10.5, color=INK, loc="left", pad=8)
    axes.set_xlabel("learning rate", fontsize=9, color=MUTED)
    return figure
