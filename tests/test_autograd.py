"""The tape: order, accumulation, freeing, modes."""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor
from convlet.autograd import record
from convlet.nn import functional as F


def leaf(*values: float) -> Tensor:
    return Tensor(list(values), requires_grad=True)


def grad_of(tensor: Tensor) -> list[float]:
    assert tensor.grad is not None
    return tensor.grad.data.tolist()  # type: ignore[no-any-return]


def test_ten_thousand_layers_need_no_recursion() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(10_000):
        y = y + 1
    assert sys.getrecursionlimit() < 10_000
    y.backward()
    assert grad_of(x) == [1.0]


def test_a_graph_of_a_hundred_thousand_nodes_is_dropped_without_a_crash() -> None:
    y = leaf(1.0)
    for _ in range(100_000):
        y = y * 1.0
    del y
    assert gc.collect() >= 0


@pytest.mark.parametrize(
    "layer",
    [
        lambda y: y * y * 0.5 + 0.5,
        lambda y: F.relu(y).reshape(1, -1)[0],
        lambda y: cl.cat([y, y])[:2].exp() * 0.1,
        lambda y: cl.checkpoint(lambda x: x + 1.0, y),
    ],
    ids=["arithmetic", "shapes", "joining", "checkpoint"],
)
def test_deep_graphs_of_all_kinds_are_used_and_dropped_on_a_small_stack(layer: Any) -> None:
    def work() -> None:
        x = leaf(1.0, 0.5)
        for used in (True, False):
            y = x
            for _ in range(3000):
                y = layer(y)
            if used:
                y.sum().backward()
            del y
        done.append(x.grad is not None)

    done: list[bool] = []
    before = threading.stack_size(256 * 1024)  # recursion in C would need several megabytes
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert done == [True]


def test_a_value_used_twice_collects_both_gradients() -> None:
    x = leaf(3.0)
    y = x * x
    (y * y + y).backward()
    assert grad_of(x) == [4 * 27.0 + 6.0]


def test_each_operation_runs_once_after_all_that_use_it() -> None:
    x = leaf(1.0)
    calls = []

    def middle(value: Tensor, name: str) -> Tensor:
        def vjp(dy: np.ndarray) -> tuple[np.ndarray]:
            calls.append((name, dy.item()))
            return (dy,)

        return record(value.data, (value,), vjp)

    a = middle(x, "a")
    b = middle(a, "b")
    c = middle(a, "c")
    (b + c + a).backward()
    assert sorted(calls[:2]) == [("b", 1.0), ("c", 1.0)]
    assert calls[2:] == [("a", 3.0)]


def test_gradients_accumulate_until_they_are_forgotten() -> None:
    x = leaf(2.0)
    for _ in range(3):
        (x * 5.0).backward()
    assert grad_of(x) == [15.0]
    x.zero_grad()
    assert x.grad is None


def test_a_second_backward_says_that_the_graph_is_freed() -> None:
    y = (leaf(2.0) ** 2).sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"freed by an earlier backward\(\).*retain_graph=True"):
        y.backward()


def test_retain_graph_allows_a_second_backward() -> None:
    x = leaf(2.0)
    y = (x**2).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert grad_of(x) == [8.0]


def test_saved_arrays_are_freed_as_backward_goes() -> None:
    y: Tensor = leaf(*range(10))
    seen: list[weakref.ref[np.ndarray]] = []
    alive: list[int] = []

    def watch(value: Tensor) -> Tensor:
        def vjp(dy: np.ndarray) -> tuple[np.ndarray]:
            alive.append(sum(ref() is not None for ref in seen))
            return (dy,)

        seen.append(weakref.ref(value.data))
        return record(value.data, (value,), vjp)

    for _ in range(5):
        y = watch(y).square() * 0.1
    total = y.sum()
    del y
    total.backward()
    assert alive == [4, 3, 2, 1, 1]  # the leaf stays until the end


def test_what_no_gradient_needs_is_not_kept() -> None:
    x = leaf(1.0, 2.0)
    y = x + 1.0
    ref = weakref.ref(y.data)
    z = (y + x).reshape(2, 1) - 5.0
    del y
    assert ref() is None
    z.sum().backward()
    assert grad_of(x) == [2.0, 2.0]


def test_nothing_is_left_for_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = ((x * x) @ Tensor([1.0, 1.0])).sum()
        ref = weakref.ref(y)
        y.backward()
        del y
        assert ref() is None
    finally:
        gc.enable()


def test_gradients_of_leaves_never_share_memory() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    start = np.ones(2, np.float32)
    (x + y).backward(start)
    assert x.grad is not None
    assert y.grad is not None
    arrays = [x.grad.data, y.grad.data, start]
    assert not any(np.shares_memory(a, b) for a in arrays for b in arrays if a is not b)
    z = leaf(*range(6))
    z.reshape(2, 3).backward(other := np.ones((2, 3), np.float32))
    assert z.grad is not None
    assert not np.shares_memory(z.grad.data, other)


def test_a_leaf_is_its_own_gradient() -> None:
    x = leaf(7.0)
    x.backward()
    assert grad_of(x) == [1.0]


def test_no_grad_records_nothing_and_is_left_also_after_an_error() -> None:
    x = leaf(1.0)
    with contextlib.suppress(KeyError), cl.no_grad():
        assert not (x * 2).requires_grad
        raise KeyError
    assert (x * 2).requires_grad


def test_no_grad_nests_and_decorates() -> None:
    x = leaf(1.0)

    @cl.no_grad()
    def double(depth: int = 0) -> Tensor:
        if depth:
            double(depth - 1)
        return x * 2

    assert not double(3).requires_grad
    with cl.no_grad():
        with cl.no_grad():
            pass
        assert not (x * 2).requires_grad
    assert cl.is_grad_enabled()


def test_no_grad_belongs_to_its_thread() -> None:
    recorded = []
    with cl.no_grad():
        thread = threading.Thread(target=lambda: recorded.append((leaf(1.0) * 2).requires_grad))
        thread.start()
        thread.join()
    assert recorded == [True]


def test_detach_shares_numbers_and_stops_gradients() -> None:
    x = leaf(2.0)
    y = x * 3
    (y.detach() * x).backward()
    assert grad_of(x) == [6.0]
    assert y.detach().data is y.data


def test_backward_without_anything_to_train_says_so() -> None:
    with pytest.raises(RuntimeError, match="nothing that led to this tensor requires a gradient"):
        Tensor([1.0]).backward()


def test_backward_of_several_numbers_needs_a_gradient_of_their_shape() -> None:
    y = leaf(1.0, 2.0) * 2
    with pytest.raises(ValueError, match=r"a tensor of shape \(2,\) needs the argument gradient"):
        y.backward()
    with pytest.raises(ValueError, match=r"gradient must have shape \(2,\), got \(3,\)"):
        y.backward(np.ones(3))


def test_only_a_leaf_may_change_whether_it_is_trained() -> None:
    assert Tensor([1.0]).requires_grad_().requires_grad
    with pytest.raises(RuntimeError, match="only a leaf may change"):
        (leaf(1.0) * 2).requires_grad_(False)


def test_a_single_number_goes_through_operators_and_back() -> None:
    x = Tensor(3.0, requires_grad=True)
    (F.relu(x * 2.0) ** 2 * 0.5).backward()
    assert x.grad is not None
    assert type(x.grad.data) is np.ndarray
    assert (x.grad.item(), x.grad.shape) == (12.0, ())
