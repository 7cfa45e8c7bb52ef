"""What `Tensor` does with < and ==."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from convlet.autograd import Variable

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from convlet._arithmetic import Operand

    Mask: TypeAlias = npt.NDArray[np.bool_]


class Comparing(Variable):
    """Comparisons, number by number: they have no gradient, so they are NumPy arrays of bools."""

    __slots__ = ()

    __hash__ = object.__hash__  # by identity: tensors are the keys of optimisers

    def __lt__(self, other: Operand) -> Mask:
        """X < y."""
        return _compared(operator.lt, self, other, "<")

    def __le__(self, other: Operand) -> Mask:
        """X <= y."""
        return _compared(operator.le, self, other, "<=")

    def __gt__(self, other: Operand) -> Mask:
        """X > y."""
        return _compared(operator.gt, self, other, ">")

    def __ge__(self, other: Operand) -> Mask:
        """X >= y."""
        return _compared(operator.ge, self, other, ">=")

    def __eq__(self, other: object) -> Mask:  # type: ignore[override]
        """X == y."""
        return _compared(operator.eq, self, other, "==")

    def __ne__(self, other: object) -> Mask:  # type: ignore[override]
        """X != y."""
        return _compared(operator.ne, self, other, "!=")

    def isnan(self) -> Mask:
        """Where x is not a number.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([1.0, float("nan")]).isnan().tolist()
            [False, True]
        """
        return np.isnan(self.data)

    def isinf(self) -> Mask:
        """Where x is infinite.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([1.0, float("inf")]).isinf().tolist()
            [False, True]
        """
        return np.isinf(self.data)

    def isfinite(self) -> Mask:
        """Where x is neither infinite nor NaN.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([1.0, float("nan")]).isfinite().tolist()
            [True, False]
        """
        return np.isfinite(self.data)


def _compared(compare: Callable[[Any, Any], Any], x: Variable, other: object, op: str) -> Mask:
    y: Any = other.data if isinstance(other, Variable) else other
    try:
        return np.asarray(compare(x.data, y))
    except ValueError:
        shapes = f"{x.data.shape} and {np.shape(y)}"
        raise ValueError(f"{op}: shapes {shapes} do not broadcast") from None
