"""Layer normalisation (csrc/kernels/layer_norm.cpp): against float64, against PyTorch, bad inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet.nn.functional as F
from convlet import Tensor, _core, nn, ops

# Shape, and how many of its last dimensions are normalised: around the lanes, the blocks of a sum.
CASES = [
    ((3, 1), 1),
    ((4, 7), 1),
    ((5, 64), 1),
    ((33, 65), 1),
    ((2, 3, 96), 1),
    ((2, 5, 4, 130), 1),
    ((6, 3, 5, 7), 3),
    ((2, 20, 30, 41), 3),
    ((300, 257), 1),
    ((9,), 1),
]
by_case = pytest.mark.parametrize(("shape", "dims"), CASES, ids=str)


def reference(
    x: np.ndarray, dy: np.ndarray, weight: np.ndarray, bias: np.ndarray
) -> dict[str, np.ndarray]:
    """In float64."""
    axes = tuple(range(x.ndim - weight.ndim, x.ndim))
    rows = tuple(range(x.ndim - weight.ndim))
    x, dy = x.astype(np.float64), dy.astype(np.float64)
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    inverse = 1 / np.sqrt(variance + 1e-5)
    hat, dhat = (x - mean) * inverse, dy * weight
    slope = (dhat * hat).mean(axes, keepdims=True)
    return {
        "y": hat * weight + bias,
        "mean": mean.squeeze(axes),
        "inverse": inverse.squeeze(axes),
        "dx": inverse * (dhat - dhat.mean(axes, keepdims=True) - hat * slope),
        "dweight": (dy * hat).sum(rows),
        "dbias": dy.sum(rows),
    }


@by_case
def test_all_passes_equal_float64(
    isa: str, shape: Any, dims: int, rng: np.random.Generator
) -> None:
    x = rng.normal(3, 2, shape).astype(np.float32)
    dy = rng.standard_normal(shape, np.float32)
    weight, bias = (rng.normal(1, 0.5, shape[-dims:]).astype(np.float32) for _ in range(2))
    wanted = reference(x, dy, weight, bias)
    y, mean, inverse = ops.layer_norm(x, shape[-dims:], weight, bias)
    dx, dweight, dbias = ops.layer_norm_grad(dy, x, mean, inverse, weight)
    got = {"y": y, "mean": mean, "inverse": inverse, "dx": dx, "dweight": dweight, "dbias": dbias}
    for name, value in got.items():
        assert value.shape == wanted[name].shape, name
        if shape[-dims:] == (1,) and name == "inverse":
            continue  # 1 / sqrt(eps)
        scale = max(1.0, float(np.abs(wanted[name]).max()))
        np.testing.assert_allclose(value, wanted[name], rtol=1e-4, atol=3e-5 * scale, err_msg=name)


@by_case
@pytest.mark.parametrize("more", [{}, {"elementwise_affine": False}, {"bias": False}], ids=str)
def test_layer_equals_torch(shape: Any, dims: int, more: Any, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    ours, theirs = (n.LayerNorm(shape[-dims:], **more) for n in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    state = {
        name: rng.standard_normal(value.shape, np.float32)
        for name, value in theirs.state_dict().items()
    }
    assert list(state) == list(ours.state_dict())
    ours.load_state_dict(state)
    theirs.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    x, dy = (rng.normal(1, 2, shape).astype(np.float32) for _ in range(2))
    a, b = Tensor(x, requires_grad=True), torch.from_numpy(x.copy()).requires_grad_()
    y, z = ours(a), theirs(b)
    y.backward(dy)
    z.backward(torch.from_numpy(dy))
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-4, atol=2e-5)
    assert a.grad is not None
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-3, atol=1e-4)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(mine.grad.data, other.grad.numpy(), rtol=1e-3, atol=1e-3)


def test_images_normalised_by_pixel_are_read_where_they_lie(rng: np.random.Generator) -> None:
    images = ops.relu(_core.to_channels_last(rng.standard_normal((2, 24, 5, 6), np.float32)))
    layer = nn.LayerNorm(24)
    y = layer(Tensor(images).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    centred = images - images.mean(1, keepdims=True)
    np.testing.assert_allclose(
        y.data, centred / np.sqrt(images.var(1, keepdims=True) + 1e-5), rtol=1e-4, atol=1e-5
    )
    assert y.data.transpose(0, 2, 3, 1).flags.c_contiguous


def test_a_mean_far_from_zero_costs_no_digits(isa: str, rng: np.random.Generator) -> None:
    x = rng.normal(1000, 1, (3, 50000)).astype(np.float32)
    _, mean, inverse = ops.layer_norm(x, 50000)
    np.testing.assert_allclose(mean, x.mean(1, dtype=np.float64), rtol=1e-6)
    np.testing.assert_allclose(inverse, 1 / x.std(1, dtype=np.float64), rtol=1e-4)


def test_results_are_the_same_bits_for_any_number_of_threads(
    set_threads: Any, rng: np.random.Generator
) -> None:
    x, weight = rng.standard_normal((900, 200), np.float32), rng.standard_normal(200, np.float32)
    results = []
    for threads in (1, 2, 3):
        set_threads(threads)
        y, mean, inverse = ops.layer_norm(x, 200, weight)
        gradients = ops.layer_norm_grad(y, x, mean, inverse, weight)
        results.append([y, mean, inverse, *gradients])
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            assert one.tobytes() == other.tobytes()


def test_nan_and_infinity_stay_in_their_row(isa: str) -> None:
    x = np.ones((4, 70), np.float32)
    x[1, 3], x[3, 69] = np.nan, np.inf
    bad = np.isnan(ops.layer_norm(x, 70)[0])
    assert bad.all(1).tolist() == bad.any(1).tolist() == [False, True, False, True]


def test_no_rows_are_no_error() -> None:
    x = np.zeros((0, 5), np.float32)
    y, *moments = ops.layer_norm(x, 5)
    assert y.shape == x.shape
    dx, dweight, dbias = ops.layer_norm_grad(x, x, *moments)
    assert dx.shape == x.shape
    assert dweight.tolist() == dbias.tolist() == [0] * 5


X = np.ones((2, 3, 4), np.float32)
MOMENTS = ops.layer_norm(X, 4)[1:]
ANY: Any = ops  # so that wrong types can be passed on purpose


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.layer_norm(X, 3), ValueError, r"x must end in normalized_shape \(3,\)"),
        (lambda: ops.layer_norm(X, (2, 4)), ValueError, r"x must end in normalized_shape \(2, 4\)"),
        (lambda: ops.layer_norm(X, ()), ValueError, r"x must end in normalized_shape \(\)"),
        (lambda: ops.layer_norm(X, (1, 2, 3, 4)), ValueError, "x must end in normalized_shape"),
        (lambda: ops.layer_norm(X[..., :0], 0), ValueError, "at least 1 element, got 0"),
        (lambda: ANY.layer_norm(X, 4.0), TypeError, "normalized_shape must be an int"),
        (lambda: ANY.layer_norm(X, 4, eps=None), TypeError, "eps must be a number"),
        (lambda: ops.layer_norm(X.astype("f8"), 4), TypeError, "x must be float32"),
        (
            lambda: ops.layer_norm(X, 4, X[0]),
            ValueError,
            r"weight must have shape \(4,\), got \(3, 4",
        ),
        (
            lambda: ops.layer_norm(X, 4, None, X[0, 0, :1]),
            ValueError,
            r"bias must have shape \(4,\)",
        ),
        (
            lambda: ops.layer_norm_grad(X[:1], X, *MOMENTS),
            ValueError,
            r"dy must have shape \(2, 3, 4",
        ),
        (lambda: ops.layer_norm_grad(X, X, X, X), ValueError, "must have 1 to 3 dimensions, got 0"),
        (
            lambda: ops.layer_norm_grad(X, X, MOMENTS[0][:1], MOMENTS[1]),
            ValueError,
            r"mean must have shape \(2, 3\), got \(1, 3\)",
        ),
        (
            lambda: ops.layer_norm_grad(X, X, MOMENTS[0], X),
            ValueError,
            r"inverse must have shape \(2, 3\)",
        ),
        (lambda: F.layer_norm(X, 5), ValueError, "x must end in normalized_shape"),
        (lambda: nn.LayerNorm(0), ValueError, "normalized_shape must be at least 1, got 0"),
        (lambda: nn.LayerNorm(()), ValueError, "at least 1 dimension"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    requests = _core.memory_stats()["requests"]
    with pytest.raises(error, match=message):
        call()
    assert _core.memory_stats()["requests"] == requests
