"""Layers and functions: what they compute, what they refuse, their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
import reference
from convlet import Tensor, nn
from convlet.nn import functional as F
from numeric import assert_gradients


def numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Multiples of 1/4, a step of 1/4 apart from every other: no ties, no rounding."""
    count = int(np.prod(shape))
    return (rng.permutation(count).reshape(shape) / 4 - count / 8 + 0.125).astype(np.float32)


def small(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-3, 4, shape).astype(np.float32)


@pytest.mark.parametrize(
    ("stride", "padding", "dilation", "groups"),
    [(1, 0, 1, 1), (2, 1, 1, 1), ((1, 2), (2, 0), 1, 2), (1, 1, 2, 1), (1, "valid", 1, 2)],
    ids=str,
)
def test_conv2d_gradients(
    stride: Any, padding: Any, dilation: Any, groups: int, rng: np.random.Generator
) -> None:
    assert_gradients(
        lambda x, w, b: F.conv2d(x, w, b, stride, padding, dilation, groups) ** 2 * 0.01,
        small(rng, 2, 2, 6, 7),
        small(rng, 4, 2 // groups, 3, 3),
        small(rng, 4),
        tol=3e-2,
    )


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 2), (4, 3), (1, 4)], ids=str)
@pytest.mark.parametrize("dilation", [1, 2, (3, 1)], ids=str)
def test_same_padding_keeps_the_size_and_puts_the_odd_zero_last(
    kernel: tuple[int, int], dilation: Any, rng: np.random.Generator
) -> None:
    x, w = small(rng, 1, 2, 7, 6), small(rng, 3, 2, *kernel)
    y = F.conv2d(x, w, padding="same", dilation=dilation)
    assert y.shape == (1, 3, 7, 6)
    gaps = (dilation, dilation) if isinstance(dilation, int) else dilation
    border = [
        (total // 2, total - total // 2)
        for total in (g * (k - 1) for g, k in zip(gaps, kernel, strict=True))
    ]
    padded = np.pad(x, [(0, 0), (0, 0), *border]).astype(np.int64)
    wanted = reference.conv2d(padded, w.astype(np.int64), None, (1, 1), (0, 0), gaps, 1)
    np.testing.assert_array_equal(y.data, wanted)


def test_same_padding_of_an_even_kernel_has_right_gradients(rng: np.random.Generator) -> None:
    assert_gradients(
        lambda x, w: F.conv2d(x, w, padding="same") ** 2 * 0.01,
        small(rng, 1, 2, 5, 4),
        small(rng, 2, 2, 2, 4),
        tol=3e-2,
    )


@pytest.mark.parametrize(
    "more",
    [{}, {"stride": 1}, {"padding": 1, "kernel_size": 3}, {"ceil_mode": True, "kernel_size": 3}],
    ids=str,
)
@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d])
def test_pooling_gradients(pool: Any, more: dict[str, Any], rng: np.random.Generator) -> None:
    size = {"kernel_size": 2, **more}
    assert_gradients(lambda x: pool(x, **size) ** 2, numbers(rng, 1, 2, 5, 4))


def test_linear_gradients_also_on_more_dimensions(rng: np.random.Generator) -> None:
    for leading in ((5,), (), (2, 3)):
        x, w, b = small(rng, *leading, 4), small(rng, 3, 4), small(rng, 3)
        assert F.linear(x, w, b).shape == (*leading, 3)
        assert_gradients(lambda x, w, b: F.linear(x, w, b) ** 2 * 0.1, x, w, b)


def test_relu_gradients(rng: np.random.Generator) -> None:
    assert_gradients(lambda x: F.relu(x) ** 2, numbers(rng, 3, 4))


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_cross_entropy_is_its_definition(reduction: str, rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(5, 3)).astype(np.float32), np.array([0, 2, 1, 1, 0])
    powers = np.exp(logits.astype(np.float64))
    losses = -np.log(powers[np.arange(5), labels] / powers.sum(axis=1))
    wanted = losses if reduction == "none" else getattr(losses, reduction)()
    got = F.cross_entropy(logits, labels, reduction=reduction)
    np.testing.assert_allclose(got.data, wanted, rtol=1e-6)
    assert_gradients(lambda x: F.cross_entropy(x, labels, reduction=reduction) * 5.0, logits)


@pytest.mark.parametrize("kind", [list, Tensor, np.asarray, lambda v: np.array(v, np.uint8)])
def test_labels_may_be_lists_arrays_or_tensors(kind: Any) -> None:
    loss = nn.CrossEntropyLoss()(np.zeros((2, 4)), kind([1, 3]))
    assert loss.item() == pytest.approx(np.log(4))


def test_cross_entropy_refuses_what_is_no_label() -> None:
    for labels in ([0.5, 1.0], Tensor([0.5, 1.0]), np.array(["a", "b"])):
        with pytest.raises(TypeError, match="cross_entropy: labels must be"):
            F.cross_entropy(np.zeros((2, 2)), labels)
    with pytest.raises(ValueError, match='reduction must be "mean", "sum" or "none"'):
        nn.CrossEntropyLoss(reduction="max")
    with pytest.raises(ValueError, match="no rows to average"):
        F.cross_entropy(np.zeros((0, 2)), np.zeros(0, np.int64))


def test_dropout_in_training_keeps_the_mean_and_its_gradient_is_its_mask() -> None:
    cl.seed(1)
    x = Tensor(np.ones((100, 100)), requires_grad=True)
    y = nn.Dropout(0.25)(x)
    assert set(np.unique(y.data).tolist()) == {0.0, float(np.float32(4 / 3))}
    assert 0.73 < np.count_nonzero(y.data) / y.numel() < 0.77
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, y.data)


