"""Tensors from sizes and rules."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor
from convlet.random import Generator


@pytest.mark.parametrize(("make", "value"), [(cl.zeros, 0.0), (cl.ones, 1.0)])
def test_sizes_are_given_one_by_one_or_together(make: Any, value: float) -> None:
    for x in (make(2, 3), make((2, 3)), make([2, 3]), make(np.int64(2), 3)):
        assert x.shape == (2, 3)
        assert x.dtype == np.float32
        assert (x == value).all()
    assert make().shape == ()
    assert make(0, 2).numel() == 0
    assert make(1, requires_grad=True).requires_grad


def test_full_and_likes() -> None:
    assert cl.full((2, 1), 7).tolist() == [[7.0], [7.0]]
    assert cl.full(2, 0.5).tolist() == [0.5, 0.5]
    images = Tensor(np.ones((2, 4, 5, 3), np.float32).transpose(0, 3, 1, 2))
    for like, value in ((cl.zeros_like, 0.0), (cl.ones_like, 1.0)):
        x = like(images)
        assert x.data.strides == images.data.strides
        assert (x == value).all()


def test_arange_is_numpys() -> None:
    assert cl.arange(3).tolist() == [0.0, 1.0, 2.0]
    assert cl.arange(1, 2, 0.5).tolist() == [1.0, 1.5]
    assert cl.arange(3, 0, -1).tolist() == [3.0, 2.0, 1.0]
    with pytest.raises(ValueError, match="arange: step must not be 0"):
        cl.arange(0, 3, 0)


@pytest.mark.parametrize("make", [cl.rand, cl.randn])
def test_random_numbers_come_from_the_seed(make: Any) -> None:
    cl.seed(3)
    first, second = make(50, 4), make(50, 4)
    cl.seed(3)
    assert make(50, 4).tolist() == first.tolist() != second.tolist()
    state = cl.random.default_generator.get_state()
    assert make(2, generator=Generator(1)).tolist() == make(2, generator=Generator(1)).tolist()
    assert cl.random.default_generator.get_state() == state
    assert abs(first.mean().item() - (0.5 if make is cl.rand else 0.0)) < 0.2


def test_a_tensor_is_a_copy_and_from_numpy_is_not() -> None:
    array = np.zeros(2, np.float32)
    assert not np.shares_memory(cl.tensor(array).data, array)
    assert not np.shares_memory(cl.tensor(Tensor(array), requires_grad=True).data, array)
    assert cl.from_numpy(array).data is array
    assert cl.from_numpy(np.arange(2)).dtype == np.float32
    with pytest.raises(TypeError, match="from_numpy: array must be a NumPy array, got list"):
        cl.from_numpy([1.0])  # type: ignore[arg-type]


def test_bad_sizes_are_named() -> None:
    with pytest.raises(ValueError, match=r"zeros: size must be at least 0 .*, got \(2, -1\)"):
        cl.zeros(2, -1)
    with pytest.raises(TypeError, match="randn: size must be an int, got float"):
        cl.randn(2.0)  # type: ignore[arg-type]
