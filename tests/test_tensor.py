"""What a Tensor is: its numbers, its shape, its arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "uint8", "bool", ">f4"])
def test_real_input_becomes_float32(dtype: str) -> None:
    x = Tensor(np.array([0, 1], dtype))
    assert x.dtype == np.float32
    assert x.dtype.isnative
    assert x.data.tolist() == [0.0, 1.0]


@pytest.mark.parametrize(
    "data", [np.array([1j]), np.array(["1"]), np.array([None]), "12", {"a": 1}, [[1.0], [2.0, 3.0]]]
)
def test_other_input_is_a_type_error(data: object) -> None:
    with pytest.raises(TypeError, match="Tensor: data must be"):
        Tensor(data)  # type: ignore[arg-type]


def test_a_float32_array_is_shared_not_copied() -> None:
    array = np.zeros(3, np.float32)
    assert Tensor(array).numpy() is array


def test_a_tensor_that_may_be_trained_owns_its_numbers() -> None:
    array = np.zeros(3, np.float32)
    assert not np.shares_memory(Tensor(array, requires_grad=True).data, array)
    assert not np.shares_memory(Tensor(Tensor(array), requires_grad=True).data, array)


def test_shape_and_its_like_are_the_arrays() -> None:
    x = Tensor(np.zeros((2, 3, 4)))
    assert (x.shape, x.ndim, x.dim(), x.numel(), len(x)) == ((2, 3, 4), 3, 3, 24, 2)
    assert (x.size(), x.size(0), x.size(-1)) == ((2, 3, 4), 2, 4)
    with pytest.raises(ValueError, match=r"size: dim must be in \[-3, 3\), got 3"):
        x.size(3)


def test_repr_is_numpys() -> None:
    assert repr(Tensor([[1.0, 2.0], [3.0, 4.5]])) == "Tensor([[1. , 2. ],\n        [3. , 4.5]])"
    assert repr(Tensor([1.0], requires_grad=True)) == "Tensor([1.], requires_grad=True)"


def test_numpy_functions_take_tensors() -> None:
    x = Tensor([1.0, 4.0])
    assert np.sqrt(x).tolist() == [1.0, 2.0]
    assert np.asarray(x, np.float64).dtype == np.float64
    assert np.asarray(x) is x.data


def test_an_array_on_the_left_gives_a_tensor() -> None:
    for y in (
        np.array([1, 2], np.float32) + Tensor([1.0, 1.0]),
        np.float64(1) + Tensor([1.0, 2.0]),
    ):
        assert isinstance(y, Tensor)
    assert isinstance(np.ones((1, 2), np.float32) @ Tensor(np.ones((2, 1))), Tensor)


def test_item_float_and_bool_need_a_single_number() -> None:
    assert Tensor([[2.5]]).item() == 2.5
    assert float(Tensor(3.0)) == 3.0
    assert not Tensor(0.0)
    with pytest.raises(
        ValueError, match=r"item: only a single number has a value, got shape \(2,\)"
    ):
        Tensor([1.0, 2.0]).item()


@pytest.mark.parametrize(
    ("symbol", "function"),
    [
        ("+", lambda a, b: a + b),
        ("-", lambda a, b: a - b),
        ("*", lambda a, b: a * b),
        ("/", lambda a, b: a / b),
        ("@", lambda a, b: a @ b),
    ],
)
def test_arithmetic_is_numpys(symbol: str, function: object, rng: np.random.Generator) -> None:
    a, b = (rng.integers(1, 9, (3, 3)).astype(np.float32) for _ in range(2))
    y = function(Tensor(a), Tensor(b))  # type: ignore[operator]
    np.testing.assert_array_equal(y.data, function(a, b))  # type: ignore[operator]
    mixed = function(a, Tensor(b))  # type: ignore[operator]
    np.testing.assert_array_equal(mixed.data, y.data)


def test_a_python_number_keeps_float32() -> None:
    for y in (2 * Tensor(1.5), Tensor(1.5) / 2, 1 - Tensor([1.5]), Tensor(2.0) ** 3, -Tensor(1.0)):
        assert y.dtype == np.float32
        assert type(y.data) is np.ndarray


def test_a_power_takes_numbers_and_tensors() -> None:
    x = Tensor([2.0, 3.0])
    assert (x**x).tolist() == [4.0, 27.0]
    assert (2**x).tolist() == [4.0, 8.0]
    assert (x**2).tolist() == (x ** np.float64(2)).tolist() == [4.0, 9.0]
    with pytest.raises(TypeError, match="Tensor: data must be real numbers, got str"):
        x ** "2"  # type: ignore[operator]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((2, 3), (3, 4)),
        ((3,), (3, 4)),
        ((2, 3), (3,)),
        ((3,), (3,)),
        ((5, 2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
    ],
    ids=str,
)
def test_matmul_has_numpys_shapes(
    a: tuple[int, ...], b: tuple[int, ...], rng: np.random.Generator
) -> None:
    x, y = (rng.integers(-4, 5, shape).astype(np.float32) for shape in (a, b))
    np.testing.assert_array_equal((Tensor(x) @ Tensor(y)).data, x @ y)


def test_matmul_of_shapes_that_do_not_fit_is_a_value_error() -> None:
    for a, b in (((2, 3), (2, 3)), ((), (2, 2)), ((2, 3, 4), (3, 4))):
        with pytest.raises(ValueError, match=r"matmul|@"):
            Tensor(np.zeros(a)) @ Tensor(np.zeros(b))


@pytest.mark.parametrize("dim", [None, 0, -1, (0, 2), (2, 1), [0, 1, 2]], ids=str)
@pytest.mark.parametrize("keepdim", [False, True])
def test_sum_and_mean_are_numpys(dim: Any, keepdim: bool, rng: np.random.Generator) -> None:
    x = rng.integers(-8, 8, (2, 4, 8)).astype(np.float32)
    axis = tuple(dim) if isinstance(dim, list) else dim
    np.testing.assert_array_equal(Tensor(x).sum(dim, keepdim).data, x.sum(axis, keepdims=keepdim))
    np.testing.assert_array_equal(Tensor(x).mean(dim, keepdim).data, x.mean(axis, keepdims=keepdim))


def test_a_dimension_out_of_range_or_named_twice_is_refused() -> None:
    x = Tensor(np.zeros((2, 3)))
    for bad in (2, -3, (0, 2)):
        with pytest.raises(ValueError, match=r"sum: dim must be in \[-2, 2\)"):
            x.sum(bad)
    with pytest.raises(ValueError, match="sum: dim names a dimension twice"):
        x.sum((0, -2))
    with pytest.raises(TypeError, match="mean: dim must be an int, got float"):
        x.mean(0.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mean: no numbers to average"):
        Tensor(np.zeros((0, 3))).mean()


def test_flatten_follows_the_names_of_dimensions_not_their_memory(rng: np.random.Generator) -> None:
    nhwc = rng.normal(size=(2, 4, 5, 3)).astype(np.float32)
    x = nhwc.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(Tensor(x).flatten(1).data, x.reshape(2, -1))
    assert Tensor(x).flatten().shape == (120,)
    assert Tensor(x).flatten(1, 2).shape == (2, 12, 5)
    assert Tensor(1.0).flatten().shape == (1,)
    with pytest.raises(ValueError, match="flatten: start_dim 2 comes after end_dim 1"):
        Tensor(x).flatten(2, 1)


def test_reshape_permute_and_transpose_are_numpys(rng: np.random.Generator) -> None:
    x = rng.normal(size=(2, 3, 4)).astype(np.float32)
    np.testing.assert_array_equal(Tensor(x).reshape(4, -1).data, x.reshape(4, -1))
    np.testing.assert_array_equal(Tensor(x).reshape((6, 4)).data, x.reshape(6, 4))
    np.testing.assert_array_equal(Tensor(x).permute(2, 0, 1).data, x.transpose(2, 0, 1))
    np.testing.assert_array_equal(Tensor(x).transpose(0, -1).data, x.swapaxes(0, -1))
    np.testing.assert_array_equal(Tensor(x).T.data, x.T)
    with pytest.raises(ValueError, match="permute: 3 dimensions needed, got 2"):
        Tensor(x).permute(0, 1)


def test_indexing_is_numpys(rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 5)).astype(np.float32)
    for index in (1, slice(1, 3), (..., 2), (None, 0), np.array([3, 3, 0]), x[:, 0] > 0):
        np.testing.assert_array_equal(Tensor(x)[index].data, x[index])
    np.testing.assert_array_equal(Tensor(x)[Tensor([1, 2])].data, x[[1, 2]])
    with pytest.raises(TypeError, match="whole numbers"):
        Tensor(x)[Tensor([0.5])]


def test_cat_and_stack_are_numpys(rng: np.random.Generator) -> None:
    a, b = (rng.normal(size=(2, 3)).astype(np.float32) for _ in range(2))
    np.testing.assert_array_equal(cl.cat([Tensor(a), Tensor(b)], 1).data, np.hstack([a, b]))
    np.testing.assert_array_equal(cl.stack([Tensor(a), Tensor(b)], -1).data, np.dstack([a, b]))


def test_cat_and_stack_refuse_what_does_not_fit() -> None:
    a, b = Tensor(np.zeros((2, 3))), Tensor(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="cat: at least one tensor is needed"):
        cl.cat([])
    with pytest.raises(
        ValueError, match=r"cat: shapes must agree outside dimension 1, got \(2, 3\)"
    ):
        cl.cat([a, b], 1)
    with pytest.raises(ValueError, match=r"stack: shapes must be the same"):
        cl.stack([a, b])
