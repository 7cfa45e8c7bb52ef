"""What `Tensor` does with + - * / ** and @: each with its gradient beside it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from convlet import ops
from convlet._arrays import as_float32, contiguous, matmul, plus, unbroadcast
from convlet._changes import changes
from convlet.autograd import Variable, record
from convlet.grad_mode import mode

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt
    from typing_extensions import Self

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

    Operand: TypeAlias = Variable | float | npt.NDArray[Any]


class Arithmetic(Variable):
    """The arithmetic of tensors, with NumPy's broadcasting.

    Python's own numbers take a shorter way, for they need no array and no gradient.

    `x += y` and its like write into the memory of `x` where nothing is recorded. Where they are, `x`
    becomes the result of an operation, in memory of its own: what was saved before stays right.
    """

    __slots__ = ()

    def __neg__(self) -> Tensor:
        """-x, element by element."""
        return record(-self.data, (self,), lambda dy: (-dy,))

    def __add__(self, other: Operand) -> Tensor:
        """X + y."""
        if type(other) is float or type(other) is int:
            return record(self.data + np.float32(other), (self,), _unchanged)
        return add(self, self._other(other))

    def __sub__(self, other: Operand) -> Tensor:
        """X - y."""
        if type(other) is float or type(other) is int:
            return record(self.data - np.float32(other), (self,), _unchanged)
        return subtract(self, self._other(other))

    def __mul__(self, other: Operand) -> Tensor:
        """X * y, element by element."""
        if type(other) is float or type(other) is int:
            factor = np.float32(other)
            return record(self.data * factor, (self,), lambda dy: (dy * factor,))
        return multiply(self, self._other(other))

    def __truediv__(self, other: Operand) -> Tensor:
        """X / y, element by element."""
        if type(other) is float or type(other) is int:
            divisor = np.float32(other)
            return record(self.data / divisor, (self,), lambda dy: (dy / divisor,))
        return divide(self, self._other(other))

    def __pow__(self, exponent: Operand) -> Tensor:
        """X to the power of a number or of a tensor, element by element."""
        if type(exponent) is float or type(exponent) is int:
            return power_of_number(self, np.float32(exponent))
        return power(self, self._other(exponent))

    def __matmul__(self, other: Operand) -> Tensor:
        """The matrix product, batched over leading dimensions as NumPy's."""
        return matrix_product(self, self._other(other))

    pow = __pow__
    matmul = bmm = mm = __matmul__

    # --- with something else on the left ---------------------------------------------------------

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Operand) -> Tensor:
        """Y - x."""
        if type(other) is float or type(other) is int:
            return record(np.float32(other) - self.data, (self,), lambda dy: (-dy,))
        return subtract(self._other(other), self)

    def __rtruediv__(self, other: Operand) -> Tensor:
        """Y / x, element by element."""
        return divide(self._other(other), self)

    def __rpow__(self, other: Operand) -> Tensor:
        """Y to the power of x, element by element."""
        return power(self._other(other), self)

    def __rmatmul__(self, other: Operand) -> Tensor:
        """The matrix product with the tensor on the right."""
        return matrix_product(self._other(other), self)

    # --- in place --------------------------------------------------------------------------------

    def __iadd__(self, other: Operand) -> Self:
        """X += y."""
        return self._become(self + other, "+=")

    def __isub__(self, other: Operand) -> Self:
        """X -= y."""
        return self._become(self - other, "-=")

    def __imul__(self, other: Operand) -> Self:
        """X *= y."""
        return self._become(self * other, "*=")

    def __itruediv__(self, other: Operand) -> Self:
        """X /= y."""
        return self._become(self / other, "/=")

    def _become(self, result: Tensor, op: str) -> Self:
        if result.data.shape != self.data.shape:
            raise ValueError(
                f"{op}: a result of shape {result.data.shape} has no place in {self.data.shape}"
            )
        if self.requires_grad and self.node is None and mode.recording:
            raise RuntimeError(
                f"{op}: a leaf that requires a gradient cannot be changed in place while operations "
                "are recorded; change it under no_grad(), or write y = x + …"
            )
        if result.node is not None:
            self.data, self.node, self.requires_grad = result.data, result.node, True
            return self
        if not self.data.flags.writeable:
            raise ValueError(f"{op}: the numbers are read-only; use a clone()")
        self.data[...] = result.data
        changes.note((self.data,))
        return self

    def _other(self, other: Operand) -> Variable:
        if isinstance(other, Variable):
            return other
        return self.detached(as_float32(other))


def _unchanged(dy: Array) -> tuple[Array]:
    return (dy,)


def _unchanged_twice(dy: Array) -> tuple[Array, Array]:
    return dy, dy


def _broadcast(function: Callable[[Array, Array], Any], a: Array, b: Array, op: str) -> Array:
    """`function` of two arrays; shapes that do not broadcast are named."""
    try:
        return function(a, b)  # type: ignore[no-any-return]
    except ValueError:
        raise ValueError(f"{op}: shapes {a.shape} and {b.shape} do not broadcast") from None


def add(x: Variable, y: Variable) -> Tensor:
    """X + y; the gradient is summed over what broadcasting repeated."""
    result = _broadcast(plus, x.data, y.data, "+")
    left, right = x.data.shape, y.data.shape
    if left == right:
        return record(result, (x, y), _unchanged_twice)
    return record(result, (x, y), lambda dy: (unbroadcast(dy, left), unbroadcast(dy, right)))


