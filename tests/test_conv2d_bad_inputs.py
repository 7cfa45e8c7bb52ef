"""Arguments that make no sense are refused by name, before anything is allocated or written."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convlet import _core, ops

Arguments = dict[str, Any]
Call = Callable[[Arguments], Any]


def ones(*shape: int) -> np.ndarray:
    return np.ones(shape, np.float32)


@pytest.fixture
def good() -> Arguments:
    """Arguments that fit together; each test spoils some of them."""
    return {
        "x": _core.to_channels_last(ones(2, 4, 5, 6)),
        "weight": ones(6, 2, 3, 3),
        "bias": ones(6),
        "dy": _core.to_channels_last(ones(2, 6, 3, 4)),
        "input_shape": (2, 4, 5, 6),
        "weight_shape": (6, 2, 3, 3),
        "geometry": {"stride": 1, "padding": 0, "dilation": 1, "groups": 2},
    }


def forward(a: Arguments) -> Any:
    return ops.conv2d(a["x"], a["weight"], a["bias"], **a["geometry"])


def grad_input(a: Arguments) -> Any:
    return ops.conv2d_grad_input(a["dy"], a["weight"], a["input_shape"], **a["geometry"])


def grad_weight(a: Arguments) -> Any:
    return ops.conv2d_grad_weight(a["dy"], a["x"], a["weight_shape"], **a["geometry"])


def grad_bias(a: Arguments) -> Any:
    return ops.conv2d_grad_bias(a["dy"])


EVERY_CALL = pytest.mark.parametrize("call", [forward, grad_input, grad_weight])


def refuse(call: Call, a: Arguments, error: type[Exception], message: str) -> None:
    """The call fails as told, asks for no memory and leaves its arrays alone."""
    before = {name: value.copy() for name, value in a.items() if isinstance(value, np.ndarray)}
    requests = _core.memory_stats()["requests"]
    with pytest.raises(error, match=message) as caught:
        call(a)
    assert str(caught.value).startswith("conv2d"), "the message starts with the operator's name"
    assert _core.memory_stats()["requests"] == requests
    for name, value in before.items():
        np.testing.assert_array_equal(a[name], value)


@EVERY_CALL
def test_good_arguments_are_accepted(call: Call, good: Arguments) -> None:
    assert call(good) is not None


@EVERY_CALL
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("stride", 0, r"stride must be at least 1, got \(0, 0\)"),
        ("stride", (1, 0), r"stride must be at least 1, got \(1, 0\)"),
        ("stride", -2, r"stride must be at least 1, got \(-2, -2\)"),
        ("stride", 2**31 + 1, r"stride must be at most 2\^31, got \(2147483649, 2147483649\)"),
        ("stride", 2**63 - 1, r"stride must be at most 2\^31"),
        ("stride", -(2**63) + 1, "stride must be at least 1"),
        ("stride", 2**64, "stride must fit in 64 bits"),
        ("padding", -1, r"padding must be at least 0, got \(-1, -1\)"),
        ("padding", (0, -5), r"padding must be at least 0, got \(0, -5\)"),
        ("padding", 2**31 + 1, r"padding must be at most 2\^31"),
        ("padding", 2**31, "output has more elements than 64 bits can count"),
        ("dilation", 0, r"dilation must be at least 1, got \(0, 0\)"),
        ("dilation", (1, -1), r"dilation must be at least 1, got \(1, -1\)"),
        ("dilation", 2**31 + 1, r"dilation must be at most 2\^31"),
        ("dilation", 2**31, r"kernel \(4294967297, 4294967297\) is larger than the padded input"),
        ("groups", 0, "groups must be at least 1, got 0"),
        ("groups", -1, "groups must be at least 1, got -1"),
        ("groups", 3, "groups must divide the 4 channels of (x|input_shape), got 3"),
        ("groups", 4, "groups must divide the 6 output channels of weight, got 4"),
        ("groups", 1, "weight has 2 input channels but (x|input_shape) has 4"),
        ("groups", 2**31, "groups must divide the 4 channels of (x|input_shape), got 2147483648"),
        ("groups", 2**64, "groups must fit in 64 bits"),
        ("stride", (1, 2, 3), "stride must be an int or a pair, got 3 values"),
        ("padding", (), "padding must be an int or a pair, got 0 values"),
    ],
)
def test_geometry_is_refused(
    call: Call, good: Arguments, name: str, value: object, message: str
) -> None:
    good["geometry"][name] = value
    refuse(call, good, ValueError, message)


@EVERY_CALL
@pytest.mark.parametrize("name", ["stride", "padding", "dilation", "groups"])
@pytest.mark.parametrize("value", [1.0, "1", None, True, np.float32(1), np.ones(2), {1: 2}, 1j])
def test_geometry_of_another_type_is_refused(
    call: Call, good: Arguments, name: str, value: object
) -> None:
    good["geometry"][name] = value
    refuse(call, good, TypeError, f"{name} must be an int.*{type(value).__name__}")


WRONG_SHAPES = [
    (forward, "weight", (6, 2, 3), r"weight must have 4 dimensions, got shape \(6, 2, 3\)"),
    (forward, "weight", (6, 2, 3, 3, 1), "weight must have 4 dimensions"),
    (forward, "weight", (), r"weight must have 4 dimensions, got shape \(\)"),
    (forward, "weight", (6, 3, 3, 3), "weight has 3 input channels but x has 4"),
    (forward, "weight", (0, 2, 3, 3), "weight must have at least 1 output channel"),
    (forward, "weight", (6, 0, 3, 3), "weight must have at least 1 input channel"),
    (forward, "weight", (6, 2, 0, 3), "weight must have a kernel of at least 1x1"),
    (forward, "weight", (6, 2, 3, 0), "weight must have a kernel of at least 1x1"),
    (forward, "weight", (6, 2, 6, 3), r"kernel \(6, 3\) is larger than the padded input \(5, 6\)"),
    (forward, "weight", (6, 2, 3, 7), r"kernel \(3, 7\) is larger than the padded input \(5, 6\)"),
    (forward, "x", (4, 5, 6), r"x must have 4 dimensions, got shape \(4, 5, 6\)"),
    (forward, "x", (1, 2, 4, 5, 6), "x must have 4 dimensions"),
    (forward, "x", (), r"x must have 4 dimensions, got shape \(\)"),
    (forward, "x", (2, 0, 5, 6), "weight has 2 input channels but x has 0"),
    (forward, "x", (2, 4, 0, 6), "x must have at least 1 pixel"),
    (forward, "x", (0, 4, 5, 0), "x must have at least 1 pixel"),
    (forward, "bias", (5,), "bias must have 6 elements, got 5"),
    (forward, "bias", (0,), "bias must have 6 elements, got 0"),
    (forward, "bias", (6, 1), "bias must have 1 dimensions"),
    (forward, "bias", (), "bias must have 1 dimensions"),
    (grad_input, "weight", (6, 2, 3), "weight must have 4 dimensions"),
    (grad_input, "weight", (0, 2, 3, 3), "weight must have at least 1 output channel"),
    (grad_input, "weight", (6, 2, 0, 3), "weight must have a kernel of at least 1x1"),
    (grad_input, "weight", (6, 3, 3, 3), "weight has 3 input channels but input_shape has 4"),
    (grad_input, "dy", (2, 6, 3), "dy must have 4 dimensions"),
    (grad_input, "dy", (2, 6, 3, 3), r"dy must have shape \(2, 6, 3, 4\), got \(2, 6, 3, 3\)"),
    (grad_input, "dy", (1, 6, 3, 4), r"dy must have shape \(2, 6, 3, 4\), got \(1, 6, 3, 4\)"),
    (grad_weight, "dy", (2, 5, 3, 4), r"dy must have shape \(2, 6, 3, 4\), got \(2, 5, 3, 4\)"),
    (grad_weight, "dy", (0, 6, 3, 4), r"dy must have shape \(2, 6, 3, 4\), got \(0, 6, 3, 4\)"),
    (grad_weight, "x", (2, 6, 5, 6), "weight has 2 input channels but x has 6"),
    (grad_weight, "x", (2, 4, 6), "x must have 4 dimensions"),
    (grad_bias, "dy", (2, 6), r"dy must have 4 dimensions, got shape \(2, 6\)"),
    (grad_bias, "dy", (), r"dy must have 4 dimensions, got shape \(\)"),
]


@pytest.mark.parametrize(("call", "name", "shape", "message"), WRONG_SHAPES)
def test_arrays_of_the_wrong_shape_are_refused(
    call: Call, good: Arguments, name: str, shape: tuple[int, ...], message: str
) -> None:
    good[name] = ones(*shape)
    refuse(call, good, ValueError, message)


@pytest.mark.parametrize(
    ("call", "name"), [(grad_input, "input_shape"), (grad_weight, "weight_shape")]
)
@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        ((2, 4, 5), ValueError, "must have 4 dimensions, got 3"),
        ((2, -4, 5, 6), ValueError, r"has a negative size, got \(2, -4, 5, 6\)"),
        ((2**40, 4, 2**40, 6), ValueError, "more elements than 64 bits can count"),
        ((2**61, 1, 1, 1), ValueError, "more elements than 64 bits can count"),
        ((2, 4, 5, 2**64), ValueError, "must fit in 64 bits"),
        ((2, 4, 5.0, 6), TypeError, "must be an int, got float 5.0"),
        ("2456", TypeError, "must be a tuple of 4 ints"),
        (None, TypeError, "must be a tuple of 4 ints"),
    ],
)
def test_shapes_are_refused(
    call: Call, good: Arguments, name: str, shape: Any, error: type[Exception], message: str
) -> None:
    good[name] = shape
    refuse(call, good, error, message)


EVERY_ARRAY = [
    (forward, "x", "x|input"),
    (forward, "weight", "weight"),
    (forward, "bias", "bias"),
    (grad_input, "dy", "dy"),
    (grad_input, "weight", "weight"),
    (grad_weight, "dy", "dy"),
    (grad_weight, "x", "x|input"),
    (grad_bias, "dy", "dy"),
]


@pytest.mark.parametrize(("call", "name", "named"), EVERY_ARRAY)
@pytest.mark.parametrize("dtype", ["f8", "f2", "i4", "u1", "?", "c8", "O", "U3", "M8[s]", "V4"])
def test_arrays_of_another_dtype_are_refused(
    call: Call, good: Arguments, name: str, named: str, dtype: str
) -> None:
    good[name] = np.zeros(good[name].shape, dtype)
    how = r"astype\(np" if np.dtype(dtype).kind in "fiub" else "only real numbers"
    kind = str(np.dtype(dtype)).replace("[", r"\[").replace("|", r"\|")
    refuse(call, good, TypeError, rf"({named}) must be float32, got {kind}; .*{how}")


@pytest.mark.parametrize(("call", "name", "named"), EVERY_ARRAY)
@pytest.mark.parametrize("value", [None, [[1.0]], 3, "cuda:0", object()], ids=repr)
def test_what_is_no_array_is_refused(
    call: Call, good: Arguments, name: str, named: str, value: object
) -> None:
    if name == "bias" and value is None:
        return
    good[name] = value
    refuse(call, good, TypeError, f"({named}) must be a NumPy array of float32, got")


@EVERY_CALL
def test_a_shape_is_checked_before_its_array_is_brought_into_order(
    call: Call, good: Arguments
) -> None:
    # 2**46 elements of one float: converting them first would ask for 256 TiB.
    endless = np.broadcast_to(ones(1, 1, 1, 1), (2**20, 2**10, 2**8, 2**8))
    good["x"] = good["dy"] = endless
    good["geometry"]["stride"] = 0
    requests = _core.memory_stats()["requests"]
    with pytest.raises(ValueError, match="stride must be at least 1"):
        call(good)
    assert _core.memory_stats()["requests"] == requests


def test_an_output_beyond_all_memory_is_a_memory_error(good: Arguments) -> None:
    good["geometry"]["padding"] = 2**20
    gc.collect()  # what earlier tests left behind must not go between the two countings
    in_use = _core.memory_stats()["allocated_bytes"]
    wanted = 2 * 6 * (2**21 + 5 - 2) * (2**21 + 6 - 2) * 4
    with pytest.raises(MemoryError, match=f"^no memory for {wanted} bytes of .*; {in_use} bytes"):
        forward(good)
    assert _core.memory_stats()["allocated_bytes"] == in_use
    assert forward({**good, "geometry": {"groups": 2}}).any()


@pytest.mark.parametrize(
    ("swapped", "message"),
    [(False, f"no memory for {2**48} bytes"), (True, r"Unable to allocate 256\. TiB")],
)
def test_an_input_beyond_all_memory_is_a_memory_error(swapped: bool, message: str) -> None:
    one = np.ones((1, 1, 1, 1), ">f4" if swapped else "<f4")
    endless = np.broadcast_to(one, (2**20, 2**10, 2**8, 2**8))
    with pytest.raises(MemoryError, match=message):
        _core.conv2d_forward(endless, ones(1, 2**10, 1, 1), None, (1, 1), (0,) * 4, (1, 1), 1)


def test_the_largest_strides_and_dilations_are_allowed() -> None:
    x, weight = ones(1, 1, 2, 2), ones(1, 1, 1, 1)
    y = ops.conv2d(x, weight, stride=2**31, dilation=2**31)
    assert y.shape == (1, 1, 1, 1)
    dx = ops.conv2d_grad_input(y, weight, x.shape, stride=2**31, dilation=2**31)
    assert dx.sum() == dx[0, 0, 0, 0] == 1


@pytest.mark.parametrize("far", [1000, 10**5, 2**31])
def test_taps_far_beyond_the_image_cost_no_memory(far: int) -> None:
    # Four outputs, each of which meets the one pixel with one tap; the others fall into padding.
    x, weight = ones(1, 1, 1, 1), np.arange(1, 5, dtype=np.float32).reshape(1, 1, 2, 2)
    geometry: dict[str, Any] = {"stride": far, "padding": far, "dilation": far}
    y = ops.conv2d(x, weight, **geometry)
    assert np.array_equal(y[0, 0], [[4, 3], [2, 1]])
    dx = ops.conv2d_grad_input(y, weight, x.shape, **geometry)
    assert dx.item() == 30
    dw = ops.conv2d_grad_weight(y, x, weight.shape, **geometry)
    assert np.array_equal(dw[0, 0], [[1, 2], [3, 4]])


def test_an_unknown_activation_is_refused() -> None:
    name: Any = "gelu"
    with pytest.raises(ValueError, match=r"activation must be .* or 'hardswish', got 'gelu'"):
        _core.conv2d_forward(
            ones(1, 1, 1, 1), ones(1, 1, 1, 1), None, (1, 1), (0,) * 4, (1, 1), 1, name
        )
