"""Group normalisation (csrc/group_norm.cpp): against float64, against PyTorch, bad inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet.nn.functional as F
from convlet import Tensor, _core, nn, ops

# Shape, groups: one channel, one group, a group per channel, several chunks of pixels.
CASES = [
    ((2, 1, 1, 1), 1),
    ((1, 4, 3, 5), 1),
    ((3, 6, 4, 4), 6),
    ((2, 17, 5, 4), 17),
    ((2, 18, 7, 5), 3),
    ((2, 64, 9, 8), 8),
    ((1, 40, 70, 60), 4),
    ((5, 96, 1, 3), 2),
]
by_case = pytest.mark.parametrize(("shape", "groups"), CASES, ids=str)


def reference(
    x: np.ndarray, dy: np.ndarray, weight: np.ndarray, bias: np.ndarray, groups: int
) -> dict[str, np.ndarray]:
    """In float64."""
    grouped = x.astype(np.float64).reshape(x.shape[0], groups, -1)
    mean, variance = grouped.mean(-1, keepdims=True), grouped.var(-1, keepdims=True)
    inverse = 1 / np.sqrt(variance + 1e-5)
    hat = ((grouped - mean) * inverse).reshape(x.shape)
    by = weight.astype(np.float64)[:, np.newaxis, np.newaxis]
    dhat = (dy * by).reshape(grouped.shape)
    flat = hat.reshape(grouped.shape)
    slope = (dhat * flat).mean(-1, keepdims=True)
    dx = inverse * (dhat - dhat.mean(-1, keepdims=True) - flat * slope)
    return {
        "mean": mean[..., 0],
        "variance": variance[..., 0],
        "y": hat * by + bias[:, np.newaxis, np.newaxis],
        "dx": dx.reshape(x.shape),
        "dweight": (dy * hat).sum((0, 2, 3)),
        "dbias": dy.sum((0, 2, 3), dtype=np.float64),
    }


@by_case
def test_all_passes_equal_float64(
    isa: str, shape: Any, groups: int, rng: np.random.Generator
) -> None:
    x = rng.normal(3, 2, shape).astype(np.float32)
    dy = rng.standard_normal(shape, np.float32)
    weight, bias = (rng.normal(1, 0.5, shape[1]).astype(np.float32) for _ in range(2))
    wanted = reference(x, dy, weight, bias, groups)
    mean, variance = ops.group_moments(x, groups)
    y = ops.group_norm(x, mean, variance, weight, bias)
    dx, dweight, dbias = ops.group_norm_grad(dy, x, mean, variance, weight)
    got = {"mean": mean, "variance": variance, "y": y, "dx": dx}
    for name, value in {**got, "dweight": dweight, "dbias": dbias}.items():
        scale = max(1.0, float(np.abs(wanted[name]).max()))
        np.testing.assert_allclose(value, wanted[name], rtol=1e-4, atol=3e-5 * scale, err_msg=name)
    for array in (y, dx):
        assert array.transpose(0, 2, 3, 1).flags.c_contiguous


# A group of one number has no gradient but rounding.
@pytest.mark.parametrize(("shape", "groups"), CASES[1:], ids=str)
@pytest.mark.parametrize("more", [{}, {"affine": False}, {"eps": 0.5}], ids=str)
def test_layer_equals_torch(shape: Any, groups: int, more: Any, rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    ours, theirs = (n.GroupNorm(groups, shape[1], **more) for n in (nn, torch.nn))
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
    np.testing.assert_allclose(a.grad.data, b.grad.numpy(), rtol=1e-3, atol=5e-4)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(mine.grad.data, other.grad.numpy(), rtol=1e-3, atol=1e-3)


def test_a_mean_far_from_zero_costs_no_digits(isa: str, rng: np.random.Generator) -> None:
    x = rng.normal(1000, 1, (2, 20, 64, 64)).astype(np.float32)
    mean, variance = ops.group_moments(x, 5)
    grouped = x.astype(np.float64).reshape(2, 5, -1)
    np.testing.assert_allclose(mean, grouped.mean(-1), rtol=1e-6)
    np.testing.assert_allclose(variance, grouped.var(-1), rtol=1e-4)


def test_results_are_the_same_bits_for_any_number_of_threads(
    set_threads: Any, rng: np.random.Generator
) -> None:
    x = rng.standard_normal((3, 32, 60, 60), np.float32)
    results = []
    for threads in (1, 2, 3):
        set_threads(threads)
        moments = ops.group_moments(x, 8)
        y = ops.group_norm(x, *moments)
        results.append([*moments, y, *ops.group_norm_grad(y, x, *moments)])
    for others in results[1:]:
        for one, other in zip(results[0], others, strict=True):
            assert one.tobytes() == other.tobytes()


def test_nan_and_infinity_stay_in_their_group(isa: str) -> None:
    x = np.ones((2, 6, 2, 2), np.float32)
    x[0, 0, 0, 0], x[1, 3, 0, 0] = np.nan, np.inf
    y = ops.group_norm(x, *ops.group_moments(x, 3))
    bad = np.isnan(y).reshape(2, 3, -1)
    assert (
        bad.all(-1).tolist() == bad.any(-1).tolist() == [[True, False, False], [False, True, False]]
    )


def test_a_batch_without_images_is_empty() -> None:
    x = np.zeros((0, 6, 4, 4), np.float32)
    moments = ops.group_moments(x, 2)
    assert moments[0].shape == (0, 2)
    assert ops.group_norm(x, *moments).shape == x.shape
    dx, dweight, dbias = ops.group_norm_grad(x, x, *moments)
    assert dx.shape == x.shape
    assert dweight.tolist() == dbias.tolist() == [0] * 6


X = np.ones((2, 6, 2, 2), np.float32)
SIX, TWO = np.ones(6, np.float32), np.ones((2, 3), np.float32)
ANY: Any = ops  # so that wrong types can be passed on purpose


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.group_moments(X, 0), ValueError, "num_groups must be at least 1, got 0"),
        (lambda: ops.group_moments(X, 4), ValueError, "must divide the 6 channels of x, got 4"),
        (lambda: ops.group_moments(X, 2**63 - 1), ValueError, "must divide the 6 channels"),
        (lambda: ANY.group_moments(X, 2.0), TypeError, "num_groups must be an int"),
        (lambda: ops.group_moments(X[0], 2), ValueError, "x must have 4 dimensions"),
        (lambda: ops.group_moments(X[:, :0], 1), ValueError, "must divide the 0 channels"),
        (lambda: ops.group_moments(X[:, :, :0], 1), ValueError, "at least 1 pixel"),
        (lambda: ops.group_norm(X, TWO[:1], TWO), ValueError, r"mean must have shape \(2, 3\)"),
        (
            lambda: ops.group_norm(X, TWO, TWO[:, :2]),
            ValueError,
            r"variance must have shape \(2, 3",
        ),
        (lambda: ops.group_norm(X, TWO[0], TWO), ValueError, "mean must have 2 dimensions"),
        (lambda: ops.group_norm(X, TWO, TWO, SIX[:5]), ValueError, "weight must have 6 elements"),
        (lambda: ops.group_norm(X, TWO, TWO, None, SIX[:1]), ValueError, "bias must have 6 elem"),
        (lambda: ANY.group_norm(X, TWO, TWO, eps="1"), TypeError, "eps must be a number"),
        (lambda: ops.group_norm_grad(X[:1], X, TWO, TWO), ValueError, "dy must have shape"),
        (lambda: ops.group_norm_grad(X.astype("f8"), X, TWO, TWO), TypeError, "dy must be float32"),
        (lambda: F.group_norm(X, 5), ValueError, "must divide the 6 channels"),
        (lambda: nn.GroupNorm(4, 6), ValueError, "divisible by num_groups, got 6 and 4"),
        (lambda: nn.GroupNorm(0, 6), ValueError, "num_groups must be at least 1, got 0"),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    requests = _core.memory_stats()["requests"]
    with pytest.raises(error, match=message):
        call()
    assert _core.memory_stats()["requests"] == requests
