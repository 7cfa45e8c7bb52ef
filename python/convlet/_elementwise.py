"""What `Tensor` does number by number: each function with its gradient beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from convlet import ops
from convlet._arrays import as_float32
from convlet.autograd import Variable, record

if TYPE_CHECKING:
    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

TWO = np.float32(2)


class Elementwise(Variable):
    """Functions of single numbers. NumPy's floating-point warnings apply (`numpy.seterr`)."""

    __slots__ = ()

    def abs(self) -> Tensor:
        """The absolute value; its gradient at 0 is 0.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([-2.0, 3.0]).abs().tolist()
            [2.0, 3.0]
        """
        x = self.data
        return record(np.abs(x), (self,), lambda dy: (dy * np.sign(x),))

    __abs__ = abs

    def exp(self) -> Tensor:
        """E to the power of x.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([0.0]).exp().item()
            1.0
        """
        y = np.exp(self.data)
        return record(y, (self,), lambda dy: (dy * y,))

    def log(self) -> Tensor:
        """The natural logarithm; -inf at 0, NaN below.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([1.0]).log().item()
            0.0
        """
        x = self.data
        return record(np.log(x), (self,), lambda dy: (dy / x,))

    def sqrt(self) -> Tensor:
        """The square root; its gradient at 0 is infinite.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([9.0]).sqrt().item()
            3.0
        """
        y: Array = np.sqrt(self.data)
        return record(y, (self,), lambda dy: (dy / (TWO * y),))

    def square(self) -> Tensor:
        """X * x.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([-3.0]).square().item()
            9.0
        """
        x = self.data
        return record(x * x, (self,), lambda dy: (dy * (TWO * x),))

    def sign(self) -> Tensor:
        """-1, 0 or 1; without a gradient.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([-3.0, 0.0]).sign().tolist()
            [-1.0, 0.0]
        """
        return self.detached(np.sign(self.data))

    def relu(self) -> Tensor:
        """max(x, 0).

        Example:
            >>> from convlet import Tensor
            >>> Tensor([-3.0, 2.0]).relu().tolist()
            [0.0, 2.0]
        """
        y = ops.relu(self.data)
        return record(y, (self,), lambda dy: (ops.relu_grad(dy, y),))

    def sigmoid(self) -> Tensor:
        """1 / (1 + exp(-x)).

        Example:
            >>> from convlet import Tensor
            >>> Tensor([0.0]).sigmoid().item()
            0.5
        """
        y = ops.sigmoid(self.data)
        return record(y, (self,), lambda dy: (ops.sigmoid_grad(dy, y),))

    def tanh(self) -> Tensor:
        """The hyperbolic tangent.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([0.0]).tanh().item()
            0.0
        """
        y = ops.tanh(self.data)
        return record(y, (self,), lambda dy: (ops.tanh_grad(dy, y),))

    def clamp(self, min: Tensor | float | None = None, max: Tensor | float | None = None) -> Tensor:
        """X kept within two bounds, of which one may be missing; both belong to the range.

        The gradient passes where x is within the bounds; bounds that are tensors get none.

        Raises:
            TypeError: there is no bound.
            ValueError: the shape of a bound does not broadcast to x's.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([-2.0, 0.5, 2.0]).clamp(0, 1)
            Tensor([0. , 0.5, 1. ])
        """
        if min is None and max is None:
            raise TypeError("clamp: min or max is needed, got neither")
        x = self.data
        low, high = _bound(min, x, "min"), _bound(max, x, "max")
        y = x if low is None else np.maximum(x, low)
        y = y if high is None else np.minimum(y, high)

        def vjp(dy: Array) -> tuple[Array]:
            within = np.ones(x.shape, bool) if low is None else x >= low
            within = within if high is None else within & (x <= high)
            return (np.where(within, dy, np.float32(0)),)

        return record(y, (self,), vjp)

    clip = clamp


def _bound(bound: Variable | float | None, x: Array, name: str) -> Array | np.float32 | None:
    if bound is None:
        return None
    if type(bound) in {int, float}:
        return np.float32(bound)  # type: ignore[arg-type]
    array = as_float32(bound.data if isinstance(bound, Variable) else bound)
    try:
        fits = np.broadcast_shapes(array.shape, x.shape) == x.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"clamp: {name} must broadcast to {x.shape}, got shape {array.shape}")
    return array
