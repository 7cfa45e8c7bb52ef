"""Dividing labelled samples so that each part holds every class in the same proportion."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.data._arguments import UINT64_MAX, whole

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["stratified_split"]


def stratified_split(
    labels: npt.NDArray[np.integer[Any]], test: float = 0.2, seed: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Choose test samples so that every class keeps its share, and leave the rest for training.

    Each class gives the nearest whole number of samples to its share; where the shares do not
    add up, the classes with the largest remainders give one more.

    Args:
        labels: (N,) integers.
        test: How many samples to set aside: an int counts them, a float is a share in (0, 1).
        seed: The same seed sets aside the same samples.

    Returns:
        The indices for training and those for testing, int64, each in ascending order.

    Raises:
        ValueError: labels is not (N,) or empty, or test leaves nothing on one of the sides.
        TypeError: labels are not integers, or test is neither int nor float.

    Example:
        >>> import numpy as np
        >>> train, test = stratified_split(np.array([0, 0, 0, 0, 1, 1]), test=3)
        >>> len(train), len(test)
        (3, 3)
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size == 0:
        raise ValueError(
            f"stratified_split: labels must be (N,) and not empty, got shape {labels.shape}"
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(f"stratified_split: labels must be integers, got {labels.dtype}")
    wanted = _test_count(test, labels.size)
    key = whole(seed, "stratified_split", "seed", maximum=UINT64_MAX)

    _, kinds, counts = np.unique(labels, return_inverse=True, return_counts=True)
    share = counts * (wanted / labels.size)
    take = np.floor(share).astype(np.int64)
    # Ties are broken by the order of the classes (stable), so the same on every machine.
    most_owed = np.argsort(take - share, kind="stable")
    take[most_owed[: wanted - int(take.sum())]] += 1

    rng = np.random.default_rng([key, 0])
    order = rng.permutation(labels.size)
    by_kind = order[np.argsort(kinds[order], kind="stable")]
    rank = np.arange(labels.size) - np.repeat(np.cumsum(counts) - counts, counts)
    for_test = rank < np.repeat(take, counts)
    train, tested = np.sort(by_kind[~for_test]), np.sort(by_kind[for_test])
    return train.astype(np.int64), tested.astype(np.int64)


def _test_count(test: object, count: int) -> int:
    if isinstance(test, (float, np.floating)):
        if not 0.0 < test < 1.0:
            raise ValueError(f"stratified_split: test as a share must be in (0, 1), got {test}")
        wanted = round(float(test) * count)
    elif isinstance(test, bool) or not hasattr(test, "__index__"):
        raise TypeError(
            f"stratified_split: test must be an int or a float, got {type(test).__name__}"
        )
    else:
        wanted = operator.index(test)
    if not 0 < wanted < count:
        raise ValueError(
            f"stratified_split: test must leave samples on both sides, got {test} of {count}"
        )
    return wanted
