"""Any memory layout gives the bits of the contiguous array, and no input is ever written to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import _core, ops
from operators import Operator, make_operators, same_bits

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Array = npt.NDArray[Any]

OPERATORS = make_operators(images=2, size=7)


class Subclass(np.ndarray):
    """An array type that adds nothing but its name."""


def channels_last(a: Array) -> Array:
    if a.ndim < 4:
        return a.T.copy().T
    return np.ascontiguousarray(a.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def reversed_axes(a: Array) -> Array:
    flipped = tuple(slice(None, None, -1) for _ in a.shape)
    return a[flipped].copy()[flipped]


def every_second(a: Array) -> Array:
    spaced = np.full([2 * size + 1 for size in a.shape], np.nan, a.dtype)
    view = spaced[tuple(slice(1, None, 2) for _ in a.shape)]
    view[...] = a
    return view


def misaligned(a: Array) -> Array:
    raw = np.zeros(a.nbytes + 1, np.uint8)[1:]
    view: Array = np.ndarray(a.shape, a.dtype, raw.data)
    view[...] = a
    assert a.size == 0 or not view.flags.aligned
    return view


def read_only(a: Array) -> Array:
    copy = a.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "channels_last": channels_last,
    "fortran": lambda a: a.copy(order="F"),
    "negative_strides": reversed_axes,
    "every_second": every_second,
    "misaligned": misaligned,
    "byte_swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "misaligned_and_swapped": lambda a: misaligned(a.astype(a.dtype.newbyteorder())),
    "read_only": read_only,
    "subclass": lambda a: a.copy().view(Subclass),
}

by_operator = pytest.mark.parametrize("operator", OPERATORS, ids=str)


@by_operator
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_layout_gives_the_same_bits(operator: Operator, layout: str) -> None:
    wanted = operator.outputs()
    for at, array in enumerate(operator.arrays):
        arrays = [a.copy() for a in operator.arrays]
        arrays[at] = LAYOUTS[layout](array)
        assert np.array_equal(arrays[at], array)
        outputs = operator.outputs(*arrays)
        assert same_bits(outputs, wanted), f"input {at}"
        assert all(type(output) is np.ndarray for output in outputs)
        assert all(output.dtype.isnative for output in outputs)


@by_operator
def test_zero_strides_give_the_same_bits(operator: Operator) -> None:
    for at, array in enumerate(operator.arrays):
        repeated = np.broadcast_to(array[:1], array.shape)
        assert repeated.strides[0] == 0 or array.shape[0] == 1
        arrays = list(operator.arrays)
        arrays[at] = repeated.copy()
        wanted = operator.outputs(*arrays)
        arrays[at] = repeated
        assert same_bits(operator.outputs(*arrays), wanted), f"input {at}"


@by_operator
@pytest.mark.parametrize("layout", ["read_only", "channels_last", "every_second"])
def test_inputs_are_never_modified(operator: Operator, layout: str) -> None:
    arrays = [LAYOUTS[layout](a) for a in operator.arrays]
    for output in operator.outputs(*arrays):
        output[...] = 1  # an output is no view of an input either
    for array, original in zip(arrays, operator.arrays, strict=True):
        np.testing.assert_array_equal(array, original)


@by_operator
def test_results_are_written_to_and_owned_by_nobody_else(operator: Operator) -> None:
    first, second = operator.outputs(), operator.outputs()
    for a, b in zip(first, second, strict=True):
        assert a.flags.writeable
        assert not np.shares_memory(a, b)
        assert not any(np.shares_memory(a, array) for array in operator.arrays)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 1, 1), (3, 17, 1, 9), (0, 2, 3, 4)])
def test_conversions_keep_the_values(layout: str, shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    given = LAYOUTS[layout](x)
    last, first = _core.to_channels_last(given), _core.to_contiguous(given)
    assert np.array_equal(last, x)
    assert np.array_equal(first, x)
    assert last.transpose(0, 2, 3, 1).flags.c_contiguous
    assert first.flags.c_contiguous


@pytest.mark.parametrize("ndim", [0, 1, 2, 3, 5, 7])
def test_any_rank_is_made_contiguous(ndim: int) -> None:
    x = np.arange(2**ndim, dtype=np.float32).reshape((2,) * ndim).T
    y = _core.to_contiguous(x)
    assert y.flags.c_contiguous
    assert np.array_equal(y, x)


def test_a_0d_array_is_a_number_to_an_elementwise_operator() -> None:
    assert ops.relu(np.array(-1.5, np.float32)) == 0
    assert ops.relu(np.array(2.5, np.float32)).shape == ()


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (6,), (2, 3), (2, 1, 3, 2, 2)])
def test_elementwise_operators_keep_the_memory_order(shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    for ordered in (x, x.copy(order="F"), np.swapaxes(np.swapaxes(x, 0, -1).copy(), 0, -1)):
        # An axis of one element may have any stride.
        assert ops.relu(ordered).squeeze().strides == ordered.squeeze().strides
