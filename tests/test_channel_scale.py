"""Images times a factor for each channel (csrc/kernels/channel_scale.cpp), and its gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from convlet import Tensor, ops
from numeric import assert_gradients

if TYPE_CHECKING:
    from collections.abc import Callable

# Channels and pixels on both sides of a register and of a task, and none.
SHAPES = [
    (2, 3, 5, 7),
    (1, 1, 1, 1),
    (3, 17, 1, 9),
    (2, 300, 13, 11),
    (4, 16, 64, 65),
    (0, 3, 2, 2),
    (2, 0, 3, 3),
    (2, 5, 0, 3),
]


def problem(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x, dy = rng.integers(-4, 5, (2, *shape)).astype(np.float32)
    return x, dy, rng.integers(-3, 4, (*shape[:2], 1, 1)).astype(np.float32)


def channels_last(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("layout", [np.asarray, channels_last])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_and_its_gradients_equal_the_formula_exactly(
    isa: str, shape: tuple[int, ...], layout: Callable[[np.ndarray], np.ndarray]
) -> None:
    x, dy, scale = problem(shape)
    y = ops.channel_scale(layout(x), scale)
    np.testing.assert_array_equal(y, x * scale)
    dx, dscale = ops.channel_scale_grad(layout(dy), layout(x), scale)
    np.testing.assert_array_equal(dx, dy * scale)
    np.testing.assert_array_equal(dscale, (dy * x).sum((2, 3), keepdims=True))
    assert y.shape == dx.shape == x.shape
    assert dscale.shape == scale.shape


def test_special_values_pass(isa: str) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0] * 7, np.float32).reshape(1, 5, 7, 1)
    scale = np.array([2, -1, 0, np.inf, np.nan], np.float32).reshape(1, 5, 1, 1)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(ops.channel_scale(x, scale), x * scale)


def test_bits_do_not_tell_how_many_threads(
    isa: str, set_threads: Callable[[int], None], rng: np.random.Generator
) -> None:
    dy, x = rng.standard_normal((2, 3, 33, 70, 71), dtype=np.float32)
    scale = rng.standard_normal((3, 33, 1, 1), dtype=np.float32)
    results = []
    for threads in (1, 2, 5, 64):
        set_threads(threads)
        results.append((ops.channel_scale(x, scale), *ops.channel_scale_grad(dy, x, scale)))
    for other in results[1:]:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(results[0], other, strict=True))


def test_tensors_take_it_where_their_shapes_are_these(
    monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    calls: list[tuple[int, ...]] = []

    def counted(x: Any, scale: Any) -> Any:
        calls.append(x.shape)
        return kernel(x, scale)

    kernel = ops.channel_scale
    monkeypatch.setattr(ops, "channel_scale", counted)
    x = channels_last(rng.standard_normal((2, 3, 4, 5), dtype=np.float32))
    for shape, taken in (
        ((2, 3, 1, 1), True),
        ((1, 3, 1, 1), False),
        ((2, 1, 1, 1), False),
        ((2, 3, 4, 5), False),
        ((3, 1, 1), False),
    ):
        scale = rng.standard_normal(shape, dtype=np.float32)
        calls.clear()
        np.testing.assert_array_equal((Tensor(x) * Tensor(scale)).data, x * scale)
        assert bool(calls) is taken, shape


@pytest.mark.parametrize("wanted", [(True, True), (True, False), (False, True)])
def test_gradients_of_tensors(wanted: tuple[bool, bool], rng: np.random.Generator) -> None:
    x = channels_last(rng.standard_normal((2, 3, 4, 5), dtype=np.float32))
    scale = rng.standard_normal((2, 3, 1, 1), dtype=np.float32)
    a, b = Tensor(x, requires_grad=wanted[0]), Tensor(scale, requires_grad=wanted[1])
    dy = rng.standard_normal(x.shape, dtype=np.float32)
    (a * b).backward(dy)
    for tensor, needed, expected in (
        (a, wanted[0], dy * scale),
        (b, wanted[1], (dy.astype(float) * x).sum((2, 3), keepdims=True)),
    ):
        assert (tensor.grad is not None) is needed
        if tensor.grad is not None:
            np.testing.assert_allclose(tensor.grad.data, expected, rtol=1e-5, atol=1e-6)
    assert_gradients(lambda p, q: p * q * p, x, scale)


ANY: Any = ops


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x, s: ANY.channel_scale(x, s[:1]),
            ValueError,
            r"scale must have shape \(2, 3, 1, 1\)",
        ),
        (lambda x, s: ANY.channel_scale(x, s[0]), ValueError, "scale must have 4 dimensions"),
        (lambda x, s: ANY.channel_scale(x[0], s), ValueError, "x must have 4 dimensions"),
        (lambda x, s: ANY.channel_scale(x, s.astype("f8")), TypeError, "scale must be float32"),
        (
            lambda x, s: ANY.channel_scale_grad(x[:1], x, s),
            ValueError,
            r"dy must have shape \(2, 3, 2, 2\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(np.ones((2, 3, 2, 2), np.float32), np.ones((2, 3, 1, 1), np.float32))
