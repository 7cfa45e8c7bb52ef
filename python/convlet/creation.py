"""Tensors from sizes, from a rule, and from what other libraries hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from convlet._arrays import as_float32
from convlet.ops._arguments import describe, integer
from convlet.random import Generator, default_generator
from convlet.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from convlet.ops._arguments import Array

__all__ = [
    "arange",
    "from_dlpack",
    "from_numpy",
    "full",
    "ones",
    "ones_like",
    "rand",
    "randn",
    "tensor",
    "zeros",
    "zeros_like",
]


def tensor(data: npt.ArrayLike | Tensor, requires_grad: bool = False) -> Tensor:
    """A leaf over a copy of `data`; `Tensor(data)` shares float32 arrays instead.

    Raises:
        TypeError: `data` is complex, or not numbers at all.

    Example:
        >>> tensor([1, 2])
        Tensor([1., 2.])
    """
    given = data.data if isinstance(data, Tensor) else data
    return _leaf(np.array(as_float32(given), order="K"), requires_grad)


def zeros(*size: int | Sequence[int], requires_grad: bool = False) -> Tensor:
    """0 everywhere, in the given size: numbers, or one sequence of them.

    Raises:
        TypeError: an extent is not an int.
        ValueError: an extent is negative.

    Example:
        >>> zeros(2, 3).shape
        (2, 3)
    """
    return _leaf(np.zeros(_shape(size, "zeros"), np.float32), requires_grad)


def ones(*size: int | Sequence[int], requires_grad: bool = False) -> Tensor:
    """1 everywhere; size and errors as `zeros`.

    Example:
        >>> ones(2)
        Tensor([1., 1.])
    """
    return _leaf(np.ones(_shape(size, "ones"), np.float32), requires_grad)


def full(size: int | Sequence[int], fill_value: float, requires_grad: bool = False) -> Tensor:
    """One number everywhere; size and errors as `zeros`.

    Example:
        >>> full((2,), 0.5)
        Tensor([0.5, 0.5])
    """
    return _leaf(np.full(_shape((size,), "full"), fill_value, np.float32), requires_grad)


def zeros_like(input: Tensor | npt.NDArray[Any], requires_grad: bool = False) -> Tensor:
    """0 everywhere, in the shape and the memory order of `input`.

    Example:
        >>> zeros_like(Tensor([1.0, 2.0]))
        Tensor([0., 0.])
    """
    return _leaf(np.zeros_like(as_tensor(input).data), requires_grad)


def ones_like(input: Tensor | npt.NDArray[Any], requires_grad: bool = False) -> Tensor:
    """1 everywhere, in the shape and the memory order of `input`.

    Example:
        >>> ones_like(Tensor([3.0, 2.0]))
        Tensor([1., 1.])
    """
    return _leaf(np.ones_like(as_tensor(input).data), requires_grad)


def arange(
    start: float, end: float | None = None, step: float = 1, requires_grad: bool = False
) -> Tensor:
    """Numbers from `start` up to but not including `end`; from 0 if one bound is given.

    Raises:
        ValueError: `step` is 0.

    Example:
        >>> arange(3)
        Tensor([0., 1., 2.])
    """
    if step == 0:
        raise ValueError("arange: step must not be 0")
    first, last = (0, start) if end is None else (start, end)
    return _leaf(np.arange(first, last, step).astype(np.float32), requires_grad)


def rand(
    *size: int | Sequence[int], generator: Generator | None = None, requires_grad: bool = False
) -> Tensor:
    """Random numbers from [0, 1); `convlet.seed` makes them repeatable. Size as `zeros`.

    Example:
        >>> rand(2, 3).shape
        (2, 3)
    """
    source = default_generator if generator is None else generator
    return _leaf(source.uniform(0.0, 1.0, _shape(size, "rand")), requires_grad)


def randn(
    *size: int | Sequence[int], generator: Generator | None = None, requires_grad: bool = False
) -> Tensor:
    """Random numbers of the standard normal distribution; as `rand`.

    Example:
        >>> randn(2, 3).shape
        (2, 3)
    """
    source = default_generator if generator is None else generator
    return _leaf(source.normal(0.0, 1.0, _shape(size, "randn")), requires_grad)


def from_numpy(array: npt.NDArray[Any]) -> Tensor:
    """A tensor that shares the memory of a float32 array; other real numbers are converted.

    Raises:
        TypeError: it is not an array, or not of real numbers.

    Example:
        >>> import numpy as np
        >>> array = np.zeros(2, np.float32)
        >>> x = from_numpy(array)
        >>> array[0] = 1
        >>> x
        Tensor([1., 0.])
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy: array must be a NumPy array, got {describe(array)}")
    return Tensor(array)


def from_dlpack(ext_tensor: Any) -> Tensor:
    """A tensor over what another library holds, such as a tensor of PyTorch or an array of JAX.

    float32 numbers in the memory of the CPU are shared, and read-only where their owner says so
    (JAX does); other real numbers are converted.

    Raises:
        TypeError: the object has no `__dlpack__`, or its numbers are not real.
        BufferError: its library cannot hand it over, say because it requires a gradient.

    Example:
        >>> import numpy as np
        >>> from_dlpack(np.float32([1, 2]))
        Tensor([1., 2.])
    """
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(
            f"from_dlpack: ext_tensor must have __dlpack__, got {type(ext_tensor).__name__}"
        )
    try:
        return Tensor(np.from_dlpack(ext_tensor))
    except (BufferError, RuntimeError) as error:
        raise BufferError(f"from_dlpack: {error}") from error


def _leaf(data: Array, requires_grad: bool) -> Tensor:
    leaf = Tensor.detached(data)
    leaf.requires_grad = bool(requires_grad)
    return leaf


def _shape(size: tuple[Any, ...], op: str) -> tuple[int, ...]:
    given = size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size
    shape = tuple(integer(extent, op, "size") for extent in given)
    if min(shape, default=0) < 0:
        raise ValueError(f"{op}: size must be at least 0 in every dimension, got {shape}")
    return shape
