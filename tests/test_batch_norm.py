"""Batch normalisation (csrc/kernels/norm.cpp): against float64, against PyTorch, bad inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
import convlet.nn.functional as F
from convlet import nn, ops

SHAPES = [(2, 1, 1, 1), (1, 3, 5, 7), (3, 17, 4, 4), (2, 64, 9, 8), (5, 40, 1, 3), (1, 100, 70, 60)]


def reference(
    x: np.ndarray,
    dy: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    residual: np.ndarray,
    top: float = np.inf,
) -> dict[str, np.ndarray]:
    """In float64, cut below 0 and above `top` after the residual."""
    x, dy, residual = (a.astype(np.float64) for a in (x, dy, residual))
    weight, bias = (a.astype(np.float64)[:, np.newaxis, np.newaxis] for a in (weight, bias))
    mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    hat = (x - mean) / np.sqrt(variance + 1e-5)
    y = np.clip(hat * weight + bias + residual, 0, top)
    dz = dy * ((y > 0) & (y < top))
    dhat = dz * weight
    centred = dhat - dhat.mean((0, 2, 3), keepdims=True)
    slope = (dhat * hat).mean((0, 2, 3), keepdims=True)
    return {
        "y": y,
        "dx": (centred - hat * slope) / np.sqrt(variance + 1e-5),
        "dweight": (dz * hat).sum((0, 2, 3)),
        "dbias": dz.sum((0, 2, 3)),
        "dresidual": dz,
    }


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("activation", "top"), [("relu", np.inf), ("relu6", 6.0)])
def test_all_passes_equal_float64(
    isa: str, shape: Any, activation: Any, top: float, rng: np.random.Generator
) -> None:
    x = rng.normal(3, 2, shape).astype(np.float32)
    dy, residual = (rng.normal(0, by, shape).astype(np.float32) for by in (1, 4))
    weight, bias = (rng.normal(1, 0.5, shape[1]).astype(np.float32) for _ in range(2))
    wanted = reference(x, dy, weight, bias, residual, top)
    mean, variance = ops.batch_moments(x)
    y = ops.batch_norm(x, mean, variance, weight, bias, residual=residual, activation=activation)
    dx, dweight, dbias, dresidual = ops.batch_norm_grad(
        dy, x, mean, variance, weight, y=y, residual=True, activation=activation
    )
    assert dresidual is not None
    got = {"y": y, "dx": dx, "dweight": dweight, "dbias": dbias, "dresidual": dresidual}
    for name, value in got.items():
        scale = max(1.0, float(np.abs(wanted[name]).max()))
        np.testing.assert_allclose(value, wanted[name], rtol=1e-4, atol=3e-5 * scale, err_msg=name)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_x_tells_what_was_cut_as_exactly_as_y(
    isa: str, shape: Any, activation: Any, rng: np.random.Generator
) -> None:
    x, dy = (rng.normal(3, 2, shape).astype(np.float32) for _ in range(2))
    weight, bias = (rng.normal(1, 1, shape[1]).astype(np.float32) for _ in range(2))
    moments = ops.batch_moments(x)
    y = ops.batch_norm(x, *moments, weight, bias, activation=activation)
    made_by = ops.batch_norm_scale_shift(*moments, weight, bias)
    by_y = ops.batch_norm_grad(dy, x, *moments, weight, y=y, activation=activation)
    by_x = ops.batch_norm_grad(dy, x, *moments, weight, scale_shift=made_by, activation=activation)
    for one, other in zip(by_y[:3], by_x[:3], strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6])
@pytest.mark.parametrize("training", [True, False])
def test_an_activation_in_the_same_pass_gives_the_same_outputs_and_gradients(
    activation: Any, training: bool, rng: np.random.Generator
) -> None:
    data = rng.normal(1, 3, (3, 20, 9, 7)).astype(np.float32)
    weight = rng.normal(3, 2, 20).astype(np.float32)
    results = []
    for together in (True, False):
        norm, after = nn.BatchNorm2d(20).train(training), activation()
        norm.weight = nn.Parameter(weight.copy())
        x = cl.Tensor(data, requires_grad=True)
        y = nn.Sequential(norm, after)(x) if together else after(norm(x))
        y.backward(data)
        assert x.grad is not None
        assert norm.weight.grad is not None
        results.append([y.data, x.grad.data, norm.weight.grad.data])
    assert (results[0][0] == 0).any()
    assert np.array_equal(results[0][0], results[1][0])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_a_mean_far_from_zero_costs_no_digits(isa: str, rng: np.random.Generator) -> None:
    x = rng.normal(1000, 1, (4, 20, 32, 32)).astype(np.float32)
    mean, variance = ops.batch_moments(x)
    np.testing.assert_allclose(mean, x.mean((0, 2, 3), dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(variance, x.var((0, 2, 3), dtype=np.float64), rtol=1e-4)


def test_results_are_the_same_bits_for_any_number_of_threads(
    set_threads: Any, rng: np.random.Generator
) -> None:
    x = rng.standard_normal((8, 33, 40, 40), np.float32)
    results = []
    for threads in (1, 2, 3):
        set_threads(threads)
        mean, variance = ops.batch_moments(x)
        y = ops.batch_norm(x, mean, variance, activation="relu")
        results.append([mean, variance, y, *ops.batch_norm_grad(x, x, mean, variance, y=y)[:3]])
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
@pytest.mark.parametrize("training", [True, False])
def test_layer_equals_torch(
    training: bool, momentum: float | None, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch")
    theirs, ours = torch.nn.BatchNorm2d(6, momentum=momentum), nn.BatchNorm2d(6, momentum=momentum)
    for _ in range(3):
        x = rng.normal(2, 3, (4, 6, 5, 3)).astype(np.float32)
        theirs(torch.tensor(x))
        ours(cl.Tensor(x))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[name], value.numpy(), rtol=1e-5, atol=1e-6)
    theirs.train(training)
    ours.train(training)
    tx, cx = torch.tensor(x, requires_grad=True), cl.Tensor(x, requires_grad=True)
    dy = rng.standard_normal(x.shape, np.float32)
    theirs(tx).backward(torch.tensor(dy))
    ours(cx).backward(dy)
    assert cx.grad is not None
    np.testing.assert_allclose(cx.grad.numpy(), tx.grad.numpy(), rtol=1e-3, atol=1e-5)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert mine.grad is not None
        np.testing.assert_allclose(mine.grad.numpy(), other.grad.numpy(), rtol=1e-3, atol=1e-4)


def test_layouts_give_the_same_bits(rng: np.random.Generator) -> None:
    x = rng.standard_normal((3, 5, 4, 6), np.float32)
    mean, variance = ops.batch_moments(x)
    wanted = ops.batch_norm(x, mean, variance)
    for other in (np.asfortranarray(x), x.transpose(0, 2, 3, 1).copy().transpose(0, 3, 1, 2)):
        assert all(
            np.array_equal(a, b)
            for a, b in zip(ops.batch_moments(other), (mean, variance), strict=True)
        )
        assert np.array_equal(ops.batch_norm(other, mean, variance), wanted)
        assert np.array_equal(
            ops.batch_norm_grad(x, other, mean, variance)[0],
            ops.batch_norm_grad(other, x, mean, variance)[0],
        )


def test_nan_and_infinity_pass() -> None:
    x = np.ones((1, 3, 2, 2), np.float32)
    x[0, 0, 0, 0], x[0, 1, 0, 0] = np.nan, np.inf
    y = ops.batch_norm(x, *ops.batch_moments(x), activation="relu")
    assert np.isnan(y[0, :2]).all()
    assert np.isfinite(y[0, 2]).all()


def test_a_batch_without_images_is_empty_in_evaluation() -> None:
    layer = nn.BatchNorm2d(3).eval()
    assert layer(cl.Tensor(np.zeros((0, 3, 4, 4)))).shape == (0, 3, 4, 4)


ONES = np.ones((2, 3, 2, 2), np.float32)
THREE = np.ones(3, np.float32)
ANY: Any = "tanh"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.batch_moments(ONES[0]), "x must have 4 dimensions"),
        (lambda: ops.batch_moments(ONES[:0]), "at least 1 value per channel"),
        (lambda: ops.batch_norm(ONES, THREE[:2], THREE), "mean must have 3 elements, got 2"),
        (lambda: ops.batch_norm(ONES, THREE, THREE[:2]), "variance must have 3 elements, got 2"),
        (lambda: ops.batch_norm(ONES, THREE, THREE, THREE[:1]), "weight must have 3 elements"),
        (lambda: ops.batch_norm(ONES, THREE, THREE, bias=THREE[:1]), "bias must have 3 elements"),
        (lambda: ops.batch_norm(ONES, THREE, THREE, residual=ONES[:1]), "residual must have shape"),
        (lambda: ops.batch_norm_grad(ONES[:1], ONES, THREE, THREE), "dy must have shape"),
        (lambda: ops.batch_norm_grad(ONES, ONES, THREE, THREE, y=ONES[:1]), "y must have shape"),
        (
            lambda: ops.batch_norm_grad(
                ONES, ONES, THREE, THREE, scale_shift=(THREE, THREE), residual=True
            ),
            "scale and shift take the place of y, without a residual",
        ),
        (
            lambda: ops.batch_norm_grad(ONES, ONES, THREE, THREE, scale_shift=(THREE[:2], THREE)),
            "scale must have",
        ),
        (
            lambda: ops.batch_norm(ONES, THREE, THREE, activation=ANY),
            "activation must be 'none', 'relu', 'relu6', 'silu' or 'hardswish', got 'tanh'",
        ),
        (lambda: F.batch_norm(ONES), "needs running_mean and running_var"),
        (lambda: F.batch_norm(ONES[:1, :, :1, :1], training=True), "more than 1 value per channel"),
        (
            lambda: F.batch_norm(ONES, THREE[:2].copy(), THREE.copy(), training=True),
            r"running_mean must have shape \(3,\), got \(2,\)",
        ),
        (lambda: nn.BatchNorm2d(0), "num_features must be at least 1"),
    ],
)
def test_bad_input_is_named(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_other_dtypes_are_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        ops.batch_norm(ONES.astype(np.float64), THREE, THREE)
    with pytest.raises(TypeError, match="eps must be a number"):
        F.batch_norm(ONES, training=True, eps="small")  # type: ignore[arg-type]
