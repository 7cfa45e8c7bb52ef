"""Gradients by central differences, for operations that are not linear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Function = Callable[..., Tensor]


def numeric_gradient(
    function: Function, arrays: list[npt.NDArray[np.float32]], which: int, step: float = 1e-2
) -> npt.NDArray[np.float64]:
    """The gradient of the sum of `function` by one of its arrays, in float64."""
    gradient = np.zeros(arrays[which].shape)
    for place in np.ndindex(arrays[which].shape):
        values = []
        for sign in (1, -1):
            moved = [array.copy() for array in arrays]
            moved[which][place] += np.float32(sign * step)
            values.append(float(function(*map(Tensor, moved)).data.astype(np.float64).sum()))
        gradient[place] = (values[0] - values[1]) / (2 * step)
    return gradient


def assert_gradients(
    function: Function, *arrays: npt.NDArray[np.float32], tol: float = 2e-2
) -> None:
    """The tape's gradient by every array agrees with central differences."""
    tensors = [Tensor(array, requires_grad=True) for array in arrays]
    function(*tensors).sum().backward()
    for which, tensor in enumerate(tensors):
        wanted = numeric_gradient(function, list(arrays), which)
        assert tensor.grad is not None
        assert np.abs(wanted).max(initial=0.0) > 0.05, "a gradient of zeros proves nothing"
        np.testing.assert_allclose(tensor.grad.data, wanted, rtol=tol, atol=tol)
