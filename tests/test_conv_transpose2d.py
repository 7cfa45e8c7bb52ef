"""Transposed convolution: the twin of conv2d's gradient, with gradients of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import convlet as cl
import convlet.nn.functional as F
from cases import CONV2D_CASES, Conv2dCase, answers, floats
from convlet import _core, nn, ops

pytestmark = pytest.mark.usefixtures("exact")


def output_padding(case: Conv2dCase) -> tuple[int, int]:
    """What the forward convolution's rounding down dropped."""
    axes = zip(
        case.x[2:], case.kernel, case.stride, case.padding, case.dilation, case.y[2:], strict=True
    )
    h, w = (
        size - ((out - 1) * stride - 2 * pad + gap * (kernel - 1) + 1)
        for size, kernel, stride, pad, gap, out in axes
    )
    return h, w


@pytest.mark.parametrize("case", CONV2D_CASES, ids=str)
def test_it_equals_the_gradient_of_integer_loops(isa: str, case: Conv2dCase) -> None:
    a, extra = answers(case), output_padding(case)
    bias = np.arange(1, case.x[1] + 1, dtype=np.float32)
    y = ops.conv_transpose2d(
        floats(a.dy), floats(a.weight), bias, output_padding=extra, **case.geometry
    )
    assert y.shape == case.x
    assert np.array_equal(y, a.dx + bias[:, np.newaxis, np.newaxis])


@pytest.mark.parametrize("case", CONV2D_CASES, ids=str)
def test_its_gradients_are_those_of_a_convolution(isa: str, case: Conv2dCase) -> None:
    a = answers(case)
    dx = ops.conv_transpose2d_grad_input(floats(a.x), floats(a.weight), **case.geometry)
    assert np.array_equal(dx, a.y - a.bias[:, np.newaxis, np.newaxis])
    dw = ops.conv_transpose2d_grad_weight(floats(a.x), floats(a.dy), case.weight, **case.geometry)
    assert np.array_equal(dw, a.dw)


@pytest.mark.parametrize(
    "geometry",
    [
        {},
        {"stride": 2},
        {"stride": (3, 2), "padding": (1, 0), "output_padding": (2, 1)},
        {"stride": 2, "padding": 1, "dilation": 2, "output_padding": 1},
        {"groups": 2, "stride": 4},
    ],
    ids=str,
)
def test_layer_and_gradients_equal_torch(
    geometry: dict[str, Any], rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch")
    theirs = torch.nn.ConvTranspose2d(6, 4, (3, 2), **geometry)
    layer = nn.ConvTranspose2d(6, 4, (3, 2), **geometry)
    assert repr(layer) == repr(theirs)
    layer.load_state_dict({k: v.detach().numpy() for k, v in theirs.state_dict().items()})
    x = rng.standard_normal((2, 6, 5, 4), np.float32)
    tx, cx = torch.tensor(x, requires_grad=True), cl.Tensor(x, requires_grad=True)
    ty, cy = theirs(tx), layer(cx)
    dy = rng.standard_normal(cy.shape, np.float32)
    ty.backward(torch.tensor(dy))
    cy.backward(dy)
    np.testing.assert_allclose(cy.numpy(), ty.detach().numpy(), rtol=1e-4, atol=1e-5)
    assert cx.grad is not None
    np.testing.assert_allclose(cx.grad.numpy(), tx.grad.numpy(), rtol=1e-4, atol=1e-5)
    for ours, other in zip(layer.parameters(), theirs.parameters(), strict=True):
        assert ours.grad is not None
        np.testing.assert_allclose(ours.grad.numpy(), other.grad.numpy(), rtol=1e-4, atol=1e-4)


def test_the_layer_shows_what_is_unusual_in_torchs_order() -> None:
    layer = nn.ConvTranspose2d(6, 4, (3, 2), 2, 1, 1, groups=2, bias=False, dilation=2)
    assert repr(layer) == (
        "ConvTranspose2d(6, 4, kernel_size=(3, 2), stride=(2, 2), padding=(1, 1), "
        "dilation=(2, 2), output_padding=(1, 1), groups=2, bias=False)"
    )
    assert layer.weight.shape == (6, 2, 3, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 3), "in_channels must be at least 1, got 0"),
        ((1, 1, (3, 0)), "kernel_size must be at least 1, got 0"),
        ((3, 4, 1, 1, 0, 0, 2), "in_channels must be divisible by groups, got 3 and 2"),
        ((4, 3, 1, 1, 0, 0, 2), "out_channels must be divisible by groups, got 3 and 2"),
    ],
)
def test_the_layer_refuses_sizes_that_make_no_sense(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"ConvTranspose2d: {message}"):
        nn.ConvTranspose2d(*arguments)


def test_a_stride_beyond_the_kernel_leaves_the_bias_between() -> None:
    y = F.conv_transpose2d(np.ones((1, 1, 2, 2)), np.ones((1, 2, 1, 1)), [5.0, 7.0], stride=3)
    wanted = np.full((2, 4, 4), [[[5.0]], [[7.0]]])
    wanted[:, ::3, ::3] += 1
    assert np.array_equal(y.numpy()[0], wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"stride": 0}, "conv_transpose2d: stride must be at least 1"),
        ({"stride": 2**31 + 1}, "conv_transpose2d: stride must be at most"),
        ({"padding": -1}, "conv_transpose2d: padding must be at least 0"),
        ({"dilation": 0}, "conv_transpose2d: dilation must be at least 1"),
        ({"groups": 0}, "conv_transpose2d: groups must be at least 1"),
        ({"groups": 4}, "groups must divide the 6 channels of x, got 4"),
        ({"output_padding": 1}, "output_padding must be smaller than the stride"),
        ({"output_padding": -1}, "output_padding must be at least 0"),
        ({"padding": 9}, "padding must be smaller"),
        ({"weight": np.ones((5, 2, 3, 3), np.float32)}, "weight has 5 input channels but x has 6"),
        ({"weight": np.ones((6, 0, 3, 3), np.float32)}, "at least 1 channel of each kind"),
        ({"weight": np.ones((6, 2, 0, 3), np.float32)}, "kernel size must be at least 1"),
        ({"weight": np.ones((6, 2, 3), np.float32)}, "weight must have 4 dimensions"),
        ({"bias": np.ones(3, np.float32)}, "bias must have 2 elements, got 3"),
        ({"x": np.ones((1, 6, 0, 3), np.float32)}, "x must have at least 1 pixel"),
        ({"x": np.ones((6, 3, 3), np.float32)}, "x must have 4 dimensions"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_named(change: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {
        "x": np.ones((1, 6, 3, 3), np.float32),
        "weight": np.ones((6, 2, 3, 3), np.float32),
        **change,
    }
    requests = _core.memory_stats()["requests"]
    with pytest.raises(ValueError, match=message):
        ops.conv_transpose2d(**arguments)
    assert _core.memory_stats()["requests"] == requests


def test_an_output_beyond_64_bits_is_refused() -> None:
    x = np.broadcast_to(np.float32(0), (0, 1, 2**40, 1))
    with pytest.raises(ValueError, match=r"64 bits|too large"):
        ops.conv_transpose2d(x, np.ones((1, 1, 1, 1), np.float32), stride=2**31)
