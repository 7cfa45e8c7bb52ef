"""COCO's measures of detectors: average precision and average recall."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.data.detection import Annotation
    from convlet.detection.decoding import Detections

    Float64 = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["CocoScores", "check_images", "coco_scores", "overlaps"]

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST = (1, 10, 100)  # detections of an image and class that count
AREAS = {"all": (0.0, 1e10), "small": (0, 32**2), "medium": (32**2, 96**2), "large": (96**2, 1e10)}


@dataclass(frozen=True)
class CocoScores:
    """What `coco_scores` measured; NaN where there was nothing to find.

    Attributes:
        precision: (10, 101, K), at each threshold of IoU (0.5 to 0.95) and each recall (0 to 1) of
            each class.
        recall: (10, K), the greatest at each threshold.
        numbers: the twelve by which COCO compares: "AP", "AP50", "AP75", "APsmall", "APmedium",
            "APlarge", "AR1", "AR10", "AR100", "ARsmall", "ARmedium", "ARlarge".
        images: how many there were.
        objects: (K,), how many there were to find of each class.
    """

    precision: Float64
    recall: Float64
    numbers: dict[str, float]
    images: int
    objects: npt.NDArray[np.int64]

    @property
    def ap(self) -> float:
        """Mean average precision over thresholds from 0.5 to 0.95."""
        return self.numbers["AP"]

    @property
    def ap50(self) -> float:
        """Mean average precision where an IoU of 0.5 is enough."""
        return self.numbers["AP50"]

    @property
    def per_class(self) -> dict[str, Float64]:
        """AP, AP50 and AR of each class, (K,); NaN for classes without objects."""
        return {
            "AP": self.precision.mean(axis=(0, 1)),
            "AP50": self.precision[0].mean(axis=0),
            "AR": self.recall.mean(axis=0),
        }


def coco_scores(
    truth: Sequence[Annotation], found: Sequence[Detections], classes: int
) -> CocoScores:
    """Average precision and recall by the definition of pycocotools.

    For each class and each threshold of IoU, detections from the surest on take the object that they
    overlap most, if by enough and not yet taken. Precision at a recall is the greatest at that recall
    or a higher one; AP is its mean over 101 recalls, over classes, over ten thresholds. Objects to be
    ignored, of them crowds any number of times, are taken when nothing else can be, and then the
    detection counts for nothing (Lin et al. 2014, "Microsoft COCO", and cocodataset.org).

    Args:
        truth: the objects of each image.
        found: what was found on each, any order.
        classes: how many classes there are.

    Raises:
        TypeError: an image has something else than an `Annotation` or `Detections`.
        ValueError: there are not as many images in both, or a class does not exist; the message names
            the image.

    Example:
        >>> from convlet.data.detection import annotation
        >>> from convlet.detection import Detections
        >>> truth = [annotation([[0, 0, 10, 10]], [0])]
        >>> found = [Detections(np.float32([[0, 0, 10, 8]]), np.float32([0.9]), np.array([0]))]
        >>> scores = coco_scores(truth, found, 1)  # they overlap by 0.8
        >>> round(scores.ap, 3), round(scores.ap50, 3)
        (0.7, 1.0)
    """
    check_images(truth, found, "coco_scores")
    for image, (one, other) in enumerate(zip(truth, found, strict=True)):
        for name, labels in (("truth", one.labels), ("found", other.labels)):
            if len(labels) and not (labels.min() >= 0 and labels.max() < classes):
                wrong = int(labels.min() if labels.min() < 0 else labels.max())
                raise ValueError(
                    f"coco_scores: {name} of image {image} must have classes in [0, {classes}), "
                    f"got {wrong}"
                )
        if not np.isfinite(other.scores).all() or not np.isfinite(other.boxes).all():
            raise ValueError(f"coco_scores: found of image {image} must be finite")
    precision = {name: np.full((10, 101, classes), np.nan) for name in AREAS}
    recall = {(name, most): np.full((10, classes), np.nan) for name in AREAS for most in MOST}
    objects = np.zeros(classes, np.int64)
    for label in range(classes):
        pairs = [
            _Pair(one, other, label)
            for one, other in zip(truth, found, strict=True)
            if (one.labels == label).any() or (other.labels == label).any()
        ]
        for name, bounds in AREAS.items():
            matches = [pair.match(bounds) for pair in pairs]
            wanted = sum(pair.wanted for pair in matches)
            if name == "all":
                objects[label] = wanted
            if wanted == 0:
                continue
            for most in MOST if name == "all" else MOST[-1:]:
                curve, highest = _accumulate(matches, wanted, most)
                recall[name, most][:, label] = highest
                if most == MOST[-1]:
                    precision[name][:, :, label] = curve
    whole = precision["all"]
    numbers = {
        "AP": _mean(whole),
        "AP50": _mean(whole[0]),
        "AP75": _mean(whole[5]),
        **{f"AP{name}": _mean(precision[name]) for name in ("small", "medium", "large")},
        **{f"AR{most}": _mean(recall["all", most]) for most in MOST},
        **{f"AR{name}": _mean(recall[name, 100]) for name in ("small", "medium", "large")},
    }
    return CocoScores(whole, recall["all", 100], numbers, len(truth), objects)


def check_images(truth: Sequence[Any], found: Sequence[Any], op: str) -> None:
    """Objects and detections for each image, of the kinds that have boxes and labels."""
    if len(truth) != len(found):
        raise ValueError(f"{op}: found must be {len(truth)}, one for each image, got {len(found)}")
    for name, parts, kind in (("truth", truth, "Annotation"), ("found", found, "Detections")):
        for one in parts:
            if not (hasattr(one, "boxes") and hasattr(one, "labels")):
                raise TypeError(f"{op}: {name} must be {kind}, got {type(one).__name__}")


def overlaps(found: npt.ArrayLike, truth: npt.ArrayLike, crowd: Flags) -> Float64:
    """IoU of D detections with G objects, in float64; with a crowd the share of the detection in it.

    Example:
        >>> overlaps([[0, 0, 2, 2]], [[0, 0, 2, 4], [0, 0, 2, 4]], np.array([False, True])).tolist()
        [[0.5, 1.0]]
    """
    a, b = np.asarray(found, np.float64), np.asarray(truth, np.float64)
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    shared = np.maximum(sides, 0).prod(axis=2)
    own, other = (a[:, 2:] - a[:, :2]).prod(axis=1), (b[:, 2:] - b[:, :2]).prod(axis=1)
    union = np.where(crowd, own[:, None], own[:, None] + other - shared)
    ratio: Float64 = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
    return ratio


@dataclass(frozen=True)
class _Match:
    """Detections of one class on one image, from the surest on, and what each took."""

    scores: npt.NDArray[np.float32]  # (D,)
    taken: Flags  # (10, D), an object
    void: Flags  # (10, D), counts for nothing
    wanted: int  # objects to find


class _Pair:
    """Objects and detections of one class on one image."""

    def __init__(self, truth: Annotation, found: Detections, label: int) -> None:
        self.truth = truth.chosen(truth.labels == label)
        own = np.flatnonzero(found.labels == label)
        order = own[np.argsort(-found.scores[own], kind="stable")][: MOST[-1]]
        self.scores = found.scores[order]
        self.boxes = found.boxes[order].astype(np.float64)
        self.areas = (self.boxes[:, 2:] - self.boxes[:, :2]).prod(axis=1)
        self.iou = overlaps(self.boxes, self.truth.boxes, self.truth.crowd)

    def match(self, bounds: tuple[float, float]) -> _Match:
        low, high = bounds
        areas = self.truth.areas.astype(np.float64)
        ignored = self.truth.ignored | (areas < low) | (areas > high)
        # Objects to find come first; a detection takes one of the others only if it can have none.
        order = np.argsort(ignored, kind="stable")
        iou, crowd = self.iou[:, order], self.truth.crowd[order]
        first = int((~ignored).sum())
        count, total = len(self.scores), len(order)
        taken = np.zeros((10, count), bool)
        void = np.zeros((10, count), bool)
        free = np.ones((10, total), bool)
        least = np.minimum(THRESHOLDS, 1 - 1e-10)[:, None]
        for number in range(count if total else 0):
            if iou[number].max() < THRESHOLDS[0]:
                continue
            able = np.where(free & (iou[number] >= least), iou[number], -1.0)
            for part, start in ((able[:, :first], 0), (able[:, first:], first)):
                if part.shape[1] == 0:
                    continue
                best = part.shape[1] - 1 - part[:, ::-1].argmax(axis=1)  # of equals the last
                rows = np.flatnonzero((part[np.arange(10), best] >= 0) & ~taken[:, number])
                places = start + best[rows]
                taken[rows, number] = True
                void[rows, number] = start > 0 or first == 0
                free[rows, places] = crowd[places]
        outside = (self.areas < low) | (self.areas > high)
        void |= ~taken & outside
        return _Match(self.scores, taken, void, first)


def _accumulate(matches: Sequence[_Match], wanted: int, most: int) -> tuple[Float64, Float64]:
    """Precision at each recall (10, 101), and the greatest recall (10,)."""
    scores = np.concatenate([m.scores[:most] for m in matches])
    order = np.argsort(-scores, kind="stable")
    taken = np.concatenate([m.taken[:, :most] for m in matches], axis=1)[:, order]
    void = np.concatenate([m.void[:, :most] for m in matches], axis=1)[:, order]
    right = np.cumsum(taken & ~void, axis=1, dtype=np.float64)
    wrong = np.cumsum(~taken & ~void, axis=1, dtype=np.float64)
    curve, highest = np.zeros((10, 101)), np.zeros(10)
    if not len(scores):
        return curve, highest
    recall = right / wanted
    precision = right / (right + wrong + np.spacing(1))
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    for row in range(10):
        places = np.searchsorted(recall[row], RECALLS, side="left")
        inside = places < len(scores)
        curve[row, inside] = best[row, places[inside]]
        highest[row] = recall[row, -1]
    return curve, highest


def _mean(values: Any) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