def subtract(x: Variable, y: Variable) -> Tensor:
    """X - y."""
    result = _broadcast(np.subtract, x.data, y.data, "-")
    left, right = x.data.shape, y.data.shape
    return record(result, (x, y), lambda dy: (unbroadcast(dy, left), unbroadcast(-dy, right)))


def multiply(x: Variable, y: Variable) -> Tensor:
    """X * y."""
    of_channels = _are_channels_scaled(x.data, y.data)
    if of_channels:
        result = ops.channel_scale(x.data, y.data)
    else:
        result = _broadcast(np.multiply, x.data, y.data, "*")
    left, right = x.data.shape, y.data.shape
    by_x = y.data if x.requires_grad else None  # each is kept only for the gradient of the other
    by_y = x.data if y.requires_grad else None

    def vjp(dy: Array) -> tuple[Array | None, Array | None]:
        if of_channels and by_x is not None:
            if by_y is None:
                return ops.channel_scale(dy, by_x), None
            return ops.channel_scale_grad(dy, by_y, by_x)
        return (
            None if by_x is None else unbroadcast(dy * by_x, left),
            None if by_y is None else unbroadcast(dy * by_y, right),
        )

    return record(result, (x, y), vjp)


def _are_channels_scaled(x: Array, y: Array) -> bool:
    """Whether `x` are images whose channels lie together, and `y` a factor for each of them."""
    return x.ndim == 4 == y.ndim and y.shape == (*x.shape[:2], 1, 1) and x.strides[1] == x.itemsize


def divide(x: Variable, y: Variable) -> Tensor:
    """X / y."""
    result = _broadcast(np.divide, x.data, y.data, "/")
    left, divisor = x.data.shape, y.data
    if not y.requires_grad:
        return record(result, (x, y), lambda dy: (unbroadcast(dy / divisor, left), None))

    def vjp(dy: Array) -> tuple[Array, Array]:
        dx = dy / divisor
        return unbroadcast(dx, left), unbroadcast(-dx * result, divisor.shape)

    return record(result, (x, y), vjp)


def power_of_number(x: Variable, exponent: np.float32) -> Tensor:
    """X ** p with the gradient p * x ** (p - 1)."""
    a = x.data
    if exponent == 0.0:  # 0 * x ** -1 would be NaN at x = 0
        return record(a**exponent, (x,), lambda dy: (np.zeros_like(dy),))
    if exponent == 2.0:
        return record(a * a, (x,), lambda dy: (dy * (exponent * a),))
    return record(
        a**exponent, (x,), lambda dy: (dy * (exponent * a ** (exponent - np.float32(1))),)
    )


def power(x: Variable, y: Variable) -> Tensor:
    """X ** y with gradients y * x ** (y - 1) and x ** y * log(x), both 0 where a power is constant."""
    a, b = x.data, y.data
    result = _broadcast(np.power, a, b, "**")
    by_x, by_y = x.requires_grad, y.requires_grad

    def vjp(dy: Array) -> tuple[Array | None, Array | None]:
        da = db = None
        if by_x:
            slope = b * np.power(a, np.where(b == 0.0, np.float32(1), b - np.float32(1)))
            da = unbroadcast(dy * slope, a.shape)
        if by_y:
            log = np.log(np.where((a == 0.0) & (b >= 0.0), np.float32(1), a))
            db = unbroadcast(dy * result * log, b.shape)
        return da, db

    return record(result, (x, y), vjp)


def matrix_product(x: Variable, y: Variable) -> Tensor:
    """X @ y with gradients dy @ y.T and x.T @ dy, batched as NumPy's.

    A vector counts as one row on the left, as one column on the right.
    """
    a, b = x.data, y.data
    left, right = a.shape, b.shape
    if not left or not right:
        raise ValueError("@: a matrix product needs at least one dimension, got a single number")
    if left[-1] != right[-2 if len(right) > 1 else 0]:
        raise ValueError(f"@: shapes {left} and {right} do not fit together")
    columns = b[:, None] if len(right) == 1 else b
    rows = a
    if len(left) != 2 and (len(left) == 1 or columns.ndim == 2):  # one product of all rows
        rows = contiguous(a).reshape(math.prod(left[:-1]), left[-1])
    product = matmul(rows, columns)
    by_x = columns if x.requires_grad else None
    by_y = rows if y.requires_grad else None
    if rows is a and columns is b and len(left) == len(right) == 2:
        return record(product, (x, y), lambda dy: _product_vjp(dy, by_x, by_y))
    whole, shapes = product.shape, (rows.shape, columns.shape)

    def vjp(dy: Array) -> tuple[Array | None, Array | None]:
        da, db = _product_vjp(contiguous(dy).reshape(whole), by_x, by_y)
        da = None if da is None else unbroadcast(da, shapes[0]).reshape(left)
        db = None if db is None else unbroadcast(db, shapes[1]).reshape(right)
        return da, db

    leading = left[:-1] if columns.ndim == 2 else (*whole[:-2], *left[:-1][-1:])
    return record(product.reshape((*leading, *right[1:][-1:])), (x, y), vjp)


def _product_vjp(
    dy: Array, by_x: Array | None, by_y: Array | None
) -> tuple[Array | None, Array | None]:
    return (
        None if by_x is None else matmul(dy, by_x.swapaxes(-1, -2)),
        None if by_y is None else matmul(by_y.swapaxes(-1, -2), dy),
    )
