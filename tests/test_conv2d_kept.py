"""Whether a layer sees that its weight has changed, though it does not read it again at each call."""

from __future__ import annotations

import copy
import ctypes
import pickle
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import nn, ops, optim
from convlet.nn.parameter import array_and_version

if TYPE_CHECKING:
    from collections.abc import Callable

X = np.linspace(-1, 1, 2 * 16 * 9 * 9, dtype=np.float32).reshape(2, 16, 9, 9)


def ready_layer() -> nn.Conv2d:
    """A layer whose weight is kept, and known by its version."""
    layer = nn.Conv2d(16, 16, 3, padding=1, generator=cl.random.Generator(3))
    compute(layer)
    version = array_and_version(layer.weight)[1]
    assert version is not None
    compute(layer)
    assert array_and_version(layer.weight)[1] == version
    return layer


def compute(layer: nn.Conv2d) -> np.ndarray:
    with cl.no_grad():
        y: cl.Tensor = layer(cl.Tensor(X))
    return y.data


def wanted(layer: nn.Conv2d) -> np.ndarray:
    assert layer.bias is not None
    return ops.conv2d(X, np.array(layer.weight.data), layer.bias.data, 1, 1)


def step(layer: nn.Conv2d) -> None:
    layer(cl.Tensor(X)).sum().backward()
    optim.SGD(layer.parameters(), lr=0.1).step()


def through_a_buffer(layer: nn.Conv2d) -> None:
    layer.weight.data.reshape(-1).data.cast("B").cast("f")[5] = 7.0


def through_dlpack(layer: nn.Conv2d) -> None:
    np.from_dlpack(layer.weight.detach())[0] *= 2


@cl.no_grad()
def by_item(layer: nn.Conv2d) -> None:
    layer.weight[0, 0] = 3.0


def by_another_array(layer: nn.Conv2d) -> None:
    layer.weight.data = np.full((16, 16, 3, 3), 0.25, np.float32)


def by_another_parameter(layer: nn.Conv2d) -> None:
    layer.weight = nn.Parameter(np.full((16, 16, 3, 3), 0.25, np.float32))


def by_loading(layer: nn.Conv2d) -> None:
    layer.load_state_dict({name: value + 1 for name, value in layer.state_dict().items()})


WRITERS: dict[str, Callable[[nn.Conv2d], Any]] = {
    "data": lambda layer: layer.weight.data.fill(0.5),
    "numpy": lambda layer: layer.weight.numpy().fill(0.5),
    "asarray": lambda layer: np.asarray(layer.weight).fill(0.5),
    "item": by_item,
    "detach": lambda layer: layer.weight.detach().data.fill(0.5),
    "state_dict": lambda layer: layer.state_dict()["weight"].fill(0.5),
    "init": lambda layer: nn.init.constant_(layer.weight, 0.5),
    "buffer": through_a_buffer,
    "dlpack": through_dlpack,
    "array": by_another_array,
    "parameter": by_another_parameter,
    "load": by_loading,
    "step": step,
}


@pytest.mark.parametrize("way", WRITERS)
def test_every_way_of_writing_is_seen(isa: str, way: str) -> None:
    layer = ready_layer()
    before = compute(layer)
    WRITERS[way](layer)
    after = compute(layer)
    assert not np.array_equal(after, before)
    np.testing.assert_array_equal(after, wanted(layer))


