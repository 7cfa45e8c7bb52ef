"""What kinds of errors a detector makes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from convlet.detection.average_precision import check_images, overlaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.data.detection import Annotation
    from convlet.detection.decoding import Detections

__all__ = ["KINDS", "ErrorTypes", "error_types"]

KINDS = ("right", "doubled", "wrong class", "badly placed", "nothing there", "missed")


@dataclass(frozen=True)
class ErrorTypes:
    """How often each kind occurred.

    Attributes:
        counts: by the names in `KINDS`.
        kinds: for each image the kind of each detection, an index into `KINDS`, in the order given;
            -1 for those below the threshold and those that count for nothing.
        missed: for each image the numbers of the objects that were missed.
    """

    counts: dict[str, int]
    kinds: list[npt.NDArray[np.int64]] = field(repr=False)
    missed: list[npt.NDArray[np.int64]] = field(repr=False)


def error_types(
    truth: Sequence[Annotation],
    found: Sequence[Detections],
    *,
    score_threshold: float = 0.4,
    iou_threshold: float = 0.5,
    near: float = 0.1,
) -> ErrorTypes:
    """Sort detections and objects into six kinds.

    From the surest on, a detection is *right* if an object of its class that is not yet taken overlaps
    it by the threshold; else *doubled* if a taken one does, *wrong class* if an object of another
    class does, *badly placed* if an object of its class overlaps it by at least `near`, and *nothing
    there* otherwise. Objects that no right detection takes are *missed* (after Bolya et al. 2020,
    "TIDE", arXiv:2008.08115, with fewer kinds). Detections in regions to be ignored are not counted.

    Args:
        truth: the objects of each image.
        found: what was found on each.
        score_threshold: less sure detections are left out.
        iou_threshold: overlap from which a place is right.
        near: overlap from which a place is badly chosen rather than wrong.

    Raises:
        TypeError: an image has something else than an `Annotation` or `Detections`.
        ValueError: there are not as many images in both.

    Example:
        >>> from convlet.data.detection import annotation
        >>> from convlet.detection import Detections
        >>> truth = [annotation([[0, 0, 8, 8], [20, 0, 28, 8]], [0, 1])]
        >>> boxes = np.float32([[0, 0, 8, 8], [0, 1, 8, 8], [20, 0, 28, 8]])
        >>> found = [Detections(boxes, np.float32([0.9, 0.8, 0.7]), np.array([0, 0, 0]))]
        >>> error_types(truth, found).counts
        {'right': 1, 'doubled': 1, 'wrong class': 1, 'badly placed': 0, 'nothing there': 0, 'missed': 1}
    """
    check_images(truth, found, "error_types")
    kinds, missed = [], []
    for one, other in zip(truth, found, strict=True):
        iou = overlaps(other.boxes, one.boxes, one.crowd)
        wanted = ~one.ignored
        taken = np.zeros(len(one.labels), bool)
        kind = np.full(len(other.scores), -1, np.int64)
        for number in np.argsort(-other.scores, kind="stable"):
            if other.scores[number] < score_threshold:
                break
            row = iou[number]
            same = one.labels == other.labels[number]
            fits = wanted & (row >= iou_threshold)
            free = np.flatnonzero(fits & same & ~taken)
            if len(free):
                taken[free[row[free].argmax()]] = True
                kind[number] = 0
            elif (row[one.ignored] >= iou_threshold).any():
                continue
            elif (fits & same).any():
                kind[number] = 1
            elif fits.any():
                kind[number] = 2
            elif (wanted & same & (row >= near)).any():
                kind[number] = 3
            else:
                kind[number] = 4
        kinds.append(kind)
        missed.append(np.flatnonzero(wanted & ~taken))
    all_kinds = np.concatenate([*kinds, np.zeros(0, np.int64)])
    counts = {name: int((all_kinds == place).sum()) for place, name in enumerate(KINDS)}
    counts["missed"] = sum(len(numbers) for numbers in missed)
    return ErrorTypes(counts, kinds, missed)
