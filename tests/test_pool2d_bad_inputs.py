"""Poolings that make no sense are refused by name; NaN, infinity and padding keep their places."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import reference_pool2d
from convlet import _core, ops
from pool2d_cases import POOL2D_CASES, Pool2dCase

Arguments = dict[str, Any]
Call = Callable[[Arguments], Any]

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def good() -> Arguments:
    """Arguments that fit together; each test spoils some of them."""
    return {
        "x": _core.to_channels_last(np.ones((2, 3, 7, 8), np.float32)),
        "dy": _core.to_channels_last(np.ones((2, 3, 4, 4), np.float32)),
        "indices": np.full((2, 3, 4, 4), 4, np.uint8),
        "input_shape": (2, 3, 7, 8),
        "geometry": {"kernel_size": 3, "stride": 2, "padding": 1},
    }


def max_forward(a: Arguments) -> Any:
    return ops.max_pool2d(a["x"], **a["geometry"])


def max_grad(a: Arguments) -> Any:
    return ops.max_pool2d_grad(a["dy"], a["indices"], a["input_shape"], **a["geometry"])


def avg_forward(a: Arguments) -> Any:
    return ops.avg_pool2d(a["x"], **a["geometry"])


def avg_grad(a: Arguments) -> Any:
    return ops.avg_pool2d_grad(a["dy"], a["input_shape"], **a["geometry"])


every_call = pytest.mark.parametrize("call", [max_forward, max_grad, avg_forward, avg_grad])
max_calls = pytest.mark.parametrize("call", [max_forward, max_grad])
forwards = pytest.mark.parametrize("call", [max_forward, avg_forward])
gradients = pytest.mark.parametrize("call", [max_grad, avg_grad])


def refuse(call: Call, a: Arguments, error: type[Exception], message: str) -> None:
    """The call fails as told, and asks for no memory."""
    requests = _core.memory_stats()["requests"]
    with pytest.raises(error, match=message) as caught:
        call(a)
    assert str(caught.value).startswith(("max_pool2d", "avg_pool2d"))
    assert _core.memory_stats()["requests"] == requests


@every_call
def test_good_arguments_are_accepted(call: Call, good: Arguments) -> None:
    assert call(good) is not None


@every_call
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("kernel_size", 0, r"kernel_size must be at least 1, got \(0, 0\)"),
        ("kernel_size", (3, -1), r"kernel_size must be at least 1, got \(3, -1\)"),
        ("kernel_size", 2**31 + 1, r"kernel_size must be at most 2\^31"),
        ("kernel_size", 2**20, r"kernel_size must have at most 2\^31 - 1 positions"),
        ("kernel_size", (20, 3), r"the window \(20, 3\) is larger than the padded input \(9, 10\)"),
        ("stride", 0, r"stride must be at least 1, got \(0, 0\)"),
        ("stride", (1, -2), "stride must be at least 1"),
        ("stride", 2**31 + 1, r"stride must be at most 2\^31"),
        ("stride", 2**64, "stride must fit in 64 bits"),
        ("padding", -1, r"padding must be at least 0, got \(-1, -1\)"),
        ("padding", 2, r"padding must be at most half the kernel size \(3, 3\), got \(2, 2\)"),
        ("padding", 2**31 + 1, r"padding must be at most 2\^31"),
        ("stride", (1, 2, 3), "stride must be an int or a pair, got 3 values"),
    ],
)
def test_geometry_is_refused(
    call: Call, good: Arguments, name: str, value: object, message: str
) -> None:
    good["geometry"][name] = value
    refuse(call, good, ValueError, message)


@max_calls
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, r"dilation must be at least 1, got \(0, 0\)"),
        (2**31 + 1, r"dilation must be at most 2\^31"),
        (2**31, r"window \(4294967297, 4294967297\) is larger than the padded input"),
    ],
)
def test_dilation_is_refused(call: Call, good: Arguments, value: int, message: str) -> None:
    good["geometry"]["dilation"] = value
    refuse(call, good, ValueError, message)


@max_calls
def test_a_window_of_padding_alone_is_refused(call: Call, good: Arguments) -> None:
    # Taps at -1 and 2 step over an image of two pixels.
    good["x"] = np.ones((1, 1, 2, 2), np.float32)
    good["input_shape"] = (1, 1, 2, 2)
    good["geometry"] = {"kernel_size": 2, "stride": 1, "padding": 1, "dilation": 3}
    refuse(call, good, ValueError, "window 0 along the height covers only padding")


@forwards
@pytest.mark.parametrize("shape", [(3, 7, 8), (7, 8), (), (1, 2, 3, 7, 8)])
def test_images_of_another_rank_are_refused(
    call: Call, good: Arguments, shape: tuple[int, ...]
) -> None:
    good["x"] = np.ones(shape, np.float32)
    refuse(call, good, ValueError, "x must have 4 dimensions")


@forwards
@pytest.mark.parametrize("shape", [(2, 3, 0, 8), (2, 3, 7, 0)])
def test_images_without_pixels_are_refused(
    call: Call, good: Arguments, shape: tuple[int, ...]
) -> None:
    good["x"] = np.ones(shape, np.float32)
    refuse(call, good, ValueError, "x must have at least 1 pixel")


@pytest.mark.parametrize("dtype", ["u1", "i8"])
def test_indices_beyond_all_memory_are_a_memory_error_that_tells_how_much(dtype: str) -> None:
    shape = (2**10, 2**12, 2**12, 2**12)
    dy, indices = (np.broadcast_to(np.zeros((), t), shape) for t in ("f4", dtype))
    with pytest.raises(MemoryError, match=r"Unable to allocate .*TiB"):
        ops.max_pool2d_grad(dy, indices, shape, kernel_size=1)


@gradients
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 3, 0, 8), "input_shape must have at least 1 pixel"),
        ((2, 3, -7, 8), "input_shape has a negative size"),
        ((2**40, 2**40, 7, 8), "input_shape has more elements than 64 bits can count"),
        ((2, 4, 7, 8), r"dy must have shape \(2, 4, 4, 4\), got \(2, 3, 4, 4\)"),
        ((2, 3, 70, 8), r"dy must have shape \(2, 3, 35, 4\), got \(2, 3, 4, 4\)"),
    ],
)
def test_input_shapes_that_do_not_fit_are_refused(
    call: Call, good: Arguments, shape: tuple[int, ...], message: str
) -> None:
    good["input_shape"] = shape
    refuse(call, good, ValueError, message)


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 3, 4, 4), (2, 3, 4), (96,)])
def test_indices_of_another_shape_are_refused(good: Arguments, shape: tuple[int, ...]) -> None:
    good["indices"] = np.zeros(shape, np.uint8)
    refuse(max_grad, good, ValueError, "indices must have")


@pytest.mark.parametrize("dtype", ["f4", "f8", "?", "c8", "O", "U1"])
def test_indices_of_another_dtype_are_refused(good: Arguments, dtype: str) -> None:
    good["indices"] = good["indices"].astype(dtype)
    refuse(max_grad, good, TypeError, "indices must be")
    with pytest.raises(TypeError, match="indices must be"):
        _core.max_pool2d_grad(
            good["dy"], good["indices"], (2, 3, 7, 8), (3, 3), (2, 2), (1, 1), (1, 1), False
        )


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ((1, 2, 3, 2), 9),  # beyond the window
        ((1, 2, 3, 2), 255),
        ((0, 0, 0, 1), 0),  # in the padding above
        ((0, 0, 0, 1), 2),
        ((1, 1, 2, 0), 3),  # in the padding to the left
        ((1, 1, 2, 0), 6),
        ((0, 2, 3, 3), 7),  # in the padding below
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.uint64])
def test_an_index_outside_its_window_is_refused(
    isa: str, good: Arguments, place: tuple[int, ...], value: int, dtype: type[Any]
) -> None:
    good["indices"] = good["indices"].astype(dtype)
    good["indices"][place] = value
    where = ", ".join(map(str, place))
    refuse(max_grad, good, ValueError, rf"indices\[{where}\] must name a pixel.*, got {value}$")


@pytest.mark.parametrize(("kernel", "padding"), [(2, 0), (3, 1), (5, 2), (6, 3)])
def test_an_index_is_taken_if_it_names_a_pixel(isa: str, kernel: int, padding: int) -> None:
    size, channels = 9, 17
    out = (size + 2 * padding - kernel) // 2 + 1
    inside = padding * kernel + padding  # the tap that every window has inside the image
    dy = np.ones((1, channels, out, out), np.float32)
    for place in np.ndindex(out, out):
        for value in range(kernel * kernel + 2):
            tap = np.array(divmod(value, kernel))
            pixel = np.array(place) * 2 - padding + tap
            indices = np.full(dy.shape, inside, np.uint8)
            indices[(0, channels - 1, *place)] = value
            call = partial(
                ops.max_pool2d_grad, dy, indices, (1, channels, size, size), kernel, 2, padding
            )
            if value < kernel * kernel and (pixel >= 0).all() and (pixel < size).all():
                assert call()[(0, channels - 1, *pixel)] >= 1
            else:
                with pytest.raises(ValueError, match=f"got {value}$"):
                    call()


@pytest.mark.parametrize("value", [-1, -128, -(2**31), 2**31 - 1, -(2**63), 2**63 - 1, 2**32 + 4])
def test_a_negative_or_huge_index_is_refused(isa: str, good: Arguments, value: int) -> None:
    good["indices"] = good["indices"].astype(np.int64)
    good["indices"][1, 0, 1, 1] = value
    refuse(max_grad, good, ValueError, rf"indices\[1, 0, 1, 1\].* got {value}$")


def test_an_unsigned_index_beyond_int64_is_refused(good: Arguments) -> None:
    good["indices"] = good["indices"].astype(np.uint64)
    good["indices"][0, 0, 0, 0] = 2**64 - 1
    refuse(max_grad, good, ValueError, r"indices\[0, 0, 0, 0\]")


def test_the_first_of_many_bad_indices_is_named(good: Arguments, set_threads: Any) -> None:
    good["indices"][1, 1:, 2:, 1:] = 77
    for threads in (1, 2, 3):
        set_threads(threads)
        refuse(max_grad, good, ValueError, r"indices\[1, 1, 2, 1\]")


def test_indices_of_a_large_window_are_checked_in_32_bits(isa: str) -> None:
    case = next(case for case in POOL2D_CASES if case.name == "large_window")
    x = np.ones(case.x, np.float32)
    geometry = (case.kernel, case.stride, case.padding)
    y, indices = ops.max_pool2d(x, *geometry)
    for bad in (-1, 272, 2**31 - 1, -(2**31), 0):  # 0 is padding in the first window
        spoiled = indices.copy()
        spoiled[0, 0, 0, 0] = bad
        with pytest.raises(ValueError, match=rf"indices\[0, 0, 0, 0\].* got {bad}$"):
            ops.max_pool2d_grad(y, spoiled, case.x, *geometry)


# The loops of the reference are slow.
@pytest.mark.parametrize("case", [c for c in POOL2D_CASES if np.prod(c.y) <= 5000], ids=str)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_special_values_win_and_lose_as_in_numpy(
    isa: str, case: Pool2dCase, rng: np.random.Generator
) -> None:
    x = rng.standard_normal(case.x).astype(np.float32)
    special = rng.random(case.x)
    for share, value in ((0.5, -INF), (0.15, INF), (0.1, NAN), (0.05, -0.0)):
        x[special < share] = value
    y, indices = ops.max_pool2d(
        x, case.kernel, case.stride, case.padding, case.dilation, case.ceil_mode
    )
    wanted, places = reference_pool2d.max_pool2d(
        x, case.kernel, case.stride, case.padding, case.dilation, case.ceil_mode
    )
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(indices, places)
    if case.is_average:
        geometry = (case.kernel, case.stride, case.padding, case.ceil_mode)
        means = reference_pool2d.avg_pool2d(x.astype(np.float64), *geometry)
        np.testing.assert_allclose(ops.avg_pool2d(x, *geometry), means, rtol=1e-5, atol=1e-5)


def test_padding_never_wins_over_minus_infinity(isa: str) -> None:
    x = np.full((1, 20, 3, 3), -INF, np.float32)
    y, indices = ops.max_pool2d(x, 3, 2, 1)
    assert (y == -INF).all()
    assert np.array_equal(indices[0, 7], [[4, 3], [1, 0]])


@pytest.mark.parametrize("channels", [1, 6, 17, 64])
def test_special_gradients_stay_at_their_pixels(isa: str, channels: int) -> None:
    x = np.arange(channels * 36, dtype=np.float32).reshape(1, channels, 6, 6)
    for kernel, stride in ((2, 2), (3, 2)):
        y, indices = ops.max_pool2d(x, kernel, stride)
        dy = np.zeros_like(y)
        dy[0, -1, 1, 1], dy[0, 0, 0, 0] = NAN, INF
        dx = ops.max_pool2d_grad(dy, indices, x.shape, kernel, stride)
        assert np.isnan(dx).sum() == 1
        assert np.isinf(dx).sum() == 1
        shares = ops.avg_pool2d_grad(dy, x.shape, kernel, stride)
        assert np.isnan(shares).sum() == kernel * kernel
