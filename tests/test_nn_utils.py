"""Clipped gradients are PyTorch's."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from convlet import Tensor, nn
from convlet.nn.utils import clip_grad_norm_, clip_grad_value_


def parameters(rng: np.random.Generator, scale: float = 1.0) -> list[nn.Parameter]:
    made = [nn.Parameter(np.zeros(shape)) for shape in ((3, 4), (5,), (2, 3, 1, 2), (1,))]
    for parameter in made[:3]:
        parameter.grad = Tensor(scale * rng.normal(size=parameter.shape))
    return made


@pytest.mark.parametrize("p", [2.0, 1.0, 3.0, math.inf])
@pytest.mark.parametrize("most", [0.1, 1e6, 0.0])
def test_norms_are_clipped_together(p: float, most: float, rng: np.random.Generator) -> None:
    params = parameters(rng)
    before = np.concatenate([w.grad.data.ravel() for w in params if w.grad is not None])
    norm = np.linalg.norm(before.astype(np.float64), p)
    assert clip_grad_norm_(params, most, p).item() == pytest.approx(norm, rel=1e-6)
    after = np.concatenate([w.grad.data.ravel() for w in params if w.grad is not None])
    np.testing.assert_allclose(after, before * min(1.0, most / norm), rtol=1e-5, atol=1e-12)
    assert params[3].grad is None


def test_values_are_clipped_one_by_one(rng: np.random.Generator) -> None:
    params = parameters(rng)
    before = [w.grad.data.copy() for w in params if w.grad is not None]
    clip_grad_value_(iter(params), 0.5)
    for w, old in zip(params, before, strict=False):
        assert w.grad is not None
        np.testing.assert_array_equal(w.grad.data, np.clip(old, -0.5, 0.5))


def test_both_are_torchs(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    params = parameters(rng)
    theirs = [torch.zeros(w.shape, requires_grad=True) for w in params]
    for w, v in zip(params, theirs, strict=True):
        v.grad = None if w.grad is None else torch.tensor(w.grad.data)
    norm = clip_grad_norm_(params, 1.5)
    assert norm.item() == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, 1.5).item(), 1e-6)
    clip_grad_value_(params, 0.2)
    torch.nn.utils.clip_grad_value_(theirs, 0.2)
    for w, v in zip(params, theirs, strict=True):
        if w.grad is not None:
            np.testing.assert_allclose(w.grad.data, v.grad.numpy(), rtol=1e-6)


def test_great_gradients_do_not_overflow(rng: np.random.Generator) -> None:
    assert math.isfinite(clip_grad_norm_(parameters(rng, 1e30), 1.0).item())


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("p", [2.0, 1.0, math.inf])
def test_a_norm_that_is_not_finite_is_an_error_if_asked(value: float, p: float) -> None:
    w = nn.Parameter([1.0, 2.0])
    w.grad = Tensor([value, 1.0])
    with pytest.raises(RuntimeError, match=r"the norm of the gradients is (nan|inf), nothing"):
        clip_grad_norm_(w, 1.0, p, error_if_nonfinite=True)
    assert w.grad.data[1] == 1.0
    assert not math.isfinite(clip_grad_norm_(w, 1.0, p).item())


def test_no_gradients_have_norm_0() -> None:
    assert clip_grad_norm_([], 1.0).item() == 0.0
    assert clip_grad_norm_([nn.Parameter([1.0])], 1.0, math.inf).item() == 0.0


def test_gradients_of_any_memory_are_clipped(rng: np.random.Generator) -> None:
    w = nn.Parameter(np.zeros((2, 3)))
    w.grad = Tensor(np.broadcast_to(np.float32(3.0), (2, 3)))
    assert clip_grad_norm_(w, 1.0).item() == pytest.approx(math.sqrt(54))
    assert w.grad.data[1, 1] == pytest.approx(3 / math.sqrt(54), rel=1e-5)


ANY: Any = clip_grad_norm_


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda w: ANY([w], "1"), TypeError, "clip_grad_norm_: max_norm must be a number"),
        (lambda w: ANY([w], -1.0), ValueError, "max_norm must be at least 0"),
        (lambda w: ANY([w], 1.0, 0.0), ValueError, "norm_type above 0"),
        (lambda w: ANY([w.data], 1.0), TypeError, "parameters must be tensors, got ndarray"),
        (lambda w: clip_grad_value_([w], -1.0), ValueError, "clip_value must be at least 0"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    w = nn.Parameter([1.0])
    w.grad = Tensor([1.0])
    with pytest.raises(error, match=message):
        call(w)
