"""What differentiable functions accept: tensors, arrays, and labels in either form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    import numpy.typing as npt


def optional_tensor(data: Tensor | npt.ArrayLike | None) -> Tensor | None:
    """A tensor, or None where None was given."""
    if data is None or isinstance(data, Tensor):
        return data
    return as_tensor(data)


def label_array(labels: Any, op: str) -> npt.NDArray[np.integer[Any]]:
    """Labels as an array of integers; a tensor, which holds floats, must hold whole numbers."""
    if isinstance(labels, Tensor):
        whole = labels.data.astype(np.int64)
        if not np.array_equal(whole, labels.data):
            raise TypeError(f"{op}: labels must be whole numbers, got a tensor with fractions")
        return whole
    array = labels if isinstance(labels, np.ndarray) else np.asarray(labels)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{op}: labels must be integers, got {array.dtype}")
    return array
