"""How well the outlines of a segmentation fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.ops._arguments import integer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from convlet.ops._arguments import Array

    Masks = npt.NDArray[np.bool_]

__all__ = ["BoundaryF1", "boundary_f1"]


def boundary_f1(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    classes: int,
    tolerance: int = 2,
    ignore_index: int | None = None,
) -> npt.NDArray[np.float64]:
    """How well the outlines of each class fit in one picture.  (H, W), (H, W) -> (classes,).

    The harmonic mean of two shares: of the predicted outline that lies within `tolerance` pixels
    of the true one, and of the true outline that lies so near to the predicted one (Csurka, Larlus
    and Perronnin, "What is a good evaluation measure for semantic segmentation?", 2013). The outline
    of a class are its pixels beside, above or below a pixel of another class; the border of the
    picture is no outline.

    Args:
        truth: the class of each pixel, integers.
        predicted: likewise.
        classes: how many there are.
        tolerance: in pixels, as the crow flies.
        ignore_index: a label of `truth` whose pixels count for nothing.

    Returns:
        NaN for a class that is in neither map; 0 for one that is in one of them only; 1 where both
        have the class and neither an outline.

    Raises:
        ValueError: sizes differ, or the tolerance is negative.

    Example:
        >>> truth = [[0, 0, 1, 1]] * 4
        >>> boundary_f1(truth, [[0, 1, 1, 1]] * 4, 2, tolerance=0).tolist()
        [0.0, 0.0]
        >>> boundary_f1(truth, [[0, 1, 1, 1]] * 4, 3, tolerance=1).tolist()
        [1.0, 1.0, nan]
    """
    right, said = np.asarray(truth), np.asarray(predicted)
    if right.ndim != 2 or right.shape != said.shape:
        raise ValueError(
            f"boundary_f1: truth and predicted must be (H, W), got {right.shape} and {said.shape}"
        )
    reach = integer(tolerance, "boundary_f1", "tolerance")
    if reach < 0:
        raise ValueError(f"boundary_f1: tolerance must be at least 0, got {tolerance}")
    counted = np.ones(right.shape, bool) if ignore_index is None else right != ignore_index
    values = np.full(integer(classes, "boundary_f1", "classes"), np.nan)
    for label in np.union1d(right[counted], said[counted]):
        if 0 <= label < len(values):
            values[label] = _fit((right == label) & counted, (said == label) & counted, reach)
    return values


def _fit(truth: Masks, said: Masks, reach: int) -> float:
    if not truth.any() or not said.any():
        return 0.0
    wanted, drawn = _outline(truth), _outline(said)
    if not wanted.any() and not drawn.any():
        return 1.0
    if not wanted.any() or not drawn.any():
        return 0.0
    precision = np.count_nonzero(drawn & _near(wanted, reach)) / np.count_nonzero(drawn)
    recall = np.count_nonzero(wanted & _near(drawn, reach)) / np.count_nonzero(wanted)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _outline(mask: Masks) -> Masks:
    """Pixels of a mask beside, above or below one that is not."""
    inner = np.pad(mask, 1, mode="edge")
    inside = inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]
    return mask & ~inside


def _near(mask: Masks, reach: int) -> Masks:
    """Pixels no farther than `reach` from one of a mask."""
    height, width = mask.shape
    room = np.pad(mask, reach)
    near = np.zeros_like(mask)
    for i in range(-reach, reach + 1):
        for j in range(-reach, reach + 1):
            if i * i + j * j <= reach * reach:
                near |= room[reach + i : reach + i + height, reach + j : reach + j + width]
    return near


class BoundaryF1:
    """How well outlines fit: the mean over classes of the mean of `boundary_f1` over pictures.

    Args:
        tolerance: how many pixels an outline may be off.
        ignore_index: a label whose pixels count for nothing.

    Example:
        >>> metric = BoundaryF1(tolerance=1)
        >>> scores = np.zeros((1, 2, 4, 4), np.float32)
        >>> scores[:, 1, :, 1:] = 1
        >>> metric.update(scores, np.array([[[0, 0, 1, 1]] * 4]))
        >>> metric.compute()
        1.0
    """

    name = "boundary_f1"

    def __init__(self, tolerance: int = 2, ignore_index: int | None = None) -> None:
        """Start at nothing."""
        self.tolerance = integer(tolerance, "BoundaryF1", "tolerance")
        if self.tolerance < 0:
            raise ValueError(f"BoundaryF1: tolerance must be at least 0, got {tolerance}")
        self.ignore_index = ignore_index
        self.reset()

    def reset(self) -> None:
        """Start again."""
        self.total = np.zeros(0)
        self.pictures = np.zeros(0, np.int64)

    def update(self, outputs: Array, targets: npt.NDArray[Any]) -> None:
        """Count a batch of scores (N, K, H, W) and labels (N, H, W)."""
        for scores, truth in zip(outputs, targets, strict=True):
            self.count(truth, scores.argmax(axis=0), len(scores))

    def count(self, truth: npt.NDArray[Any], predicted: npt.NDArray[Any], classes: int) -> None:
        """Count one picture of which the predicted classes are known."""
        values = boundary_f1(truth, predicted, classes, self.tolerance, self.ignore_index)
        if not len(self.total):
            self.total, self.pictures = np.zeros(classes), np.zeros(classes, np.int64)
        self.total += np.nan_to_num(values)
        self.pictures += ~np.isnan(values)

    def per_class(self) -> npt.NDArray[np.float64]:
        """The mean over pictures of each class; NaN where it never occurs."""
        means = np.full(len(self.total), np.nan)
        np.divide(self.total, self.pictures, out=means, where=self.pictures > 0)
        return means

    def compute(self) -> float:
        """The mean over the classes that occur; NaN of nothing."""
        seen = self.per_class()[self.pictures > 0]
        return float(seen.mean()) if len(seen) else float("nan")

    def state_dict(self) -> dict[str, Any]:
        """The sums so far."""
        return {"total": self.total.tolist(), "pictures": self.pictures.tolist()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        self.total = np.asarray(state["total"], np.float64)
        self.pictures = np.asarray(state["pictures"], np.int64)
