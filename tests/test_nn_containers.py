"""Modules in lists and by name, hooks before a call, and what layers inside a model give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, nn

ANY: Any = nn


def test_a_list_behaves_as_one_and_names_its_modules() -> None:
    a, b, c, d = (nn.Linear(2, 2) for _ in range(4))
    modules = nn.ModuleList([a, b])
    assert modules.append(c) is modules
    modules.insert(1, d)
    assert list(modules) == [a, d, b, c]
    assert modules[1] is d
    assert modules[-1] is c
    assert list(modules[1:3]) == [d, b]
    assert modules.pop(1) is d
    modules[0] = d
    del modules[2]
    modules += [c]
    both = modules + nn.ModuleList([a])
    assert list(both) == [d, b, c, a]
    assert [name for name, _ in modules.named_children()] == ["0", "1", "2"]
    assert [name for name, _ in modules.named_parameters()][:2] == ["0.weight", "0.bias"]
    with pytest.raises(IndexError):
        modules[5]
    with pytest.raises(TypeError, match="ModuleList: expected modules, got int"):
        ANY.ModuleList([1])


def test_layers_of_a_sequence_are_exchanged_put_in_and_taken_out() -> None:
    head = nn.Linear(4, 3)
    model = nn.Sequential({"body": nn.Linear(4, 4), "head": nn.Linear(4, 2)})
    model[-1] = head
    assert [name for name, _ in model.named_children()] == ["body", "head"]
    assert model.head is head
    model = nn.Sequential(nn.Linear(4, 4), head)
    assert model.insert(1, nn.ReLU()) is model
    assert model.extend([nn.Flatten()]) is model
    assert [type(layer).__name__ for layer in model] == ["Linear", "ReLU", "Linear", "Flatten"]
    assert model.pop(1).extra_repr() == ""
    del model[-1]
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert model(np.ones((2, 4))).shape == (2, 3)
    with pytest.raises(IndexError):
        model[2] = head
    with pytest.raises(TypeError, match="Sequential: expected modules, got str"):
        ANY.Sequential()[:].append("x")


def test_a_dictionary_behaves_as_one_and_refuses_names_that_are_taken() -> None:
    a, b = nn.ReLU(), nn.Linear(1, 1)
    modules = nn.ModuleDict({"a": a})
    modules["b"] = b
    assert list(modules) == list(modules.keys()) == ["a", "b"]
    assert list(modules.values()) == [a, b]
    assert dict(modules.items()) == {"a": a, "b": b}
    assert "a" in modules
    assert len(modules) == 2
    assert list(modules.state_dict()) == ["b.weight", "b.bias"]
    assert modules.pop("a") is a
    del modules["b"]
    assert not list(modules)
    with pytest.raises(KeyError):
        modules["a"]
    for name in ("keys", "forward", "training", "x.y", ""):
        with pytest.raises(ValueError, match="name"):
            modules[name] = a
    with pytest.raises(TypeError, match="a name must be a string, got int"):
        ANY.ModuleDict({1: a})
    with pytest.raises(TypeError, match="ModuleDict: expected modules, got str"):
        ANY.ModuleDict({"a": "b"})


def test_both_look_and_save_as_torchs() -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)

    def make(n: Any) -> Any:
        return n.ModuleDict({"list": n.ModuleList([n.Linear(2, 3), n.ReLU()]), "one": n.Identity()})

    ours, theirs = make(nn), make(torch.nn)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)


def test_hooks_before_see_and_replace_the_inputs_and_turn_fusion_off() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2), nn.ReLU()).eval()
    model[0].weight.data[...] = 1.0
    x, seen = np.ones((1, 1, 2, 2)), []
    with cl.no_grad():
        before = model(x).data

        def see(module: Any, inputs: Any) -> None:
            seen.append((module, inputs[0].shape))

        handles = [layer.register_forward_pre_hook(see) for layer in model]
        np.testing.assert_allclose(model(x).data, before, rtol=1e-6)
        assert [module for module, _ in seen] == list(model)
        handles[0].remove()
        with model[0].register_forward_pre_hook(lambda _, inputs: (inputs[0] * 0.0,)):
            assert not np.allclose(model(x).data, before)
        np.testing.assert_allclose(model(x).data, before, rtol=1e-6)


def test_a_submodule_is_found_by_its_name() -> None:
    model = nn.Sequential(nn.Sequential(nn.ReLU()))
    assert model.get_submodule("0.0") is model[0][0]  # type: ignore[index]
    assert model.get_submodule("") is model
    with pytest.raises(AttributeError, match="Sequential has no module '1'"):
        model.get_submodule("1")


def test_features_are_what_the_layers_give_and_gradients_flow() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten())
    x = Tensor(np.random.default_rng(0).normal(size=(2, 1, 5, 5)), requires_grad=True)
    features = nn.create_feature_extractor(model, {"0": "sums", "2": "map"})(x)
    assert list(features) == ["sums", "map"]
    np.testing.assert_allclose(features["sums"].data, model[0](x).data, rtol=1e-6)
    assert (features["map"].data >= 0).all()
    features["map"].sum().backward()
    assert x.grad is not None
    assert x.grad.data.any()
    assert not any(module.is_watched for module in model.modules())
    assert list(nn.create_feature_extractor(model, ["3"])(x)) == ["3"]
    with pytest.raises(ValueError, match="Sequential has no layer '7'; the first are 0, 1, 2, 3"):
        nn.create_feature_extractor(model, ["7"])