HOLDERS: dict[str, Callable[[nn.Parameter], Any]] = {
    "array": lambda weight: weight.data,
    "view": lambda weight: weight.data[1:, ::2],
    "view of a view": lambda weight: weight.data.reshape(-1)[7:].reshape(-1, 1),
    "tensor": lambda weight: np.asarray(weight.detach()),
    "buffer": lambda weight: np.asarray(weight.data.data),
    "dlpack": lambda weight: np.from_dlpack(weight.detach()),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_whoever_holds_the_weight_may_write_at_any_time(holder: str) -> None:
    layer = ready_layer()
    held = HOLDERS[holder](layer.weight)
    for factor in (2, 3):
        compute(layer)
        assert array_and_version(layer.weight)[1] is None
        held *= factor
        np.testing.assert_array_equal(compute(layer), wanted(layer))
    held += 1
    del held
    np.testing.assert_array_equal(compute(layer), wanted(layer))
    compute(layer)
    assert array_and_version(layer.weight)[1] is not None


def test_an_array_over_foreign_memory_is_always_compared() -> None:
    layer = ready_layer()
    memory = bytearray(16 * 16 * 9 * 4)
    layer.weight.data = np.frombuffer(memory, np.float32).reshape(16, 16, 3, 3)
    for value in (1.0, 2.0):
        memory[:4] = np.float32(value).tobytes()
        np.testing.assert_array_equal(compute(layer), wanted(layer))
        assert array_and_version(layer.weight)[1] is None


def test_a_known_weight_is_not_read_again() -> None:
    # The documented limit of it: an address that somebody kept without the array.
    layer = ready_layer()
    before = wanted(layer)
    address = layer.weight.data.ctypes.data
    compute(layer)
    ctypes.c_float.from_address(address).value = 9.0
    np.testing.assert_array_equal(compute(layer), before)
    layer.packed.clear()
    np.testing.assert_array_equal(compute(layer), wanted(layer))


def test_folded_layers_and_same_padding_know_their_weights_too() -> None:
    layer, norm = ready_layer(), nn.BatchNorm2d(16).eval()
    same = nn.Conv2d(16, 16, 3, padding="same", generator=cl.random.Generator(3))
    for _ in range(2):
        versions = []
        for _ in range(2):
            with cl.no_grad():
                nn.conv_norm(layer, norm, cl.Tensor(X))
                same(cl.Tensor(X))
            versions.append([array_and_version(each.weight)[1] for each in (layer, same)])
        assert versions[0] == versions[1]
        assert None not in versions[0]
        layer.weight.data[0] += 1
        with cl.no_grad():
            y = nn.conv_norm(layer, norm, cl.Tensor(X)).data
        scale, shift = ops.batch_norm_scale_shift(
            np.zeros(16, np.float32), np.ones(16, np.float32), None, None, 1e-5,
            before=None if layer.bias is None else layer.bias.data,
        )  # fmt: skip
        fresh = ops.conv2d(X, np.array(layer.weight.data), shift, 1, 1, scale=scale)
        np.testing.assert_array_equal(y, fresh)


def test_versions_say_which_values_a_packed_weight_has() -> None:
    packed = ops.PackedWeight()
    weights = [np.full((16, 16, 3, 3), value, np.float32) for value in (1, 2)]
    for at in (0, 1, 1, 0):
        y = ops.conv2d(X, weights[at], None, 1, 1, packed=packed, version=at)
        np.testing.assert_array_equal(y, ops.conv2d(X, weights[at], None, 1, 1))
    y = ops.conv2d(X, weights[1], None, 1, 1, packed=packed)  # it says nothing, and is compared
    np.testing.assert_array_equal(y, ops.conv2d(X, weights[1], None, 1, 1))
    y, *_ = ops.conv2d_moments(X, weights[0], None, 1, 1, packed=packed, version=0)
    np.testing.assert_array_equal(y, ops.conv2d(X, weights[0], None, 1, 1))
    for wrong in (1.5, "1", True):
        with pytest.raises(TypeError, match="conv2d: version must be an int, got"):
            ops.conv2d(X, weights[0], None, 1, 1, packed=packed, version=wrong)  # type: ignore[arg-type]


def test_threads_that_share_a_layer_compute_what_one_does() -> None:
    layer = ready_layer()
    right = compute(layer)
    wrong: list[int] = []

    def work() -> None:
        wrong.extend(1 for _ in range(50) if not np.array_equal(compute(layer), right))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_have_versions_of_their_own(copied: Callable[[nn.Conv2d], nn.Conv2d]) -> None:
    layer = ready_layer()
    other = copied(layer)
    np.testing.assert_array_equal(compute(other), compute(layer))
    other.weight.data[0] = 2
    np.testing.assert_array_equal(compute(other), wanted(other))
    np.testing.assert_array_equal(compute(layer), wanted(layer))
