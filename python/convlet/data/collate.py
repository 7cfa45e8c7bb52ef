"""Joining single samples into a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["default_collate"]


def default_collate(samples: Sequence[Any]) -> Any:
    """Stack the samples of a batch, part by part.

    Arrays and tensors of one shape become an array with a first axis more; ints and bools an
    int64 or bool array (N,), floats a float32 one; text stays a list. Tuples, lists and mappings
    keep their form, and their parts are joined alike: N pairs (image, label) become one pair
    (images, labels).

    Args:
        samples: At least one.

    Raises:
        ValueError: There is no sample, or shapes or lengths differ from sample to sample.
        TypeError: The samples differ in kind, or are of a kind that cannot be joined.

    Example:
        >>> images, labels = default_collate([(np.zeros((1, 2, 2)), 3), (np.ones((1, 2, 2)), 5)])
        >>> images.shape, labels
        ((2, 1, 2, 2), array([3, 5]))
    """
    if len(samples) == 0:
        raise ValueError("default_collate: there must be at least one sample")
    first = samples[0]
    if _is_array(first):
        return _stacked(samples)
    if isinstance(first, (bool, int, float)):
        return _numbers(samples)
    if isinstance(first, (str, bytes)):
        return list(samples)
    if isinstance(first, Mapping):
        return {
            key: default_collate([_part(each, key, first) for each in samples]) for key in first
        }
    if isinstance(first, Sequence):
        for position, each in enumerate(samples):
            if not isinstance(each, Sequence) or len(each) != len(first):
                raise ValueError(
                    f"default_collate: sample {position} of the batch must have {len(first)} parts "
                    f"as sample 0, got {len(each) if isinstance(each, Sequence) else each!r:.40}"
                )
        joined = [default_collate([each[part] for each in samples]) for part in range(len(first))]
        return type(first)(*joined) if hasattr(first, "_fields") else tuple(joined)
    raise TypeError(
        f"default_collate: cannot join {type(first).__name__}; make arrays or numbers of the "
        "samples, or give the DataLoader a collate_fn"
    )


def _is_array(value: Any) -> bool:
    return isinstance(value, np.generic) or hasattr(value, "__array__")


def _stacked(samples: Sequence[Any]) -> npt.NDArray[Any]:
    arrays = [np.asarray(sample) for sample in samples]
    for position, array in enumerate(arrays):
        if array.shape != arrays[0].shape or array.dtype.kind == "O":
            raise ValueError(
                f"default_collate: sample {position} of the batch must have shape "
                f"{arrays[0].shape} as sample 0, got {array.dtype} of {array.shape}; bring the "
                "samples to one size, or give the DataLoader a collate_fn"
            )
    return np.stack(arrays)


def _numbers(samples: Sequence[Any]) -> npt.NDArray[Any]:
    for position, sample in enumerate(samples):
        if not isinstance(sample, (bool, int, float)):
            raise TypeError(
                f"default_collate: sample {position} of the batch must be a number as sample 0, "
                f"got {type(sample).__name__}"
            )
    numbers = np.asarray(samples)
    return numbers.astype(np.float32) if numbers.dtype.kind == "f" else numbers


def _part(sample: Any, key: Any, first: Mapping[Any, Any]) -> Any:
    if not isinstance(sample, Mapping) or sample.keys() != first.keys():
        raise ValueError(
            f"default_collate: each sample must have the keys {list(first)}, got {sample!r:.60}"
        )
    return sample[key]
