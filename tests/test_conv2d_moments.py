"""Moments of what a convolution writes (csrc/moments.cpp, csrc/kernels/pixel_moments.cpp)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
from convlet import Tensor, nn, ops
from convlet.nn import functional as F

# images, channels, out channels, kernel, groups, stride, padding, dilation, height, width
IN_TASKS = {
    "winograd, tails": (2, 32, 40, 3, 1, 1, 1, 1, 13, 11),
    "winograd, several blocks": (3, 64, 130, 3, 1, 1, 1, 1, 26, 25),
    "winograd, large weights of few tiles": (2, 256, 272, 3, 1, 1, 1, 1, 7, 7),
    "winograd, blocks beyond the border": (1, 256, 256, 3, 1, 1, 4, 4, 33, 300),
    "winograd, pieces": (2, 32, 66, 5, 1, 2, 2, 1, 30, 31),
    "winograd, narrow": (1, 16, 17, 3, 1, 1, 1, 1, 8, 8),
    "direct, strided": (3, 3, 17, 5, 1, 2, 2, 1, 33, 31),
    "direct, dilated": (2, 24, 30, 3, 1, 1, 2, 2, 21, 20),
    "direct, few pixels of many channels": (1, 512, 1000, 1, 1, 1, 0, 1, 9, 9),
    "1x1": (4, 8, 27, 1, 1, 1, 0, 1, 101, 99),
    "depthwise": (2, 96, 96, 3, 96, 1, 1, 1, 60, 50),
    "depthwise, strided": (2, 33, 33, 5, 33, 2, 2, 1, 60, 50),
    "depthwise, pieces of rows": (1, 33, 33, 3, 33, 1, 1, 1, 9, 900),
    "depthwise, several rows at a time": (4, 128, 128, 3, 128, 1, 1, 1, 96, 96),
    "groups": (2, 32, 96, 3, 4, 1, 1, 1, 14, 14),
    "groups by winograd": (2, 40, 68, 3, 2, 1, 1, 1, 21, 18),
}
AFTERWARDS = {
    "few channels": (2, 3, 5, 3, 1, 1, 1, 1, 40, 39),
    "narrow groups": (2, 64, 64, 3, 16, 1, 1, 1, 14, 14),
    "depthwise, few pixels of many channels": (2, 960, 960, 3, 960, 1, 1, 1, 7, 7),
    "one pixel of each image": (2, 5, 3, 1, 1, 1, 0, 1, 1, 1),
}
CASES = IN_TASKS | AFTERWARDS
by_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def given(case: tuple[int, ...], rng: np.random.Generator, offset: float = 0) -> tuple[Any, ...]:
    n, c, k, kernel, groups, stride, padding, dilation, height, width = case
    x = rng.standard_normal((n, c, height, width), np.float32)
    weight = rng.standard_normal((k, c // groups, kernel, kernel), np.float32)
    return x, weight, np.full(k, offset, np.float32), stride, padding, dilation, groups


@by_case
@pytest.mark.parametrize("offset", [0, 1e4])
def test_moments_equal_float64(
    isa: str, case: Any, offset: float, rng: np.random.Generator
) -> None:
    arguments = given(case, rng, offset)
    y, mean, variance = ops.conv2d_moments(*arguments)
    assert y.tobytes() == ops.conv2d(*arguments).tobytes()
    exact = y.astype(np.float64)
    middle, spread = exact.mean((0, 2, 3)), exact.var((0, 2, 3))
    far = case in AFTERWARDS.values()  # sums of numbers far from zero, not of differences
    allowed = 2e-6 * np.sqrt(spread) + (1e-6 if far else 1e-7) * np.abs(middle)
    assert (np.abs(mean - middle) <= allowed).all()
    np.testing.assert_allclose(variance, spread, rtol=(1e-3 if far else 5e-5) if offset else 1e-5)


@by_case
def test_results_are_the_same_bits_for_any_number_of_threads(
    set_threads: Any, case: Any, rng: np.random.Generator
) -> None:
    arguments = given(case, rng)
    packed = ops.PackedWeight()
    results = []
    for threads in (1, 2, 3, 5, 8):
        set_threads(threads)
        for kept in (None, packed):
            found = ops.conv2d_moments(*arguments, packed=kept)
            results.append([array.tobytes() for array in found])
    assert all(other == results[0] for other in results)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0, 0), (1, 7, 3)])
def test_what_is_not_finite_passes_as_through_batch_moments(
    isa: str, value: float, place: tuple[int, ...], rng: np.random.Generator
) -> None:
    x = rng.standard_normal((2, 20, 8, 9), np.float32)
    image, row, column = place
    x[image, 18, row, column] = value
    weight = np.eye(20, dtype=np.float32).reshape(20, 20, 1, 1)
    for arguments in ((x, weight), (x, np.ones((20, 1, 1, 1), np.float32), None, 1, 0, 1, 20)):
        y, mean, variance = ops.conv2d_moments(*arguments)
        assert not np.isfinite(y).all()
        for one, other in zip((mean, variance), ops.batch_moments(y), strict=True):
            np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


LAYERS: dict[str, dict[str, Any]] = {
    "winograd": {"padding": 1},
    "strided": {"stride": 2, "bias": False},
    "depthwise": {"padding": 1, "groups": 20},
    "same": {"padding": "same"},
    "reflected": {"padding": 1, "padding_mode": "reflect"},
}


def network(**options: Any) -> nn.Sequential:
    cl.seed(3)
    return nn.Sequential(
        nn.Conv2d(3, 20, 5, padding=2), nn.BatchNorm2d(20), nn.ReLU6(),
        nn.Conv2d(20, 20, 3, **options), nn.BatchNorm2d(20, momentum=None), nn.ReLU(),
        nn.Conv2d(20, 36, 1), nn.BatchNorm2d(36, track_running_stats=False),
    )  # fmt: skip


def train(model: nn.Sequential, call: Any, x: np.ndarray) -> list[np.ndarray]:
    """Four steps; the outputs, the input's gradient and all weights and statistics."""
    optimizer = cl.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    images = Tensor(x, requires_grad=True)
    for _ in range(4):
        optimizer.zero_grad()
        y = call(images)
        (y**2).mean().backward()
        optimizer.step()
    assert images.grad is not None
    state = [np.array(value) for value in model.state_dict().values()]
    return [y.data, images.grad.data, *state]


