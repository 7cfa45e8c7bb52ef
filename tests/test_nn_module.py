"""Modules: what is found in them, their state, their modes, how they look."""

from __future__ import annotations

import contextlib
import copy
import pickle
from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, nn


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3)
        self.scale = nn.Parameter([2.0])
        self.register_buffer("count", np.zeros(1, np.int64))
        self.register_buffer("scratch", np.zeros(1, np.float32), persistent=False)
        self.note = "text"
        self.second = nn.Sequential(nn.ReLU(), nn.Dropout(0.5), nn.Linear(3, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.second(self.first(x) * self.scale)
        return y


def test_parameters_come_in_the_order_of_torch() -> None:
    names = [name for name, _ in Block().named_parameters()]
    assert names == ["scale", "first.weight", "first.bias", "second.2.weight"]
    assert [p.shape for p in Block().parameters()] == [(1,), (3, 2), (3,), (1, 3)]


def test_state_holds_parameters_and_persistent_buffers_as_arrays() -> None:
    model = Block()
    state = model.state_dict()
    assert set(state) == {"scale", "count", "first.weight", "first.bias", "second.2.weight"}
    assert all(type(array) is np.ndarray for array in state.values())
    assert state["first.weight"] is model.first.weight.data
    assert [name for name, _ in model.named_buffers()] == ["count", "scratch"]


def test_modules_have_dotted_names() -> None:
    names = [name for name, _ in Block().named_modules()]
    assert names == ["", "first", "second", "second.0", "second.1", "second.2"]
    assert [name for name, _ in Block().named_children()] == ["first", "second"]


def test_what_is_shared_comes_once() -> None:
    model = nn.Sequential(layer := nn.Linear(2, 2), nn.ReLU(), layer)
    assert len(list(model.parameters())) == 2
    assert len(list(model.modules())) == 3
    assert len(model) == 3
    assert set(model.state_dict()) == {"0.weight", "0.bias", "2.weight", "2.bias"}


def test_a_replaced_or_deleted_layer_counts_no_more() -> None:
    model = Block()
    model.first = nn.Linear(5, 3)
    del model.scale
    assert [p.shape for p in model.parameters()] == [(3, 5), (3,), (1, 3)]


def test_state_round_trip_gives_the_same_outputs() -> None:
    a, b = Block().eval(), Block().eval()
    x = Tensor([[1.0, -2.0]])
    assert a(x).item() != b(x).item()
    result = b.load_state_dict(a.state_dict())
    assert (result.missing_keys, result.unexpected_keys) == ([], [])
    assert a(x).item() == b(x).item()
    assert not np.shares_memory(a.first.weight.data, b.first.weight.data)


@pytest.mark.parametrize("kind", [np.asarray, Tensor, np.ndarray.tolist, lambda a: a.astype("f8")])
def test_values_may_be_arrays_tensors_or_lists(kind: Any) -> None:
    layer = nn.Linear(2, 1)
    layer.load_state_dict(
        {"weight": kind(np.array([[1, 2]], np.float32)), "bias": kind(np.array([3], np.float32))}
    )
    assert layer.weight.data.tolist() == [[1.0, 2.0]]
    assert layer.weight.dtype == np.float32


def test_every_difference_is_in_the_report_and_nothing_is_changed() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    before = copy.deepcopy(model.state_dict())
    state = {
        "0.weight": np.ones((3, 2)),
        "0.bias": np.ones(4),
        "1.weight": np.ones((1, 3)),
        "fc": np.ones(7),
    }
    with pytest.raises(
        ValueError, match="load_state_dict: Sequential and the state differ"
    ) as error:
        model.load_state_dict(state)
    assert str(error.value).splitlines()[1:] == [
        "  missing: 1.bias (1,)",
        "  unexpected: fc (7,)",
        "  shape: 0.bias is (3,), the state has (4,)",
    ]
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_loading_without_strict_takes_what_fits_and_tells_the_rest() -> None:
    layer = nn.Linear(1, 1)
    missing, unexpected = layer.load_state_dict({"weight": [[5.0]], "x": [1.0]}, strict=False)
    assert (missing, unexpected) == (["bias"], ["x"])
    assert layer.weight.item() == 5.0
    with pytest.raises(ValueError, match="shape: weight"):
        layer.load_state_dict({"weight": [[5.0, 5.0]]}, strict=False)


def test_loading_refuses_values_that_are_not_real() -> None:
    with pytest.raises(
        TypeError, match="load_state_dict: weight must be real numbers, got complex"
    ):
        nn.Linear(1, 1, bias=False).load_state_dict({"weight": np.array([[1j]])})


def test_train_and_eval_reach_every_module() -> None:
    model = Block()
    assert all(m.training for m in model.modules())
    assert not any(m.training for m in model.eval().modules())
    assert model.train().second[1].training
    with pytest.raises(ValueError, match="train: mode must be a bool"):
        model.train("yes")  # type: ignore[arg-type]


def test_evaluating_gives_every_module_its_mode_back_also_after_an_error() -> None:
    model = Block()
    model.second.eval()
    with contextlib.suppress(KeyError), cl.evaluating(model) as same:
        assert same is model
        assert not any(m.training for m in model.modules())
        raise KeyError
    assert [m.training for m in model.modules()] == [True, True, False, False, False, False]


def test_zero_grad_forgets_and_requires_grad_freezes() -> None:
    model = Block().eval()
    model(Tensor([[1.0, 2.0]])).backward()
    assert model.scale.grad is not None
    model.zero_grad(set_to_none=False)
    assert model.scale.grad.abs().sum().item() == 0.0
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())
    model.requires_grad_(False)
    assert not model(Tensor([[1.0, 2.0]])).requires_grad


def test_apply_reaches_the_children_first() -> None:
    seen: list[str] = []
    Block().apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "ReLU", "Dropout", "Linear", "Sequential", "Block"]


