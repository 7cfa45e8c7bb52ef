"""The same changes for the mask of a picture: pixels move alike, and keep their class."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from convlet.data.transforms.base import Step

__all__ = ["mask_steps"]

_NOTHING: Step = ("normalise", (1.0, 0.0))  # times 1, plus 0


def mask_steps(steps: Sequence[Step], outside: float) -> list[Step]:
    """Steps that do to a mask (1, H, W) what `steps` do to its picture.

    What is random is drawn by the place of a step in its list, so each step has its counterpart at
    the same place: those that move pixels take the nearest one and never mix classes, those that
    change colours do nothing.

    Args:
        steps: those of a transform.
        outside: the value of pixels that move in from outside.
    """
    return [_mask_step(name, values, outside) for name, values in steps]


def _mask_step(name: str, values: tuple[float, ...], outside: float) -> Step:
    if name == "flip":
        return name, values
    if name == "crop":  # nine numbers and the fill
        return name, (*values[:9], outside)
    if name == "affine":  # ten numbers, the interpolation, four numbers and the fill
        return name, (*values[:10], 0, *values[11:15], outside)
    if name in ("resize", "resized_crop"):  # two numbers, the interpolation, whether to smooth
        return name, (*values[:2], 0, 0, *values[4:])
    return _NOTHING
