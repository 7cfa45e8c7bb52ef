"""What a convolution does to its sums before it writes them, and the packed weights that it keeps."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import nn, ops
from convlet.nn import functional as F

if TYPE_CHECKING:
    from convlet.ops._arguments import Activation

CASES = {  # channels, out channels, kernel, groups, stride, height, width
    "winograd": (32, 40, 3, 1, 1, 13, 11),
    "winograd, large weights of few tiles": (100, 80, 3, 1, 1, 14, 13),
    "winograd, narrow": (16, 17, 3, 1, 1, 8, 8),
    "few channels": (3, 5, 3, 1, 1, 9, 39),
    "direct, strided": (3, 17, 5, 1, 2, 13, 11),
    "direct, deep": (300, 6, 1, 1, 1, 5, 5),
    "1x1": (64, 70, 1, 1, 1, 7, 9),
    "one pixel": (5, 3, 1, 1, 1, 1, 1),
    "depthwise": (19, 19, 3, 19, 1, 9, 10),
    "depthwise, strided": (24, 24, 3, 24, 2, 9, 10),
    "groups": (8, 12, 3, 4, 1, 6, 7),
}
ACTIVATIONS: dict[Activation, Any] = {
    "none": lambda v: v,
    "relu": lambda v: np.maximum(v, 0),
    "relu6": lambda v: np.clip(v, 0, 6),
    "silu": lambda v: v / (1 + np.exp(-v)),
    "hardswish": lambda v: v * np.clip(v + 3, 0, 6) / 6,
}
by_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def arrays(case: tuple[int, ...], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    c, k, kernel, groups, _, height, width = case
    x = rng.standard_normal((2, c, height, width), np.float32)
    weight = rng.standard_normal((k, c // groups, kernel, kernel), np.float32)
    scale, bias = (rng.standard_normal(k, np.float32) for _ in range(2))
    return x, weight, scale, bias


@by_case
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("parts", ["all", "scale", "bias", "residual", "nothing"])
def test_the_epilogue_follows_the_sums(
    isa: str, case: Any, activation: Activation, parts: str, rng: np.random.Generator
) -> None:
    _, _, kernel, groups, stride, _, _ = case
    x, weight, scale, bias = arrays(case, rng)
    sums = ops.conv2d(x, weight, None, stride, kernel // 2, 1, groups).astype(np.float64)
    residual = rng.normal(0, 3, sums.shape).astype(np.float32)
    wanted = sums
    given: dict[str, Any] = {}
    if parts in ("all", "scale"):
        given["scale"] = scale
        wanted = wanted * scale[:, None, None]
    if parts in ("all", "bias"):
        given["bias"] = bias
        wanted = wanted + bias[:, None, None]
    if parts in ("all", "residual"):
        given["residual"] = residual
        wanted = wanted + residual
    wanted = ACTIVATIONS[activation](wanted)
    y = ops.conv2d(
        x, weight, given.pop("bias", None), stride, kernel // 2, 1, groups, **given,
        activation=activation,
    )  # fmt: skip
    np.testing.assert_allclose(y, wanted, rtol=2e-5, atol=2e-5 * np.abs(sums).max())


@by_case
def test_a_kept_weight_changes_no_bit_and_sees_every_change(
    isa: str, case: Any, rng: np.random.Generator
) -> None:
    _, _, kernel, groups, stride, _, _ = case
    x, weight, _, _ = arrays(case, rng)
    packed = ops.PackedWeight()

    def both() -> tuple[np.ndarray, np.ndarray]:
        geometry = (None, stride, kernel // 2, 1, groups)
        return ops.conv2d(x, weight, *geometry), ops.conv2d(x, weight, *geometry, packed=packed)

    for _ in range(2):
        assert np.array_equal(*both())
    before = both()[1]
    weight[-1, -1, -1, -1] = np.nextafter(weight[-1, -1, -1, -1], np.float32(9))
    assert np.array_equal(*both())
    weight[0] += 1
    y, kept = both()
    assert np.array_equal(y, kept)
    assert not np.array_equal(kept, before)
    packed.clear()
    assert np.array_equal(*both())


def test_a_kept_weight_serves_other_sizes_instruction_sets_and_exactness(
    rng: np.random.Generator,
) -> None:
    packed = ops.PackedWeight()
    weight = rng.standard_normal((32, 32, 3, 3), np.float32)
    for size in (3, 16, 3):
        x = rng.standard_normal((1, 32, size, size), np.float32)
        for exact in (False, True, False):
            with cl.use_exact_conv(exact):
                y = ops.conv2d(x, weight, None, 1, 1)
                assert np.array_equal(ops.conv2d(x, weight, None, 1, 1, packed=packed), y)


def test_a_kept_weight_serves_threads_at_once(rng: np.random.Generator) -> None:
    packed = ops.PackedWeight()
    x = rng.standard_normal((1, 64, 12, 12), np.float32)
    weights = [rng.standard_normal((64, 64, 3, 3), np.float32) for _ in range(2)]
    wanted = [ops.conv2d(x, weight, None, 1, 1) for weight in weights]
    wrong: list[int] = []

    def work(index: int) -> None:
        for _ in range(20):
            y = ops.conv2d(x, weights[index], None, 1, 1, packed=packed)
            if not np.array_equal(y, wanted[index]):
                wrong.append(index)

    threads = [threading.Thread(target=work, args=(i % 2,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_copies_and_pickles_of_a_kept_weight_are_empty_ones() -> None:
    packed = ops.PackedWeight()
    for other in (copy.copy(packed), copy.deepcopy(packed), pickle.loads(pickle.dumps(packed))):
        assert type(other) is ops.PackedWeight
        assert other is not packed
    layer = copy.deepcopy(nn.Conv2d(2, 3, 3))
    assert layer(np.zeros((1, 2, 4, 4), np.float32)).shape == (1, 3, 2, 2)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("with_residual", [False, True])
def test_gradients_equal_those_of_the_parts(
    activation: Activation, with_residual: bool, rng: np.random.Generator
) -> None:
    apart: Any = {"none": lambda t: t, "relu": F.relu, "relu6": F.relu6, "silu": F.silu}
    apart["hardswish"] = F.hardswish
    x, weight, _, bias = arrays(CASES["winograd"], rng)
    add = rng.standard_normal((2, 40, 13, 11), np.float32)
    gradients = []
    for fused in (True, False):
        leaves = [cl.Tensor(a.copy(), requires_grad=True) for a in (x, weight, bias, add)]
        residual = leaves[3] if with_residual else None
        x_leaf, weight_leaf, bias_leaf, _ = leaves
        if fused:
            y = F.conv2d(
                x_leaf, weight_leaf, bias_leaf, 1, 1, residual=residual, activation=activation
            )
        else:
            y = F.conv2d(x_leaf, weight_leaf, bias_leaf, 1, 1)
            y = apart[activation](y if residual is None else y + residual)
        y.backward(add)
        gradients.append([leaf.grad.data for leaf in leaves if leaf.grad is not None])
    assert len(gradients[0]) == (4 if with_residual else 3)
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_convolution_takes_the_normalisation_in_evaluation(
    activation: Activation, rng: np.random.Generator
) -> None:
    conv, norm = nn.Conv2d(5, 20, 3, padding=1), nn.BatchNorm2d(20)
    norm(rng.normal(2, 3, (4, 20, 5, 5)).astype(np.float32))  # statistics that matter
    norm.eval()
    x = cl.Tensor(rng.standard_normal((2, 5, 9, 8), np.float32))
    residual = cl.Tensor(rng.standard_normal((2, 20, 9, 8), np.float32))
    recorded = nn.conv_norm(conv, norm, x, residual=residual, activation=activation)
    assert recorded.requires_grad
    with cl.no_grad():
        folded = nn.conv_norm(conv, norm, x, residual=residual, activation=activation)
        plain = ACTIVATIONS[activation](norm(conv(x)).data + residual.data)
    np.testing.assert_allclose(folded.data, plain, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(recorded.data, plain, rtol=1e-4, atol=1e-5)


def test_sequential_folds_only_what_nobody_watches(rng: np.random.Generator) -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()).eval()
    x = cl.Tensor(rng.standard_normal((2, 3, 6, 6), np.float32))
    with cl.no_grad():
        y = model(x).data
        for index in range(3):
            seen: list[Any] = []

            def watch(module: Any, inputs: Any, output: Any, to: list[Any] = seen) -> None:
                to.append(output)

            with model[index].register_forward_hook(watch):
                watched = model(x).data
            assert len(seen) == 1
            np.testing.assert_allclose(watched, y, rtol=1e-4, atol=1e-5)
        model[0].weight.data[...] = 0  # a write that nobody announces
        np.testing.assert_allclose(
            model(x).data, model[3](model[2](model[1](model[0](x)))).data, atol=1e-6
        )


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"scale": np.ones(3, np.float32)}, ValueError, "scale"),
        ({"scale": np.ones((2, 1), np.float32)}, ValueError, "scale must have 1 dim"),
        ({"scale": np.ones(2)}, TypeError, "scale must be float32"),
        ({"residual": np.ones((1, 2, 4, 4), np.float32)}, ValueError, "residual"),
        ({"residual": np.ones((2, 3, 3), np.float32)}, ValueError, "residual must have 4 dim"),
        ({"residual": np.ones((1, 2, 3, 3))}, TypeError, "residual must be float32"),
        ({"activation": "tanh"}, ValueError, "activation must be"),
        ({"packed": 3}, TypeError, "packed must be a PackedWeight or None, got int"),
    ],
)
def test_bad_input_is_named(given: Any, error: type[Exception], message: str) -> None:
    x, weight = np.ones((1, 1, 4, 4), np.float32), np.ones((2, 1, 2, 2), np.float32)
    with pytest.raises(error, match=f"conv2d: {message}"):
        ops.conv2d(x, weight, **given)


def test_a_residual_of_any_layout_gives_the_same_bits(rng: np.random.Generator) -> None:
    x, weight, scale, bias = arrays(CASES["1x1"], rng)
    residual = rng.standard_normal((2, 70, 7, 9), np.float32)
    wanted = ops.conv2d(x, weight, bias, scale=scale, residual=residual)
    last = np.ascontiguousarray(residual.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for other in (last, residual[:, :, ::-1].copy()[:, :, ::-1]):
        assert np.array_equal(ops.conv2d(x, weight, bias, scale=scale, residual=other), wanted)
