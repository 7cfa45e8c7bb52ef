"""Values that were saved for a gradient and then modified in place are found out."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, nn, optim
from convlet._changes import changes
from convlet.nn import functional as F

if TYPE_CHECKING:
    from collections.abc import Callable

CHANGED = "saved for its gradient has been modified in place since"


def leaf(*values: float) -> Tensor:
    return Tensor(list(values), requires_grad=True)


def write(x: Tensor) -> None:
    with cl.no_grad():
        x[0] = 7.0


def add_in_place(x: Tensor) -> None:
    with cl.no_grad():
        x += 1.0


def scale_in_place(x: Tensor) -> None:
    with cl.no_grad():
        x *= 2.0


def write_a_view(x: Tensor) -> None:
    with cl.no_grad():
        x.reshape(1, -1)[0, 1:] = 7.0


def write_detached(x: Tensor) -> None:
    x.detach()[...] = 7.0


def initialise(x: Tensor) -> None:
    nn.init.zeros_(x)


def step(x: Tensor) -> None:
    x.grad = Tensor(np.ones(x.shape))
    optim.SGD([x], lr=0.1).step()


def step_with_momentum(x: Tensor) -> None:
    x.grad = Tensor(np.ones(x.shape))
    optim.SGD([x], lr=0.1, momentum=0.9).step()


def step_of_adam(x: Tensor) -> None:
    x.grad = Tensor(np.ones(x.shape))
    optim.Adam([x]).step()


WAYS = [
    *(write, add_in_place, scale_in_place, write_a_view, write_detached, initialise),
    *(step, step_with_momentum, step_of_adam),
]


@pytest.mark.parametrize("change", WAYS, ids=lambda way: way.__name__)
def test_a_change_of_a_saved_leaf_is_an_error(change: Callable[[Tensor], None]) -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    change(x)
    with pytest.raises(RuntimeError, match=rf"shape \(2,\) that multiply {CHANGED}"):
        y.backward()
    assert type(x.data) is np.ndarray


@pytest.mark.parametrize("change", WAYS, ids=lambda way: way.__name__)
def test_a_change_before_the_operation_or_of_what_is_not_saved_is_none(
    change: Callable[[Tensor], None],
) -> None:
    x = leaf(1.0, 2.0)
    change(x)
    x.zero_grad()
    y = (x + 1.0).sum()  # a sum saves nothing
    z = (x * x).sum()
    change(other := leaf(1.0, 2.0))
    assert other.node is None
    z.backward()
    change(x)
    x.zero_grad()
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1.0, 1.0]


def test_a_loaded_state_is_a_change() -> None:
    layer = nn.Linear(2, 2)
    y = layer(Tensor(np.ones((1, 2)), requires_grad=True)).sum()
    layer.load_state_dict({"weight": np.zeros((2, 2)), "bias": np.zeros(2)})
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward()


def test_a_saved_result_is_watched_too() -> None:
    y = F.relu(leaf(1.0, 2.0))
    z = y.sum()
    write(y)
    with pytest.raises(RuntimeError, match=f"that relu {CHANGED}"):
        z.backward()


def test_a_constant_operand_is_watched_too() -> None:
    x, c = leaf(1.0, 2.0), Tensor([3.0, 4.0])
    y = (x * c).sum()
    c += 1.0
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward()


def test_the_check_stays_for_a_graph_that_is_retained() -> None:
    x = leaf(1.0, 2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    step(x)
    with pytest.raises(RuntimeError, match=CHANGED):
        y.backward()


def test_an_ordinary_loop_of_training_meets_no_error() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    optimizer = optim.Adam(model.parameters())
    x = Tensor(np.ones((2, 3)))
    for _ in range(3):
        for _ in range(2):
            model(x).sum().backward()
        optimizer.step()
        optimizer.zero_grad()


def test_in_place_under_recording_gives_new_memory_and_right_gradients() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    z = y * y
    y += 10.0
    y *= x
    y -= 1.0
    y /= 2.0
    (y + z).sum().backward()  # (x**3 + 10 x - 1) / 2 + x**4
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.data, [6.5 + 4, 11 + 32], rtol=1e-6)


def test_in_place_without_recording_keeps_the_memory() -> None:
    x = Tensor([1.0, 2.0])
    data = x.data
    x += 1.0
    x -= Tensor([0.0, 1.0])
    x *= 4.0
    x /= 2.0
    assert x.data is data
    assert x.tolist() == [4.0, 4.0]


def test_in_place_refuses_leaves_growth_and_read_only_memory() -> None:
    x: Any = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"\+=: a leaf that requires a gradient cannot be"):
        x += 1.0
    y = Tensor([1.0])
    with pytest.raises(ValueError, match=r"\*=: a result of shape \(2,\) has no place in \(1,\)"):
        y *= Tensor([1.0, 2.0])
    z = Tensor([1.0]).expand(3)
    with pytest.raises(ValueError, match="-=: the numbers are read-only"):
        z -= 1.0
    with pytest.raises(ValueError, match="the numbers of x are read-only"):
        z[0] = 1.0


def test_writing_a_part_is_refused_while_it_would_have_to_be_recorded() -> None:
    x, y = leaf(1.0, 2.0), Tensor([1.0, 2.0])
    for target, value in ((x, 1.0), (x * 2, 1.0), (y, x[0])):
        with pytest.raises(RuntimeError, match="neither side may require a gradient"):
            target[0] = value
    y[1:] = Tensor([5.0])
    y[np.array([True, False])] = 3
    assert y.tolist() == [3.0, 5.0]
    with pytest.raises(ValueError, match=r"a value of shape \(2,\) does not broadcast to \(\)"):
        y[0] = [1.0, 2.0]


def test_notes_of_arrays_that_are_gone_are_dropped() -> None:
    for _ in range(5000):
        Tensor([1.0])[0] = 2.0
    gc.collect()
    assert len(changes.at) < 4000
