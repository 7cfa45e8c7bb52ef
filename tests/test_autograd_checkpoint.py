"""A part that is computed again in backward gives the same bits as one that was kept."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, nn
from convlet.random import Generator

if TYPE_CHECKING:
    from collections.abc import Callable


def network() -> nn.Sequential:
    cl.seed(5)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.4),
        nn.Conv2d(8, 4, 3, padding=1), nn.ReLU(), nn.Dropout(0.2),
    )  # fmt: skip


def train(call: Callable[[nn.Sequential, Tensor], Tensor]) -> list[bytes]:
    """Three steps; the bits of the input's gradient, of all weights and statistics, and of a draw."""
    model = network()
    optimizer = cl.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    x = Tensor(np.random.default_rng(0).normal(size=(2, 3, 6, 6)), requires_grad=True)
    for _ in range(3):
        optimizer.zero_grad()
        (call(model, x * 2.0) ** 2).sum().backward()
        optimizer.step()
    assert x.grad is not None
    state = [np.asarray(value) for value in model.state_dict().values()]
    return [array.tobytes() for array in (x.grad.data, *state, cl.rand(4).data)]


def in_halves(model: nn.Sequential, x: Tensor) -> Tensor:
    first, second = nn.Sequential(*model[:4]), nn.Sequential(*model[4:])
    return cl.checkpoint(second, cl.checkpoint(first, x))


def nested(model: nn.Sequential, x: Tensor) -> Tensor:
    return cl.checkpoint(lambda y: in_halves(model, y), x)


def test_training_is_the_same_bits_with_and_without() -> None:
    wanted = train(lambda model, x: model(x))
    assert train(lambda model, x: cl.checkpoint(model, x, use_reentrant=False)) == wanted
    assert train(in_halves) == wanted
    assert train(nested) == wanted


def test_nothing_inside_is_kept() -> None:
    inside: list[weakref.ref[np.ndarray]] = []
    calls = []

    def watch(x: Tensor) -> Tensor:
        y = x.exp()
        inside.append(weakref.ref(y.data))
        calls.append(cl.is_grad_enabled())
        return y * y

    x = Tensor([0.5], requires_grad=True)
    y = cl.checkpoint(watch, x)
    assert inside[0]() is None
    assert calls == [True]
    with cl.no_grad():
        y.backward()
    assert calls == [True, True]
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.data, 2 * np.exp(1.0), rtol=1e-6)


def test_a_retained_graph_is_computed_again_each_time() -> None:
    x = Tensor([3.0], requires_grad=True)
    y = cl.checkpoint(lambda a, scale: a * a * scale, x * 1.0, scale=2.0)
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [24.0]
    with pytest.raises(RuntimeError, match="freed by an earlier"):
        y.backward()


def test_parameters_alone_are_enough_and_nothing_to_train_is_no_checkpoint() -> None:
    layer = nn.Linear(2, 1)
    cl.checkpoint(layer, Tensor([[1.0, 2.0]])).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[1.0, 2.0]]
    assert cl.checkpoint(lambda x: x * 2.0, Tensor([1.0])).is_leaf
    with cl.no_grad():
        assert cl.checkpoint(layer, Tensor([[1.0, 2.0]])).is_leaf


def test_hooks_and_grad_reach_through() -> None:
    x = Tensor([2.0], requires_grad=True)
    w = nn.Parameter([3.0])
    seen: list[float] = []
    w.register_hook(lambda dw: seen.append(dw.item()))
    y = x * 1.0
    z = cl.checkpoint(lambda a: a * w * w, y)
    dy, dw = cl.autograd.grad(z + w, [y, w])
    assert dy is not None
    assert dw is not None
    assert (dy.item(), dw.item(), seen) == (9.0, 13.0, [13.0])
    assert w.grad is None


def test_arguments_are_as_they_were() -> None:
    x = Tensor([2.0], requires_grad=True)
    y = x * 1.0
    z = cl.checkpoint(lambda a: a * a, y)
    y += 100.0  # under recording, another tensor's numbers
    z.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [4.0]
    c = Tensor([1.0])
    z = cl.checkpoint(lambda a, b: a * b, x, c)
    c += 1.0
    with pytest.raises(RuntimeError, match="checkpoint saved for its gradient has been modified"):
        z.backward()


def test_a_function_that_is_not_the_same_twice_is_found_out() -> None:
    calls: list[int] = []

    def restless(x: Tensor) -> Tensor:
        calls.append(1)
        return nn.functional.dropout(x) if len(calls) > 1 else x * 1.0

    y = cl.checkpoint(restless, Tensor([1.0], requires_grad=True))
    with pytest.raises(RuntimeError, match="drew more random numbers in backward"):
        y.sum().backward()
    with pytest.raises(TypeError, match="function must return one tensor, got tuple"):
        cl.checkpoint(lambda x: (x, x), Tensor([1.0]))  # type: ignore[arg-type,return-value]


def test_generators_of_ones_own_repeat_too() -> None:
    generator = Generator(4)
    x = Tensor(np.ones(100), requires_grad=True)
    y = cl.checkpoint(lambda a: nn.functional.dropout(a, 0.5, generator=generator), x)
    after = generator.get_state()
    y.sum().backward()
    assert generator.get_state() == after
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, y.data)


def test_a_long_chain_of_checkpoints_needs_no_recursion() -> None:
    x = Tensor([1.0], requires_grad=True)
    y: Tensor = x
    for _ in range(3000):
        y = cl.checkpoint(lambda a: a + 1.0, y)
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0]


def test_nothing_is_left_for_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = Tensor([1.0], requires_grad=True)
        argument = x * 1.0
        ref = weakref.ref(argument.data)
        y = cl.checkpoint(lambda a: a * a, argument)
        del argument
        assert ref() is not None
        del y
        assert ref() is None
    finally:
        gc.enable()
