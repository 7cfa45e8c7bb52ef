"""Hooks on gradients, gradients of what is no leaf, and gradients on request."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor
from convlet.autograd import grad


def leaf(*values: float) -> Tensor:
    return Tensor(list(values), requires_grad=True)


def test_a_hook_sees_the_whole_gradient_once() -> None:
    x, seen = leaf(1.0, 2.0), []
    y = x * 3.0
    y.register_hook(lambda dy: seen.append(("y", dy.tolist())))
    x.register_hook(lambda dx: seen.append(("x", dx.tolist())))
    (y + y * y + x).sum().backward()
    assert seen == [("y", [7.0, 13.0]), ("x", [22.0, 40.0])]


def test_what_a_hook_returns_goes_on() -> None:
    x = leaf(1.0, 2.0)
    y = x * 3.0
    y.register_hook(lambda dy: dy * 10.0)
    y.register_hook(lambda dy: np.asarray(dy) + 1.0)  # type: ignore[arg-type,return-value]
    handle = x.register_hook(lambda dx: -dx)
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [-33.0, -33.0]
    handle.remove()
    handle.remove()
    x.zero_grad()
    x.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_hook_lives_on_the_graph_and_not_on_the_tensor() -> None:
    x, seen = leaf(1.0), []
    y = x * 2.0
    y.register_hook(lambda dy: seen.append(dy.item()))
    z = y * 3.0
    del y
    gc.collect()
    z.backward()
    assert seen == [3.0]


def test_a_hook_is_refused_where_it_would_never_run_or_returns_nonsense() -> None:
    with pytest.raises(RuntimeError, match="register_hook: a tensor that requires no gradient"):
        Tensor([1.0]).register_hook(print)
    with pytest.raises(RuntimeError, match="retain_grad: a tensor that requires no gradient"):
        Tensor([1.0]).retain_grad()
    x = leaf(1.0, 2.0)
    x.register_hook(lambda dx: dx.sum())
    with pytest.raises(ValueError, match=r"hook must return shape \(2,\), got \(\)"):
        x.sum().backward()
    assert x.grad is None


def test_an_inner_gradient_is_kept_on_request() -> None:
    x = leaf(1.0, 2.0)
    x.retain_grad()
    y = x * x
    y.retain_grad()
    y.retain_grad()
    z = (y * 3.0).sum()
    z.backward(retain_graph=True)
    assert y.grad is not None
    assert y.grad.tolist() == [3.0, 3.0]
    z.backward()
    assert y.grad.tolist() == [6.0, 6.0]
    ref = weakref.ref(y)
    gc.disable()
    try:
        del y
        assert ref() is None
    finally:
        gc.enable()


def test_grad_gives_gradients_of_leaves_and_results_and_leaves_grad_alone() -> None:
    x, w, unused = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf(5.0)
    y = x * w
    z = (y * y).sum()
    dy, dx, none, dz = grad(z, [y, x, unused, z], retain_graph=True, allow_unused=True)
    assert dy is not None
    assert dx is not None
    assert dz is not None
    assert (dy.tolist(), dx.tolist(), none, dz.item()) == ([6.0, 16.0], [18.0, 64.0], None, 1.0)
    assert x.grad is w.grad is y.grad is None
    (again,) = cl.autograd.grad([y, z], w, [np.ones(2, np.float32), None])
    assert again is not None
    assert again.tolist() == [1 + 6.0, 2 + 32.0]


def test_grad_says_what_is_wrong() -> None:
    x, other = leaf(1.0, 2.0), leaf(1.0)
    bad: list[tuple[Any, type[Exception], str]] = [
        (lambda: grad((x * x).sum(), [x, other]), RuntimeError, r"do not depend on inputs\[1\]"),
        (lambda: grad(x * x, x), ValueError, "grad: a tensor of shape"),
        (
            lambda: grad(x * x, x, np.ones(3, np.float32)),
            ValueError,
            r"grad: gradient must have shape \(2,\)",
        ),
        (lambda: grad(Tensor(1.0), x), RuntimeError, "grad: nothing that led to this tensor"),
        (lambda: grad([], x), ValueError, "grad: outputs must be at least one tensor, got none"),
        (lambda: grad(x.sum(), []), ValueError, "grad: inputs must be at least one tensor"),
        (lambda: grad(x.sum(), [x.numpy()]), TypeError, "inputs must be tensors, got ndarray"),  # type: ignore[list-item]
        (lambda: grad(1.0, x), TypeError, "grad: outputs must be tensors, got float"),  # type: ignore[arg-type]
        (lambda: grad([x.sum()], x, [None, None]), ValueError, "must be 1 as outputs, got 2"),
    ]
    for call, error, message in bad:
        with pytest.raises(error, match=message):
            call()


def test_hooks_run_for_grad_too() -> None:
    x = leaf(1.0)
    with x.register_hook(lambda dx: dx * 5.0):
        (dx,) = grad(x * 2.0, x)
    assert dx is not None
    assert dx.item() == 10.0
