"""What an optimiser changes."""

from __future__ import annotations

import itertools
import sys
from typing import TYPE_CHECKING

import numpy as np

from convlet._arrays import as_float32
from convlet.autograd import Variable
from convlet.tensor import Tensor

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = ["Parameter", "array_and_version"]

_versions = itertools.count()
_array = Variable.__dict__["data"]  # the slot, which `Parameter.data` stands before


class Parameter(Tensor):
    """A tensor that belongs to a module: copied, contiguous, and it requires a gradient.

    Example:
        >>> Parameter([1.0]).requires_grad
        True
    """

    __slots__ = ("version",)

    version: int  # another one each time that the array is set, or given to somebody who may write

    def __init__(self, data: npt.ArrayLike | Tensor, requires_grad: bool = True) -> None:
        """Copy `data`."""
        values = as_float32(data.data if isinstance(data, Tensor) else data)
        super().__init__(np.array(values, order="C"), False)
        self.requires_grad = bool(requires_grad)

    if not TYPE_CHECKING:

        @property
        def data(self) -> Array:
            """The array, which may be written."""
            self.version = next(_versions)
            return _array.__get__(self)

        @data.setter
        def data(self, array: Array) -> None:
            self.version = next(_versions)
            _array.__set__(self, array)

    def __repr__(self) -> str:
        """As PyTorch's."""
        return f"Parameter containing:\n{super().__repr__()}"


def array_and_version(weight: Tensor) -> tuple[Array, int | None]:
    """The array of a weight, to be read only, and a number of its values; None if they may change.

    What a kernel keeps of a large weight would have to be compared with it at each call. But an array
    that only its parameter holds, and that nobody was given since, is what it was. Whoever writes to it
    needs it, or a view, whose base it is: then it is held twice, or was asked for in between. What
    escapes is a bare address (`ctypes`) that is kept without its array.
    """
    if not isinstance(weight, Parameter):
        return weight.data, None
    array, references = _references(weight)
    return array, weight.version if references == _ALONE and array.base is None else None


def _references(parameter: Parameter) -> tuple[Array, int]:
    array = _array.__get__(parameter)
    return array, sys.getrefcount(array)


_ALONE = _references(Parameter(0.0))[1]
