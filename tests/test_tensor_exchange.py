"""Tensors as numbers, text, copies, pickles and arrays of other libraries."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, nn


def test_a_single_number_formats_as_one() -> None:
    assert f"{Tensor(1.23456):.2f} {Tensor([2.0])}" == "1.23 Tensor([2.])"
    assert (int(Tensor(3.7)), Tensor([[1.0, 2.0]]).tolist()) == (3, [[1.0, 2.0]])
    with pytest.raises((TypeError, ValueError), match="format"):
        f"{Tensor([1.0, 2.0]):.2f}"


def test_a_leaf_is_copied_with_its_gradient_and_kind() -> None:
    w = nn.Parameter([1.0, 2.0])
    (w * w).sum().backward()
    twin = copy.deepcopy([w, w])
    assert twin[0] is twin[1]
    assert isinstance(twin[0], nn.Parameter)
    assert twin[0].requires_grad
    assert twin[0].grad is not None
    assert twin[0].grad.tolist() == [2.0, 4.0]
    assert not np.shares_memory(twin[0].data, w.data)
    assert copy.copy(w).data is w.data


def test_a_leaf_survives_a_pickle_without_its_gradient() -> None:
    w = nn.Parameter([1.0, 2.0])
    w.sum().backward()
    back = pickle.loads(pickle.dumps(w))
    assert isinstance(back, nn.Parameter)
    assert (back.tolist(), back.requires_grad, back.grad) == ([1.0, 2.0], True, None)


@pytest.mark.parametrize("way", [copy.deepcopy, pickle.dumps], ids=["deepcopy", "pickle"])
def test_history_cannot_be_copied(way: Any) -> None:
    with pytest.raises(RuntimeError, match=r"cannot take its history along; use x.detach\(\)"):
        way(Tensor([1.0], requires_grad=True) * 2)


def test_an_array_of_another_dtype_is_a_copy_and_never_a_surprise() -> None:
    x = Tensor([1.0, 2.0])
    assert np.array(x).tolist() == [1.0, 2.0]
    assert not np.shares_memory(np.array(x), x.data)
    with pytest.raises(ValueError, match="become int64 only by a copy"):
        np.asarray(x, np.int64, copy=False)


def test_all_is_on_the_processor_and_of_float32() -> None:
    x, net = Tensor([1.0]), nn.Sequential(nn.Linear(2, 2))
    for thing in (x, net):
        assert thing.cpu() is thing.float() is thing
        assert thing.to("cpu", non_blocking=True) is thing.to(device="cpu:0") is thing
        assert thing.to(np.float32) is thing.to("cpu", np.dtype("float32")) is thing
        assert thing.to(x.device) is thing.to(x) is thing.to("cpu", dtype="torch.float32") is thing
        for other in ("cuda", "cuda:0", "mps", "float16", np.float64, "", 0, "cpufloat32"):
            with pytest.raises(ValueError, match="to: all is on the CPU and of float32, got"):
                thing.to(other)
        with pytest.raises(ValueError, match="of float32, got 'cuda'"):
            thing.to(device="cuda")
        with pytest.raises(ValueError, match=r"use clone\(\)"):
            thing.to("cpu", copy=True)


def test_pytorchs_words_for_the_processor_are_understood() -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    net = nn.Linear(2, 2)
    assert net.to(torch.device("cpu")) is net.to(torch.float32) is net.to("cpu", torch.float) is net
    for other in (torch.device("cuda"), torch.device("meta"), torch.float16, torch.int64):
        with pytest.raises(ValueError, match="of float32, got"):
            net.to(other)


def test_numpy_shares_by_dlpack() -> None:
    x = Tensor([1.0, 2.0])
    array = np.from_dlpack(x)
    assert np.shares_memory(array, x.data)
    assert np.shares_memory(cl.from_dlpack(x).data, x.data)
    assert x.__dlpack_device__()[0] == 1


def test_images_keep_their_memory_order_through_dlpack(rng: np.random.Generator) -> None:
    x = nn.functional.relu(rng.normal(size=(2, 5, 3, 4)).astype(np.float32))
    array = np.from_dlpack(x)
    assert array.strides == x.data.strides
    np.testing.assert_array_equal(array, x.data)


def test_pytorch_shares_both_ways(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    x = Tensor(rng.normal(size=(2, 5, 3, 4)).astype(np.float32).transpose(0, 3, 1, 2))
    theirs = torch.from_dlpack(x)
    assert theirs.data_ptr() == x.data.__array_interface__["data"][0]
    theirs[0, 0, 0, 0] = 7.0
    assert x.data[0, 0, 0, 0] == 7.0
    ours = cl.from_dlpack(theirs)
    assert np.shares_memory(ours.data, x.data)
    assert ours.data.strides == x.data.strides
    assert cl.from_dlpack(torch.arange(3, dtype=torch.float64)).tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(BufferError, match=r"from_dlpack: .*grad"):
        cl.from_dlpack(torch.zeros(2, requires_grad=True))
    with pytest.raises(BufferError, match="from_dlpack"):
        cl.from_dlpack(torch.zeros(2, dtype=torch.bfloat16))


def test_jax_shares_both_ways() -> None:
    jax = pytest.importorskip("jax", exc_type=ImportError)
    x = Tensor(np.arange(64, dtype=np.float32).reshape(4, 16))
    theirs = jax.numpy.from_dlpack(x)
    np.testing.assert_array_equal(np.asarray(theirs), x.data)
    ours = cl.from_dlpack(theirs)
    assert ours.data.__array_interface__["data"][0] == theirs.unsafe_buffer_pointer()
    assert (ours + 1.0).sum().item() == 64 * 65 / 2


def test_gradients_do_not_go_through_dlpack() -> None:
    with pytest.raises(BufferError, match=r"carries no gradients; share x.detach\(\)"):
        np.from_dlpack(nn.Parameter([1.0]))
    with pytest.raises(TypeError, match="ext_tensor must have __dlpack__, got list"):
        cl.from_dlpack([1.0])