def test_forward_hooks_see_and_may_replace_the_output() -> None:
    layer = nn.ReLU()
    handle = layer.register_forward_hook(lambda module, inputs, output: output + inputs[0])
    assert layer(Tensor([2.0])).item() == 4.0
    handle.remove()
    handle.remove()
    assert layer(Tensor([2.0])).item() == 2.0
    assert not nn.ReLU()._forward_hooks


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(TypeError, match=r"Module has no forward\(\)"):
        nn.Module()(1)


def test_a_module_can_be_copied_and_pickled() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout(0.5, generator=cl.random.Generator(3)))
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin[0].weight.data, model[0].weight.data)
        assert not np.shares_memory(twin[0].weight.data, model[0].weight.data)
        assert twin[0].weight.requires_grad
        assert twin[1].generator.get_state() == model[1].generator.get_state()


def test_repr_is_torchs() -> None:
    assert repr(Block()) == (
        "Block(\n"
        "  (first): Linear(in_features=2, out_features=3, bias=True)\n"
        "  (second): Sequential(\n"
        "    (0): ReLU()\n"
        "    (1): Dropout(p=0.5, inplace=False)\n"
        "    (2): Linear(in_features=3, out_features=1, bias=False)\n"
        "  )\n"
        ")"
    )


def test_sequential_takes_names_indices_slices_and_more_modules() -> None:
    model = nn.Sequential({"a": nn.ReLU(), "b": nn.Flatten()})
    assert [name for name, _ in model.named_children()] == ["a", "b"]
    assert isinstance(model[-1], nn.Flatten)
    assert isinstance(model[:1], nn.Sequential)
    assert model[:1][0] is model[0]
    assert len(model.append(nn.ReLU())) == 3
    with pytest.raises(IndexError):
        model[3]
    with pytest.raises(TypeError, match="Sequential: expected modules, got function"):
        nn.Sequential(lambda x: x)  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="without dots"):
        nn.Sequential({"a.b": nn.ReLU()})