@pytest.fixture
def second_readings(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Which arrays were read again for their moments."""
    seen: list[Any] = []
    plain = ops.batch_moments

    def counted(x: Any) -> Any:
        seen.append(x.shape)
        return plain(x)

    monkeypatch.setattr(ops, "batch_moments", counted)
    return seen


@pytest.mark.parametrize("options", LAYERS.values(), ids=LAYERS)
def test_training_ends_where_it_does_layer_by_layer(
    options: Any, second_readings: list[Any], rng: np.random.Generator
) -> None:
    x = rng.normal(1, 2, (3, 3, 14, 13)).astype(np.float32)
    together, apart = network(**options), network(**options)
    got = train(together, together, x)
    assert second_readings == []

    def one_by_one(y: Tensor) -> Tensor:
        for layer in apart:
            y = layer(y)
        return y

    wanted = train(apart, one_by_one, x)
    assert len(second_readings) == 12
    for one, other in zip(got, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-3, atol=2e-4)


def test_what_is_watched_is_computed_by_itself(
    second_readings: list[Any], rng: np.random.Generator
) -> None:
    model = network(padding=1)
    x = rng.standard_normal((2, 3, 9, 9), np.float32)
    wanted = model(x).data
    assert second_readings == []
    for layer in (model[0], model[1]):
        seen: list[Any] = []

        def watch(module: Any, inputs: Any, output: Any, to: list[Any] = seen) -> None:
            to.append(output)

        with layer.register_forward_hook(watch):
            y = model(x).data
        np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-4)
        assert len(seen) == len(second_readings) == 1
        second_readings.clear()
        with layer.register_forward_pre_hook(lambda module, x: x[0] * 0):
            y = model(x).data
        assert not np.allclose(y, wanted, atol=1e-2)
        assert len(second_readings) == 1
        second_readings.clear()


def test_a_part_that_is_computed_again_gives_the_same_bits(
    second_readings: list[Any], rng: np.random.Generator
) -> None:
    x = rng.standard_normal((2, 3, 16, 15), np.float32)
    kept, again = network(padding=1), network(padding=1)
    wanted = train(kept, kept, x)
    got = train(again, lambda images: cl.checkpoint(again, images), x)
    assert [a.tobytes() for a in got] == [a.tobytes() for a in wanted]
    assert second_readings == []


def test_evaluation_and_frozen_statistics_take_no_moments(
    second_readings: list[Any], rng: np.random.Generator
) -> None:
    conv, norm = nn.Conv2d(3, 20, 3), nn.BatchNorm2d(20).eval()
    x = cl.Tensor(rng.standard_normal((2, 3, 9, 9), np.float32), requires_grad=True)
    before = norm.state_dict()["running_mean"].copy()
    y = nn.conv_norm(conv, norm, x)
    np.testing.assert_allclose(y.data, norm(conv(x)).data, rtol=1e-6)
    assert np.array_equal(norm.state_dict()["running_mean"], before)
    assert second_readings == []


def test_moments_of_any_rank_are_taken_as_they_are() -> None:
    rows = np.array([[1.0], [3.0]], np.float32)
    moments = [np.array([value], np.float32) for value in (1, 4)]
    y = F.batch_norm(rows, training=True, eps=0.0, moments=moments)
    np.testing.assert_array_equal(y.data, [[0.0], [1.0]])


X, W = np.ones((1, 3, 4, 4), np.float32), np.ones((2, 3, 2, 2), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: ops.conv2d_moments(X[:0], W), ValueError, "at least 1 value per channel, got 0"),
        (lambda: ops.conv2d_moments(X, W[:, :2]), ValueError, "weight"),
        (lambda: ops.conv2d_moments(X, W, np.ones(3, np.float32)), ValueError, "bias must have 2"),
        (lambda: ops.conv2d_moments(X, W, stride=0), ValueError, "stride"),
        (lambda: ops.conv2d_moments(X[0], W), ValueError, "x must have 4 dim"),
        (lambda: ops.conv2d_moments(X, W.astype(np.float64)), TypeError, "weight must be float32"),
        (lambda: ops.conv2d_moments(X, W, packed=3), TypeError, "packed must be a PackedWeight"),  # type: ignore[arg-type]
        (lambda: F.conv2d(X, W, activation="relu", moments=[]), ValueError, "without residual"),
        (
            lambda: F.batch_norm(X, training=True, moments=(X[0, :2, 0, 0], X[0, :, 0, 0])),
            ValueError,
            "mean must have 3 elements, got 2",
        ),
        (
            lambda: nn.conv_norm(nn.Conv2d(3, 20, 4), nn.BatchNorm2d(20), Tensor(X)),
            ValueError,
            "more than 1 value per channel",
        ),
        (
            lambda: nn.conv_norm(nn.Conv2d(3, 20, 3), nn.BatchNorm2d(20), Tensor(X[:0])),
            ValueError,
            "at least 1 value per channel",
        ),
        (
            lambda: nn.conv_norm(nn.Conv2d(3, 20, 3), nn.BatchNorm2d(19), Tensor(X)),
            ValueError,
            r"running_mean must have shape \(20,\), got \(19,\)",
        ),
    ],
)
def test_bad_input_is_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
