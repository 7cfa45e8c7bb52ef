"""What `Tensor` does along its dimensions: sums, extremes and what is made of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, overload

import numpy as np

from convlet._arrays import one_dim, several_dims, spread
from convlet.autograd import Variable, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Array
    from convlet.tensor import Tensor

    Dims: TypeAlias = int | Sequence[int] | None
    Indices: TypeAlias = npt.NDArray[np.int64]

# NumPy's own sum() and prod() come here too, by a longer way.
total: Any = np.add.reduce
product: Any = np.multiply.reduce


class Extremes(NamedTuple):
    """What `max(dim)` and `min(dim)` return."""

    values: Tensor
    indices: Indices


class Reductions(Variable):
    """Reductions over one dimension, several, or all (None), as those of torch."""

    __slots__ = ()

    def sum(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The sum.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([[1.0, 4.0], [3.0, 2.0]]).sum(1).tolist()
            [5.0, 5.0]
        """
        shape, dims = self.data.shape, several_dims(dim, self.data.ndim, "sum")
        y = total(self.data, axis=dims, keepdims=keepdim)
        return record(y, (self,), lambda dy: (spread(dy, shape, dims),))

    def mean(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The mean.

        Raises:
            ValueError: there are no numbers to average.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([[1.0, 4.0], [3.0, 2.0]]).mean().item()
            2.5
        """
        shape, dims = self.data.shape, several_dims(dim, self.data.ndim, "mean")
        count = np.float32(_count(shape, dims))
        if count == 0:
            raise ValueError(f"mean: no numbers to average in shape {shape}")
        y = total(self.data, axis=dims, keepdims=keepdim) / count
        return record(y, (self,), lambda dy: (spread(dy / count, shape, dims),))

    def var(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        """The variance: the squared distances from the mean, summed and divided.

        Args:
            dim: dimensions to reduce, all if None.
            unbiased: divide by their count - 1, else by their count.
            keepdim: keep the reduced dimensions with extent 1.
            correction: what to subtract from the count, instead of `unbiased`.

        Raises:
            ValueError: there are not more numbers than the correction.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([1.0, 3.0]).var().item(), Tensor([1.0, 3.0]).var(unbiased=False).item()
            (2.0, 1.0)
        """
        x, dims = self.data, several_dims(dim, self.data.ndim, "var")
        less = float(unbiased) if correction is None else float(correction)
        count = _count(x.shape, dims)
        if count <= less:
            raise ValueError(f"var: more than {less:g} numbers are needed, got {count}")
        scale, twice = np.float32(1.0 / (count - less)), np.float32(2.0 / (count - less))
        mean = total(x, axis=dims, keepdims=True) / np.float32(count)
        away = x - mean
        y = total(away * away, axis=dims, keepdims=keepdim) * scale

        def vjp(dy: Array) -> tuple[Array]:
            return (spread(dy * twice, x.shape, dims) * away,)

        return record(y, (self,), vjp)

    def std(
        self,
        dim: Dims = None,
        unbiased: bool = True,
        keepdim: bool = False,
        *,
        correction: float | None = None,
    ) -> Tensor:
        """The standard deviation, the square root of `var`.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([1.0, 3.0]).std(unbiased=False).item()
            1.0
        """
        return self.var(dim, unbiased, keepdim, correction=correction).sqrt()

    def prod(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The product.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([[1.0, 4.0], [3.0, 2.0]]).prod(0).tolist()
            [3.0, 8.0]
        """
        x, dims = self.data, several_dims(dim, self.data.ndim, "prod")
        y = product(x, axis=dims, keepdims=keepdim)

        def vjp(dy: Array) -> tuple[Array]:
            # The product of all others: a single 0 leaves one to itself, two leave none.
            zero = x == 0.0
            zeros = total(zero, axis=dims, keepdims=True, dtype=np.int64)
            others = product(x, axis=dims, keepdims=True, where=~zero)
            slope = np.where(
                zeros == zero, others / np.where(zero, np.float32(1), x), np.float32(0)
            )
            return (spread(dy, x.shape, dims) * slope,)

        return record(y, (self,), vjp)

    def logsumexp(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The logarithm of the sum of exponentials, without overflow.

        Example:
            >>> from convlet import Tensor
            >>> round(Tensor([1000.0, 1000.0]).logsumexp(0).item(), 3)
            1000.693
        """
        x, dims = self.data, several_dims(dim, self.data.ndim, "logsumexp")
        top = np.maximum.reduce(x, axis=dims, keepdims=True, initial=-np.inf)
        top = np.where(np.isfinite(top), top, np.float32(0))
        exponentials = np.exp(x - top)
        sums = total(exponentials, axis=dims, keepdims=True)
        with np.errstate(divide="ignore"):  # of nothing, or of -inf alone, it is -inf
            y = np.log(sums) + top
        sums[sums == 0.0] = 1.0
        if not keepdim:
            y = y.reshape([n for d, n in enumerate(x.shape) if d not in dims])

        def vjp(dy: Array) -> tuple[Array]:
            return (spread(dy, x.shape, dims) * (exponentials / sums),)

        return record(y, (self,), vjp)

    def softmax(self, dim: int) -> Tensor:
        """Shares: exp(x) divided by its sum along `dim`, without overflow.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([0.0, 0.0]).softmax(0).tolist()
            [0.5, 0.5]
        """
        along = one_dim(dim, self.data.ndim, "softmax")
        y = np.exp(_from_largest(self.data, along))
        y /= total(y, axis=along, keepdims=True)

        def vjp(dy: Array) -> tuple[Array]:
            return (y * (dy - total(dy * y, axis=along, keepdims=True)),)

        return record(y, (self,), vjp)

    def log_softmax(self, dim: int) -> Tensor:
        """The logarithm of `softmax`, computed without it.

        Example:
            >>> from convlet import Tensor
            >>> round(Tensor([0.0, 0.0]).log_softmax(0)[0].item(), 4)
            -0.6931
        """
        along = one_dim(dim, self.data.ndim, "log_softmax")
        y = _from_largest(self.data, along)
        y -= np.log(total(np.exp(y), axis=along, keepdims=True))

        def vjp(dy: Array) -> tuple[Array]:
            return (dy - np.exp(y) * total(dy, axis=along, keepdims=True),)

        return record(y, (self,), vjp)

    # --- extremes --------------------------------------------------------------------------------

    def amax(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The maximum; numbers that are equal to it share its gradient.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([[1.0, 4.0], [3.0, 2.0]]).amax(1).tolist()
            [4.0, 3.0]
        """
        return _shared_extreme(self, np.maximum, dim, keepdim, "amax")

    def amin(self, dim: Dims = None, keepdim: bool = False) -> Tensor:
        """The minimum; numbers that are equal to it share its gradient.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([[1.0, 4.0], [3.0, 2.0]]).amin(1).tolist()
            [1.0, 2.0]
        """
        return _shared_extreme(self, np.minimum, dim, keepdim, "amin")

    @overload
    def max(self, dim: None = None, keepdim: bool = False) -> Tensor: ...

    @overload
    def max(self, dim: int, keepdim: bool = False) -> Extremes: ...

    def max(self, dim: int | None = None, keepdim: bool = False) -> Tensor | Extremes:
        """The maximum of all; or along `dim`, with `values` and `indices` of the first ones.

        Example:
            >>> from convlet import Tensor
            >>> found = Tensor([[1.0, 4.0], [3.0, 2.0]]).max(1)
            >>> found.values.tolist(), found.indices.tolist()
            ([4.0, 3.0], [1, 0])
        """
        if dim is None:
            return _shared_extreme(self, np.maximum, None, keepdim, "max")
        return _first_extreme(self, np.argmax, dim, keepdim, "max")

    @overload
    def min(self, dim: None = None, keepdim: bool = False) -> Tensor: ...

    @overload
    def min(self, dim: int, keepdim: bool = False) -> Extremes: ...

    def min(self, dim: int | None = None, keepdim: bool = False) -> Tensor | Extremes:
        """The minimum of all; or along `dim`, with `values` and `indices` of the first ones.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([[1.0, 4.0], [3.0, 2.0]]).min().item(), Tensor([[1.0, 4.0], [3.0, 2.0]]).min(1).indices.tolist()
            (1.0, [0, 1])
        """
        if dim is None:
            return _shared_extreme(self, np.minimum, None, keepdim, "min")
        return _first_extreme(self, np.argmin, dim, keepdim, "min")

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Indices:
        """Where the first maximum is, of all (in the order of a flat array) or along `dim`.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([[1.0, 4.0], [3.0, 2.0]]).argmax(1).tolist()
            [1, 0]
        """
        return _place(self.data, np.argmax, dim, keepdim, "argmax")

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Indices:
        """Where the first minimum is, of all (in the order of a flat array) or along `dim`.

        Example:
            >>> from convlet import Tensor
            >>> Tensor([[1.0, 4.0], [3.0, 2.0]]).argmin(1).tolist()
            [0, 1]
        """
        return _place(self.data, np.argmin, dim, keepdim, "argmin")


def _count(shape: tuple[int, ...], dims: tuple[int, ...]) -> int:
    return math.prod([shape[d] for d in dims])


def _check_not_empty(x: Array, dims: tuple[int, ...], op: str) -> None:
    if _count(x.shape, dims) == 0:
        raise ValueError(f"{op}: there is none among the numbers of shape {x.shape}")


def _from_largest(x: Array, along: int) -> Array:
    """X minus its maximum along a dimension; an empty one has none."""
    with np.errstate(invalid="ignore"):  # inf - inf is NaN, as in a loop
        return np.asarray(x - np.maximum.reduce(x, axis=along, keepdims=True, initial=-np.inf))


def _shared_extreme(tensor: Variable, choose: Any, dim: Dims, keepdim: bool, op: str) -> Tensor:
    x, dims = tensor.data, several_dims(dim, tensor.data.ndim, op)
    _check_not_empty(x, dims, op)
    y = choose.reduce(x, axis=dims, keepdims=True)

    def vjp(dy: Array) -> tuple[Array]:
        chosen = (x == y) | np.isnan(x)  # whose extreme is NaN too
        share = total(chosen, axis=dims, keepdims=True, dtype=np.float32)
        return (np.where(chosen, dy.reshape(y.shape) / share, np.float32(0)),)

    kept = y if keepdim else y.reshape([n for d, n in enumerate(x.shape) if d not in dims])
    return record(kept, (tensor,), vjp)


def _first_extreme(tensor: Variable, choose: Any, dim: int, keepdim: bool, op: str) -> Extremes:
    x, along = tensor.data, one_dim(dim, tensor.data.ndim, op)
    kept = _place(x, choose, along, True, op)
    y = np.take_along_axis(x, kept, along)
    short = y.shape if keepdim else y.shape[:along] + y.shape[along + 1 :]

    def vjp(dy: Array) -> tuple[Array]:
        dx = np.zeros(x.shape, np.float32)
        np.put_along_axis(dx, kept, dy.reshape(kept.shape), along)
        return (dx,)

    return Extremes(record(y.reshape(short), (tensor,), vjp), kept.reshape(short))


def _place(x: Array, choose: Any, dim: int | None, keepdim: bool, op: str) -> Indices:
    along = None if dim is None else one_dim(dim, x.ndim, op)
    _check_not_empty(x, tuple(range(x.ndim)) if along is None else (along,), op)
    return np.asarray(choose(x, axis=along, keepdims=keepdim))
