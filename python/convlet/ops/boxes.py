"""Boxes (x1, y1, x2, y2): how much they overlap, and which of many are kept; on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from convlet import _core
from convlet.ops._arguments import describe, float32, integers, real

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from convlet.ops._arguments import Array, IntArray

__all__ = ["box_iou", "nms", "paired_box_iou", "paired_box_iou_grad", "soft_nms"]

Kind: TypeAlias = Literal["iou", "giou", "diou", "ciou"]


def box_iou(boxes1: Array, boxes2: Array, kind: Kind = "iou", eps: float = 0.0) -> Array:
    """How much each of N boxes overlaps each of M.  (N, 4), (M, 4) -> (N, M).

    With I and U the areas of intersection and union, C the smallest box around both, d the distance
    of the centres and D the diagonal of C:

    - "iou": I / U;
    - "giou": iou - (C - U) / C (Rezatofighi et al., 2019, "Generalized Intersection over Union");
    - "diou": iou - d^2 / D^2 (Zheng et al., 2020, "Distance-IoU Loss");
    - "ciou": diou - alpha * v, v = 4 / pi^2 * (difference of atan(w / h))^2,
      alpha = v / (1 - iou + v) (ibidem).

    A quotient whose denominator is not positive counts as 0, so that boxes without an area overlap
    nothing.

    Args:
        boxes1: (x1, y1, x2, y2) in rows, float32.
        boxes2: likewise.
        kind: which of the four.
        eps: added to all denominators.

    Raises:
        TypeError: an array is not float32.
        ValueError: an array is not (N, 4), or `kind` is unknown.

    Example:
        >>> import numpy as np
        >>> a = np.float32([[0, 0, 2, 2]])
        >>> box_iou(a, np.float32([[0, 0, 2, 1], [1, 1, 3, 3]]))
        array([[0.5       , 0.14285715]], dtype=float32)
    """
    return _core.box_iou(*_two(boxes1, boxes2, "box_iou"), *_rule(kind, eps, "box_iou"))


def paired_box_iou(boxes1: Array, boxes2: Array, kind: Kind = "iou", eps: float = 1e-7) -> Array:
    """How much box i overlaps box i of the other array.  (N, 4), (N, 4) -> (N,).

    Arguments and errors are those of `box_iou`.

    Example:
        >>> import numpy as np
        >>> a = np.float32([[0, 0, 2, 2], [0, 0, 2, 2]])
        >>> b = np.float32([[0, 0, 2, 2], [4, 0, 6, 2]])
        >>> paired_box_iou(a, b, "giou").round(3).tolist()
        [1.0, -0.3330000042915344]
    """
    op = "paired_box_iou"
    return _core.paired_box_iou(*_two(boxes1, boxes2, op), *_rule(kind, eps, op))


def paired_box_iou_grad(
    dy: Array, boxes1: Array, boxes2: Array, kind: Kind = "iou", eps: float = 1e-7
) -> tuple[Array, Array]:
    """Gradients of `paired_box_iou` by both arrays.  (N,) -> (N, 4), (N, 4).

    As in the paper, alpha of "ciou" is a weight that is not differentiated. Where two ends are
    equal, each takes half of the slope.

    Example:
        >>> import numpy as np
        >>> a, b = np.float32([[0, 0, 2, 2]]), np.float32([[1, 0, 3, 2]])
        >>> paired_box_iou_grad(np.float32([1]), a, b)[0].round(3).tolist()
        [[0.11100000143051147, 0.0, 0.3330000042915344, -0.0]]
    """
    op = "paired_box_iou_grad"
    return _core.paired_box_iou_grad(
        float32(dy, op, "dy"), *_two(boxes1, boxes2, op), *_rule(kind, eps, op)
    )


def nms(
    boxes: Array, scores: Array, iou_threshold: float, idxs: IntArray | None = None
) -> npt.NDArray[np.int64]:
    """Keep boxes that none of a higher score overlaps too much (non-maximum suppression).

    Args:
        boxes: (N, 4), x1, y1, x2, y2, float32, finite.
        scores: (N,), float32, finite; of equal scores the lower number comes first.
        iou_threshold: a box goes if its IoU with a kept one is above this.
        idxs: (N,) integers, such as classes: only boxes of the same number suppress each other.

    Returns:
        Numbers of the kept boxes, from the highest score on, int64.

    Raises:
        TypeError: an array is not float32, or `idxs` not integers.
        ValueError: shapes do not fit, or a number is not finite.

    Example:
        >>> import numpy as np
        >>> boxes = np.float32([[0, 0, 2, 2], [0, 0, 2, 1.8], [5, 5, 6, 6]])
        >>> nms(boxes, np.float32([0.5, 0.9, 0.1]), 0.5)
        array([1, 2])
    """
    op = "nms"
    return _core.nms(
        float32(boxes, op, "boxes"),
        float32(scores, op, "scores"),
        None if idxs is None else integers(idxs, op, "idxs"),
        real(iou_threshold, op, "iou_threshold"),
    )


def soft_nms(
    boxes: Array,
    scores: Array,
    idxs: IntArray | None = None,
    method: Literal["linear", "gaussian"] = "gaussian",
    iou_threshold: float = 0.3,
    sigma: float = 0.5,
    score_threshold: float = 1e-3,
) -> tuple[npt.NDArray[np.int64], Array]:
    """Let scores decay by overlaps with better boxes (Bodla et al., 2017, "Soft-NMS").

    Args:
        boxes: (N, 4), float32, finite.
        scores: (N,), float32, finite.
        idxs: (N,) integers: only boxes of the same number weaken each other.
        method: "gaussian", by exp(-iou^2 / sigma); or "linear", by 1 - iou where iou is above
            `iou_threshold`.
        iou_threshold: of the linear rule.
        sigma: of the gaussian one, positive.
        score_threshold: boxes are kept while their score is at least this.

    Returns:
        Numbers of the kept boxes, int64, and their scores, from the highest on.

    Raises:
        TypeError: an array is not float32, or `idxs` not integers.
        ValueError: shapes do not fit, a number is not finite, or an argument is out of range.

    Example:
        >>> import numpy as np
        >>> boxes = np.float32([[0, 0, 2, 2], [0, 0, 2, 2], [5, 5, 6, 6]])
        >>> kept, scores = soft_nms(boxes, np.float32([0.5, 0.9, 0.1]))
        >>> kept.tolist(), scores.round(3).tolist()
        ([1, 2, 0], [0.8999999761581421, 0.10000000149011612, 0.06800000369548798])
    """
    op = "soft_nms"
    if method not in ("linear", "gaussian"):
        raise ValueError(f"{op}: method must be 'linear' or 'gaussian', got {method!r}")
    width = real(sigma, op, "sigma")
    if not width > 0:
        raise ValueError(f"{op}: sigma must be positive, got {width}")
    return _core.soft_nms(
        float32(boxes, op, "boxes"),
        float32(scores, op, "scores"),
        None if idxs is None else integers(idxs, op, "idxs"),
        method == "gaussian",
        real(iou_threshold, op, "iou_threshold"),
        width,
        real(score_threshold, op, "score_threshold"),
    )


def _two(boxes1: Array, boxes2: Array, op: str) -> tuple[Array, Array]:
    return float32(boxes1, op, "boxes1"), float32(boxes2, op, "boxes2")


def _rule(kind: object, eps: float, op: str) -> tuple[str, float]:
    if not isinstance(kind, str):
        raise TypeError(f"{op}: kind must be a str, got {describe(kind)}")
    return kind, real(eps, op, "eps")
