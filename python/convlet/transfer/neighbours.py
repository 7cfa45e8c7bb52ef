"""Images whose features are most alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.nn._arguments import positive

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["neighbours"]


def neighbours(
    features: npt.NDArray[Any], queries: npt.NDArray[Any], k: int = 5
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The `k` rows of `features` at the smallest angle to each query, the nearest first.

    Args:
        features: (N, F), as `convlet.transfer.features` gives them.
        queries: (M, F).
        k: how many, at most N.

    Returns:
        Indices (M, k), and the cosines of the angles (M, k).

    Raises:
        ValueError: shapes do not fit, or `k` is not from 1 to N.

    Example:
        >>> rows = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
        >>> neighbours(rows, rows[:1], k=2)[0]
        array([[0, 2]])
    """
    rows, wanted = np.asarray(features, np.float32), np.asarray(queries, np.float32)
    if rows.ndim != 2 or wanted.ndim != 2 or rows.shape[1] != wanted.shape[1]:
        raise ValueError(
            f"neighbours: features and queries must be (N, F) and (M, F), got {rows.shape} and "
            f"{wanted.shape}"
        )
    if positive(k, "neighbours", "k") > len(rows):
        raise ValueError(f"neighbours: k must be at most {len(rows)}, got {k}")
    cosines = _unit(wanted) @ _unit(rows).T
    order = np.argsort(-cosines, axis=1, kind="stable")[:, :k].astype(np.int64)
    return order, np.take_along_axis(cosines, order, axis=1)


def _unit(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = rows / np.maximum(lengths, np.float32(1e-12))
    return unit
