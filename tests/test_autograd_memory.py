"""Gradients that are written over those they are made of, and those that must stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, ops
from convlet.autograd import grad
from convlet.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

    from convlet.ops._arguments import Array

SHAPE = (3, 5, 7, 6)


def images(seed: int, shape: tuple[int, ...] = SHAPE) -> Array:
    """Random images, channels innermost in memory as the kernels leave them."""
    n, c, h, w = shape
    drawn = np.random.default_rng(seed).standard_normal((n, h, w, c), np.float32)
    return drawn.transpose(0, 3, 1, 2)


def leaf(seed: int, *shape: int) -> Tensor:
    drawn = np.random.default_rng(seed).standard_normal(shape, np.float32)
    return Tensor(drawn, requires_grad=True)


X, Y = images(0), images(1)
MEAN, VARIANCE = ops.batch_moments(X)


def _of_residual(dy: Array, over: bool) -> Array:
    found = ops.batch_norm_grad(dy, X, MEAN, VARIANCE, y=Y, residual=True, overwrite_dy=over)
    assert found[3] is not None
    assert not np.shares_memory(found[0], found[3])
    return found[3]


GRADIENTS: dict[str, Callable[[Array, bool], Array]] = {
    "relu": lambda dy, over: ops.relu_grad(dy, Y, overwrite_dy=over),
    "relu6": lambda dy, over: ops.relu6_grad(dy, Y, overwrite_dy=over),
    "leaky_relu": lambda dy, over: ops.leaky_relu_grad(dy, X, 0.1, overwrite_dy=over),
    "sigmoid": lambda dy, over: ops.sigmoid_grad(dy, Y, overwrite_dy=over),
    "silu": lambda dy, over: ops.silu_grad(dy, X, overwrite_dy=over),
    "hardsigmoid": lambda dy, over: ops.hardsigmoid_grad(dy, Y, overwrite_dy=over),
    "hardswish": lambda dy, over: ops.hardswish_grad(dy, X, overwrite_dy=over),
    "add": lambda dy, over: ops.add(dy, X, overwrite_a=over),
    "batch_norm": lambda dy, over: ops.batch_norm_grad(dy, X, MEAN, VARIANCE, overwrite_dy=over)[0],
    "batch_norm, residual": _of_residual,
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_overwriting_changes_where_numbers_lie_and_no_bit(name: str) -> None:
    gradient = GRADIENTS[name]
    dy = images(2)
    before = dy.copy()
    expected = gradient(dy, False)
    assert not np.shares_memory(expected, dy)
    np.testing.assert_array_equal(dy, before)
    found = gradient(dy, True)
    assert np.shares_memory(found, dy)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", GRADIENTS)
def test_what_is_read_only_stays_and_any_order_of_memory_serves(name: str) -> None:
    gradient = GRADIENTS[name]
    expected = gradient(images(2), False)
    read_only = images(2)
    read_only.flags.writeable = False
    np.testing.assert_array_equal(gradient(read_only, True), expected)
    np.testing.assert_array_equal(read_only, images(2))
    np.testing.assert_array_equal(
        gradient(np.ascontiguousarray(images(2))[..., ::-1][..., ::-1], True), expected
    )


def test_the_gradient_of_a_residual_without_activation_is_dy_and_stays() -> None:
    dy = images(2)
    dx, _, _, more = ops.batch_norm_grad(dy, X, MEAN, VARIANCE, residual=True, overwrite_dy=True)
    assert more is not None
    assert np.shares_memory(more, dy)
    np.testing.assert_array_equal(dy, images(2))
    np.testing.assert_array_equal(dx, ops.batch_norm_grad(dy, X, MEAN, VARIANCE)[0])


def network(x: Tensor, w: Tensor, v: Tensor, see: Callable[[Tensor], Tensor]) -> Tensor:
    """Blocks with a way around them, in every form in which a gradient goes to two operations."""
    a = see(F.batch_norm(see(F.conv2d(x, w, padding=1)), training=True, activation="relu"))
    b = F.batch_norm(see(F.conv2d(a, w, padding=1)), training=True, residual=a, activation="relu")
    c = see(F.batch_norm(F.conv2d(see(b), w, padding=1), training=True, residual=b))
    d = see(see(F.relu(see(F.conv2d(c, w, padding=1, residual=c)))) + see(F.silu(c)))
    e = see(F.conv2d(cl.cat([d, see(F.hardswish(d))], 1), v, padding=1, activation="relu6"))
    y: Tensor = F.max_pool2d(e, 2) + F.avg_pool2d(d, 2)
    return y


def operands() -> tuple[Tensor, Tensor, Tensor]:
    return leaf(3, *SHAPE), leaf(4, 5, 5, 3, 3), leaf(5, 5, 10, 3, 3)


def test_a_gradient_that_a_hook_has_seen_is_not_written_over() -> None:
    """And the others give the same bits as where nothing is: a hook on every result."""
    seen: list[tuple[Array, Array]] = []

    def see(x: Tensor) -> Tensor:
        x.register_hook(lambda dx: seen.append((dx.data, dx.data.copy())))
        return x

    parents, alike = operands(), operands()
    (network(*parents, see) ** 2).sum().backward()
    (network(*alike, lambda x: x) ** 2).sum().backward()
    assert len(seen) == 11
    for now, then in seen:
        np.testing.assert_array_equal(now, then)
    for one, other in zip(parents, alike, strict=True):
        assert one.grad is not None
        assert other.grad is not None
        np.testing.assert_array_equal(one.grad.data, other.grad.data)


def test_a_second_backward_finds_everything_as_the_first_did() -> None:
    parents = operands()
    loss = (network(*parents, lambda x: x) ** 2).sum()
    first = grad(loss, parents, retain_graph=True)
    again = grad(loss, parents, retain_graph=True)
    for one, other in zip(first, again, strict=True):
        assert one is not None
        assert other is not None
        np.testing.assert_array_equal(one.data, other.data)


def test_the_gradient_that_backward_is_given_stays() -> None:
    x, start = leaf(3, *SHAPE), images(2)
    F.batch_norm(x, training=True, activation="relu").backward(Tensor(start))
    np.testing.assert_array_equal(start, images(2))


def test_gradients_in_the_middle_that_were_asked_for_stay() -> None:
    x, w, _ = operands()
    y = F.batch_norm(F.conv2d(x, w), training=True, activation="relu")
    z = F.relu(F.conv2d(y, w))
    dz, dy, dx = grad((z * z).sum(), (z, y, x))
    assert dz is not None
    np.testing.assert_array_equal(dz.data, 2 * z.data)
    assert dy is not None
    assert dx is not None
    assert not np.shares_memory(dz.data, dy.data)
    assert not np.shares_memory(dy.data, dx.data)


def test_leaves_of_one_sum_do_not_share_a_gradient() -> None:
    x, w, _ = operands()
    more = leaf(6, 3, 5, 5, 4)
    y = F.batch_norm(F.conv2d(x, w, residual=more), training=True, activation="relu")
    (y * y).sum().backward()
    assert more.grad is not None
    kept = more.grad.data.copy()
    (F.relu(F.conv2d(x, w, residual=more)) ** 2).sum().backward()
    assert not np.array_equal(more.grad.data, kept)  # it was added up, in memory of its own
    for one in (x, w):
        assert one.grad is not None
        assert not np.shares_memory(one.grad.data, more.grad.data)


def test_the_way_back_through_normalised_layers_writes_over_what_it_came_by(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But for the last layer, whose gradient an operation made that does not hand over its own."""
    over, really = [], ops.batch_norm_grad

    def watched(dy: Array, *args: Any, **more: Any) -> Any:
        found = really(dy, *args, **more)
        over.append(np.shares_memory(dy, found[0]))
        return found

    monkeypatch.setattr(ops, "batch_norm_grad", watched)
    x, w, _ = operands()
    y: Tensor = x
    for _ in range(4):
        y = F.batch_norm(F.conv2d(y, w, padding=1), training=True, activation="relu")
    (y * y).sum().backward()
    assert over == [False, True, True, True]