def test_dropout_in_evaluation_or_with_p_0_is_the_identity_and_draws_nothing() -> None:
    x = Tensor([1.0, 2.0])
    before = cl.random.default_generator.get_state()
    assert nn.Dropout(0.5).eval()(x) is x
    assert nn.Dropout(0.0)(x) is x
    assert cl.random.default_generator.get_state() == before


def test_dropout_is_repeatable_by_seed_and_by_generator() -> None:
    x = np.ones((8, 9), np.float32)
    runs = []
    for _ in range(2):
        cl.seed(5)
        runs.append([F.dropout(x).data, F.dropout(x).data])
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0][0] != runs[0][1]).any()
    own = [nn.Dropout(generator=cl.random.Generator(9))(x).data for _ in range(2)]
    np.testing.assert_array_equal(*own)


ANY: Any = nn  # so that wrong types can be passed on purpose


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ANY.Conv2d(0, 1, 3), ValueError, "in_channels must be at least 1, got 0"),
        (lambda: ANY.Conv2d(1, 1.0, 3), TypeError, "out_channels must be an int, got float 1.0"),
        (lambda: ANY.Conv2d(1, 1, 0), ValueError, "kernel_size must be at least 1, got 0"),
        (
            lambda: ANY.Conv2d(3, 4, 1, groups=2),
            ValueError,
            "in_channels must be divisible by groups",
        ),
        (lambda: ANY.Conv2d(2, 3, 1, groups=2), ValueError, "out_channels must be divisible"),
        (
            lambda: ANY.Conv2d(1, 1, 3, padding="full"),
            ValueError,
            '"same" or "valid", got \'full\'',
        ),
        (lambda: ANY.Conv2d(1, 1, 3, 2, "same"), ValueError, 'padding "same" needs stride 1'),
        (lambda: ANY.Linear(1, -1), ValueError, "out_features must be at least 1, got -1"),
        (lambda: ANY.Linear("2", 1), TypeError, "in_features must be an int, got str '2'"),
        (lambda: ANY.MaxPool2d(2.5), TypeError, "kernel_size must be an int or a pair of ints"),
        (lambda: ANY.MaxPool2d(2, ceil_mode=1), TypeError, "ceil_mode must be a bool"),
        (lambda: ANY.MaxPool2d(2, return_indices=1), TypeError, "return_indices must be a bool"),
        (lambda: ANY.AvgPool2d((2, 2, 2)), ValueError, "kernel_size must be an int or a pair"),
        (lambda: ANY.Dropout(1.5), ValueError, r"p must be in \[0, 1\], got 1.5"),
        (
            lambda: ANY.functional.conv2d(
                np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), padding="x"
            ),
            ValueError,
            '"x"',
        ),
        (
            lambda: ANY.functional.pad(np.ones(3), (1, -1), "reflect"),
            ValueError,
            "pairs of numbers at least 0",
        ),
        (
            lambda: ANY.functional.pad(np.ones(3), (-2, -2)),
            ValueError,
            "must not cut off more than there is",
        ),
        (
            lambda: ANY.functional.pad(np.ones(3), (1, 1), "mirror"),
            ValueError,
            "mode must be one of constant, reflect, replicate, circular, got 'mirror'",
        ),
        (lambda: ANY.functional.pad(np.ones(3), 1), TypeError, "pad must be a tuple of ints"),
    ],
)
def test_layers_refuse_what_makes_no_sense(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_an_input_that_does_not_fit_names_what_came() -> None:
    with pytest.raises(ValueError, match="conv2d"):
        nn.Conv2d(3, 4, 3)(Tensor(np.zeros((1, 2, 5, 5))))
    with pytest.raises(ValueError, match="conv2d"):
        nn.Conv2d(3, 4, 3, padding="same")(Tensor(np.zeros((3, 5, 5))))
    with pytest.raises(ValueError, match="linear"):
        nn.Linear(3, 4)(Tensor(np.zeros((1, 2))))


def test_inputs_and_weights_are_never_modified(rng: np.random.Generator) -> None:
    x = small(rng, 2, 1, 8, 8)
    model = nn.Sequential(
        nn.ReLU(inplace=True),
        nn.Conv2d(1, 2, 3),
        nn.ReLU(True),
        nn.MaxPool2d(2),
        nn.Dropout(0.5, True),
        nn.Flatten(),
        nn.Linear(18, 2),
    )
    kept = [x.copy(), *(p.data.copy() for p in model.parameters())]
    nn.CrossEntropyLoss()(model(Tensor(x)), [0, 1]).backward()
    for before, now in zip(kept, [x, *(p.data for p in model.parameters())], strict=True):
        np.testing.assert_array_equal(before, now)


@pytest.mark.parametrize("activation", ["none", "relu", "relu6", "silu", "hardswish"])
def test_linear_takes_the_activation_into_its_pass(
    activation: Any, rng: np.random.Generator
) -> None:
    apart = {"relu": F.relu, "relu6": F.relu6, "silu": F.silu, "hardswish": F.hardswish}
    data, dy = rng.standard_normal((2, 9, 17), np.float32), rng.standard_normal((2, 9, 5), "f4")
    layer, results = nn.Linear(17, 5), []
    layer.weight.data[...] *= 12
    for together in (True, False):
        x = cl.Tensor(data, requires_grad=True)
        layer.zero_grad()
        y = layer(x, activation=activation if together else "none")
        y = y if together or activation == "none" else apart[activation](y)
        y.backward(dy)
        leaves = (x, layer.weight, layer.bias)
        gradients = [
            leaf.grad.data for leaf in leaves if leaf is not None and leaf.grad is not None
        ]
        assert len(gradients) == 3
        results.append([y.data, *gradients])
        with cl.no_grad():
            np.testing.assert_allclose(layer(x, activation=activation).data, y.data, atol=1e-5)
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
