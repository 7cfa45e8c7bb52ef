"""What an optimiser changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet._arrays import as_float32
from convlet.tensor import Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Parameter"]


class Parameter(Tensor):
    """A tensor that belongs to a module: copied, contiguous, and it requires a gradient.

    Example:
        >>> Parameter([1.0]).requires_grad
        True
    """

    __slots__ = ()

    def __init__(self, data: npt.ArrayLike | Tensor, requires_grad: bool = True) -> None:
        """Copy `data`."""
        values = as_float32(data.data if isinstance(data, Tensor) else data)
        super().__init__(np.array(values, order="C"), False)
        self.requires_grad = bool(requires_grad)

    def __repr__(self) -> str:
        """As PyTorch's."""
        return f"Parameter containing:\n{super().__repr__()}"
