"""What `Tensor` does with + - * / ** and @: each with its gradient beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from convlet._arrays import as_float32, matmul, plus, scalar_exponent, unbroadcast
from convlet.autograd import Variable, record

if TYPE_CHECKING:
    import numpy.typing as npt

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

    Operand: TypeAlias = Variable | float | npt.NDArray[Any]


class Arithmetic(Variable):
    """The arithmetic of tensors, with NumPy's broadcasting."""

    __slots__ = ()

    def __neg__(self) -> Tensor:
        """-x, element by element."""
        return record(-self.data, (self,), lambda dy: (-dy,))

    def __add__(self, other: Operand) -> Tensor:
        """X + y."""
        return add(self, self._other(other))

    def __radd__(self, other: Operand) -> Tensor:
        """Y + x."""
        return add(self._other(other), self)

    def __sub__(self, other: Operand) -> Tensor:
        """X - y."""
        return subtract(self, self._other(other))

    def __rsub__(self, other: Operand) -> Tensor:
        """Y - x."""
        return subtract(self._other(other), self)

    def __mul__(self, other: Operand) -> Tensor:
        """X * y, element by element."""
        return multiply(self, self._other(other))

    def __rmul__(self, other: Operand) -> Tensor:
        """Y * x, element by element."""
        return multiply(self._other(other), self)

    def __truediv__(self, other: Operand) -> Tensor:
        """X / y, element by element."""
        return divide(self, self._other(other))

    def __rtruediv__(self, other: Operand) -> Tensor:
        """Y / x, element by element."""
        return divide(self._other(other), self)

    def __matmul__(self, other: Operand) -> Tensor:
        """The matrix product, batched over leading dimensions as NumPy's."""
        return matrix_product(self, self._other(other))

    def __rmatmul__(self, other: Operand) -> Tensor:
        """The matrix product with the tensor on the right."""
        return matrix_product(self._other(other), self)

    def __pow__(self, exponent: float) -> Tensor:
        """X to the power of a number, element by element."""
        x, power = self.data, scalar_exponent(exponent)
        if power == 0.0:  # 0 * x ** -1 would be NaN at x = 0
            return record(x**power, (self,), lambda dy: (dy * np.float32(0),))
        return record(x**power, (self,), lambda dy: (dy * (power * x ** (power - 1.0)),))

    def _other(self, other: Operand) -> Variable:
        if isinstance(other, Variable):
            return other
        return self.detached(as_float32(other))


def add(x: Variable, y: Variable) -> Tensor:
    """X + y; the gradient is summed over what broadcasting repeated."""
    a, b = x.data, y.data
    return record(
        plus(a, b), (x, y), lambda dy: (unbroadcast(dy, a.shape), unbroadcast(dy, b.shape))
    )


def subtract(x: Variable, y: Variable) -> Tensor:
    """X - y."""
    a, b = x.data, y.data
    return record(a - b, (x, y), lambda dy: (unbroadcast(dy, a.shape), unbroadcast(-dy, b.shape)))


def multiply(x: Variable, y: Variable) -> Tensor:
    """X * y."""
    a, b = x.data, y.data
    return record(
        a * b,
        (x, y),
        lambda dy: (
            unbroadcast(dy * b, a.shape) if x.requires_grad else None,
            unbroadcast(dy * a, b.shape) if y.requires_grad else None,
        ),
    )


def divide(x: Variable, y: Variable) -> Tensor:
    """X / y."""
    a, b = x.data, y.data
    return record(
        a / b,
        (x, y),
        lambda dy: (
            unbroadcast(dy / b, a.shape) if x.requires_grad else None,
            unbroadcast(-dy * a / (b * b), b.shape) if y.requires_grad else None,
        ),
    )


def matrix_product(x: Variable, y: Variable) -> Tensor:
    """X @ y; a vector counts as one row on the left, as one column on the right."""
    a, b = x.data, y.data
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("@: a matrix product needs at least one dimension, got a single number")
    rows = a[None, :] if a.ndim == 1 else a
    columns = b[:, None] if b.ndim == 1 else b

    def vjp(dy: Array) -> tuple[Array | None, Array | None]:
        dy = dy[..., None] if b.ndim == 1 else dy
        dy = dy[..., None, :] if a.ndim == 1 else dy
        da = db = None
        if x.requires_grad:
            da = unbroadcast(matmul(dy, columns.swapaxes(-1, -2)), rows.shape).reshape(a.shape)
        if y.requires_grad:
            db = unbroadcast(matmul(rows.swapaxes(-1, -2), dy), columns.shape).reshape(b.shape)
        return da, db

    return record(matmul(a, b), (x, y), vjp)
