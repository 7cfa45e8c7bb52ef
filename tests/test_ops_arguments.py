"""What the operators accept and refuse, before any kernel runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import convlet as cl
from convlet import ops
from convlet.ops._arguments import integer, pair

if TYPE_CHECKING:
    from collections.abc import Callable

X = np.arange(2 * 2 * 6 * 6, dtype=np.float32).reshape(2, 2, 6, 6)
W = np.arange(4 * 2 * 3 * 3, dtype=np.float32).reshape(4, 2, 3, 3)
B = np.arange(4, dtype=np.float32)
DY = ops.conv2d(X, W)
ROWS, MATRIX, LABELS = X.reshape(2, 72), np.ones((3, 72), np.float32), np.array([0, 2])
MAXIMA, INDICES = ops.max_pool2d(X, 2)
SHRUNK, PIXELS = ops.adaptive_max_pool2d(X, 4)
GROUPED, BY_ROW = ops.group_moments(X, 2), ops.layer_norm(ROWS, 72)[1:]
PROBABILITIES = np.full((2, 3), 1 / 3, np.float32)
MASK = ops.dropout(X, 0.5)[1]

# Every operator as a call on its float arrays, so that each of them can be replaced by a bad one.
CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "conv2d": (ops.conv2d, (X, W, B)),
    "conv2d_grad_input": (lambda dy, w: ops.conv2d_grad_input(dy, w, X.shape), (DY, W)),
    "conv2d_grad_weight": (lambda dy, x: ops.conv2d_grad_weight(dy, x, W.shape), (DY, X)),
    "conv2d_grad_bias": (ops.conv2d_grad_bias, (DY,)),
    "max_pool2d": (lambda x: ops.max_pool2d(x, 2), (X,)),
    "max_pool2d_grad": (lambda dy: ops.max_pool2d_grad(dy, INDICES, X.shape, 2), (MAXIMA,)),
    "avg_pool2d": (lambda x: ops.avg_pool2d(x, 2), (X,)),
    "avg_pool2d_grad": (lambda dy: ops.avg_pool2d_grad(dy, X.shape, 2), (MAXIMA,)),
    "adaptive_max_pool2d": (lambda x: ops.adaptive_max_pool2d(x, 4), (X,)),
    "adaptive_max_pool2d_grad": (
        lambda dy: ops.adaptive_max_pool2d_grad(dy, PIXELS, X.shape),
        (SHRUNK,),
    ),
    "adaptive_avg_pool2d": (lambda x: ops.adaptive_avg_pool2d(x, 4), (X,)),
    "adaptive_avg_pool2d_grad": (
        lambda dy: ops.adaptive_avg_pool2d_grad(dy, X.shape),
        (SHRUNK,),
    ),
    "resize2d": (lambda x: ops.resize2d(x, 4, "bilinear"), (X,)),
    "resize2d_grad": (lambda dy: ops.resize2d_grad(dy, X.shape, "bilinear"), (SHRUNK,)),
    "group_moments": (lambda x: ops.group_moments(x, 1), (X,)),
    "group_norm": (ops.group_norm, (X, *GROUPED)),
    "group_norm_grad": (lambda dy, x, m: ops.group_norm_grad(dy, x, m, m), (X, X, GROUPED[0])),
    "layer_norm": (lambda x: ops.layer_norm(x, 72), (ROWS,)),
    "layer_norm_grad": (ops.layer_norm_grad, (ROWS, ROWS, *BY_ROW)),
    "add": (ops.add, (X, X)),
    "join_channels": (lambda a, b: ops.join_channels([a, b]), (X, X)),
    "cut_channels": (lambda x: tuple(ops.cut_channels(x, [1, 1])), (X,)),
    "linear": (ops.linear, (ROWS, MATRIX, B[:3])),
    "linear_grad_input": (ops.linear_grad_input, (PROBABILITIES, MATRIX)),
    "linear_grad_weight": (ops.linear_grad_weight, (PROBABILITIES, ROWS)),
    "linear_grad_bias": (ops.linear_grad_bias, (PROBABILITIES,)),
    "relu": (ops.relu, (X,)),
    "relu_grad": (ops.relu_grad, (X, X)),
    "softmax_cross_entropy": (lambda x: ops.softmax_cross_entropy(x, LABELS), (PROBABILITIES,)),
    "softmax_cross_entropy_grad": (
        lambda p, d: ops.softmax_cross_entropy_grad(p, LABELS, d),
        (PROBABILITIES, B[:2]),
    ),
    "tanh": (ops.tanh, (X,)),
    "elu": (ops.elu, (X,)),
    "gelu_grad": (ops.gelu_grad, (X, X)),
    "softplus_grad": (ops.softplus_grad, (X, X)),
    "mish": (ops.mish, (X,)),
    "channel_scale": (ops.channel_scale, (X, X[:, :, :1, :1])),
    "channel_scale_grad": (ops.channel_scale_grad, (X, X, X[:, :, :1, :1])),
    "prelu": (ops.prelu, (X, B[:2])),
    "prelu_grad": (ops.prelu_grad, (X, X, B[:2])),
    "binary_cross_entropy": (ops.binary_cross_entropy, (X, X)),
    "binary_cross_entropy_grad": (ops.binary_cross_entropy_grad, (X, X, X)),
    "dropout": (lambda x: ops.dropout(x, 0.5), (X,)),
    "dropout_grad": (lambda dy: ops.dropout_grad(dy, MASK, 0.5), (X,)),
}
EACH = [(name, which) for name, (_, arrays) in CALLS.items() for which in range(len(arrays))]


def call(name: str, which: int, change: Callable[[np.ndarray], Any]) -> Any:
    function, arrays = CALLS[name]
    return function(*(change(a) if i == which else a for i, a in enumerate(arrays)))


@pytest.mark.parametrize("dtype", ["f8", "f2", "i4", "?", "c8", "O", "U1"])
@pytest.mark.parametrize(("name", "which"), EACH)
def test_other_dtypes_are_refused_with_the_way_out(name: str, which: int, dtype: str) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: \w+ must be float32, got .*(convert|numbers)"):
        call(name, which, lambda a: np.zeros(a.shape, dtype))


NO_ARRAYS = [
    (*case, value)
    for case in EACH
    for value in (None, 1.0, "x", [[1.0]], cl.Tensor([1.0]))
    if value is not None or case[1] != 2  # a bias may be None
]


@pytest.mark.parametrize(("name", "which", "value"), NO_ARRAYS, ids=repr)
def test_what_is_no_array_is_refused(name: str, which: int, value: object) -> None:
    with pytest.raises(TypeError, match=rf"^{name}: \w+ must be a NumPy array of float32, got "):
        call(name, which, lambda _: value)


@pytest.mark.parametrize(
    "layout",
    [
        lambda a: a.astype(">f4"),
        np.asfortranarray,
        lambda a: np.ascontiguousarray(a[::-1])[::-1],
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
        lambda a: np.frombuffer(b"0" + a.tobytes(), np.uint8)[1:].view(np.float32).reshape(a.shape),
        lambda a: a.view(np.recarray),
    ],
    ids=["byte-swapped", "fortran", "negative", "strided", "misaligned read-only", "subclass"],
)
@pytest.mark.parametrize(("name", "which"), EACH)
def test_any_layout_gives_the_same_bits_and_is_left_alone(
    name: str, which: int, layout: Callable[[np.ndarray], np.ndarray]
) -> None:
    function, arrays = CALLS[name]
    wanted, changed = function(*arrays), layout(arrays[which])
    before = changed.copy()
    got = call(name, which, lambda _: changed)
    np.testing.assert_array_equal(changed, before)
    for a, b in zip(*((r if isinstance(r, tuple) else (r,)) for r in (got, wanted)), strict=True):
        assert type(a) is np.ndarray
        np.testing.assert_array_equal(a, b)


def by_name(name: str, value: Any) -> list[Callable[[], Any]]:
    """The calls that take an argument of this name."""
    more = {name: value}
    conv = {"stride", "padding", "dilation", "groups"}
    pool = {"stride", "padding", "dilation", "kernel_size"}
    calls: list[Callable[[], Any]] = []
    if name in conv:
        calls += [
            lambda: ops.conv2d(X, W, **more),
            lambda: ops.conv2d_grad_input(DY, W, X.shape, **more),
            lambda: ops.conv2d_grad_weight(DY, X, W.shape, **more),
        ]
    if name in pool:
        size = {"kernel_size": 2, **more}
        calls += [
            lambda: ops.max_pool2d(X, **size),
            lambda: ops.max_pool2d_grad(MAXIMA, INDICES, X.shape, **size),
        ]
        if name != "dilation":
            calls += [
                lambda: ops.avg_pool2d(X, **size),
                lambda: ops.avg_pool2d_grad(MAXIMA, X.shape, **size),
            ]
    return calls


@pytest.mark.parametrize("name", ["stride", "padding", "dilation", "groups", "kernel_size"])
@pytest.mark.parametrize(
    "value", [1.0, True, "1", (1, 2.0), (True, 1), np.float32(1), {1, 2}], ids=repr
)
def test_a_size_that_is_no_int_is_a_type_error(name: str, value: object) -> None:
    for function in by_name(name, value):
        with pytest.raises(TypeError, match=rf"^\w+: {name} must be an int"):
            function()


@pytest.mark.parametrize("name", ["stride", "padding", "dilation", "groups", "kernel_size"])
@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2**200, (1, 2**64)], ids=str)
def test_a_size_beyond_64_bits_is_a_value_error(name: str, value: Any) -> None:
    if name == "groups" and isinstance(value, tuple):
        value = value[1]
    for function in by_name(name, value):
        with pytest.raises(ValueError, match=rf"^\w+: {name} must fit in 64 bits"):
            function()


@pytest.mark.parametrize("name", ["stride", "dilation", "groups", "kernel_size"])
@pytest.mark.parametrize("value", [0, -1, -(2**63) + 1])
def test_a_size_below_1_is_a_value_error(name: str, value: int) -> None:
    for function in by_name(name, value):
        with pytest.raises(ValueError, match=r"^\w+: "):
            function()


@pytest.mark.parametrize("name", ["stride", "padding", "dilation", "groups", "kernel_size"])
@pytest.mark.parametrize("value", [2**31, 2**62, 2**63 - 1])
def test_a_huge_size_is_computed_or_a_value_error(name: str, value: int) -> None:
    for function in by_name(name, value):
        with contextlib.suppress(ValueError):
            function()
            assert name == "stride", "only a stride has no upper limit"


@pytest.mark.parametrize("name", ["stride", "padding", "dilation", "kernel_size"])
def test_a_pair_has_two_numbers(name: str) -> None:
    wrong: tuple[Any, ...] = ((1,), (1, 1, 1), [], ())
    for value in wrong:
        for function in by_name(name, value):
            with pytest.raises(
                ValueError, match=rf"{name} must be an int or a pair, got \d values"
            ):
                function()


@pytest.mark.parametrize(
    "two", [2, np.int8(2), np.uint64(2), np.array(2), (2, 2), [2, np.int64(2)]]
)
def test_numpy_integers_and_lists_are_as_good_as_ints(two: Any) -> None:
    assert pair(two, "op", "name") == (2, 2)
    np.testing.assert_array_equal(ops.conv2d(X, W, stride=two), ops.conv2d(X, W, stride=2))
    if not isinstance(two, (tuple, list)):
        assert integer(two, "op", "name") == 2
        np.testing.assert_array_equal(
            ops.conv2d(X, W[:, :1], groups=two), ops.conv2d(X, W[:, :1], groups=2)
        )


def test_a_shape_has_four_ints() -> None:
    for bad, error in (((2, 2, 6), ValueError), ((2, 2, 6, 6.0), TypeError), (6, TypeError)):
        with pytest.raises(error, match="input_shape must"):
            ops.conv2d_grad_input(DY, W, bad)  # type: ignore[arg-type]
        with pytest.raises(error, match="weight_shape must"):
            ops.conv2d_grad_weight(DY, X, bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, 1, None, "True"])
def test_a_flag_is_a_bool(value: Any) -> None:
    with pytest.raises(TypeError, match="max_pool2d: ceil_mode must be a bool"):
        ops.max_pool2d(X, 2, ceil_mode=value)
    with pytest.raises(TypeError, match="avg_pool2d: count_include_pad must be a bool"):
        ops.avg_pool2d(X, 2, count_include_pad=value)


@pytest.mark.parametrize("labels", [[0, 1], np.array([0.0, 1.0]), np.array([True, False]), None])
def test_labels_are_arrays_of_integers(labels: Any) -> None:
    with pytest.raises(TypeError, match="labels must be a NumPy array of integers"):
        ops.softmax_cross_entropy(PROBABILITIES, labels)


@pytest.mark.parametrize("labels", [[0, 3], [-1, 0], [0], [0, 1, 2], [[0, 1]], [2**63, 0]], ids=str)
def test_labels_that_do_not_fit_are_a_value_error(labels: list[int]) -> None:
    array = np.array(labels, np.uint64 if max(np.ravel(labels)) > 3 else np.int64)
    with pytest.raises(ValueError, match="label"):
        ops.softmax_cross_entropy(PROBABILITIES, array)


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"p": -0.1}, ValueError),
        ({"p": 1.1}, ValueError),
        ({"p": float("nan")}, ValueError),
        ({"p": "0.5"}, TypeError),
        ({"p": True}, TypeError),
        ({"seed": -1}, ValueError),
        ({"seed": 2**64}, ValueError),
        ({"seed": 0.0}, TypeError),
        ({"offset": 2**64}, ValueError),
        ({"offset": None}, TypeError),
    ],
    ids=str,
)
def test_dropout_checks_its_numbers(more: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=f"dropout: {next(iter(more))} must be"):
        ops.dropout(X, **more)


@pytest.mark.parametrize(
    "mask", [None, MASK.astype(np.int64), MASK.tolist()], ids=["none", "int64", "list"]
)
def test_dropout_grad_wants_the_mask_of_dropout(mask: Any) -> None:
    with pytest.raises(TypeError, match="dropout_grad: mask must be the uint8 array of dropout"):
        ops.dropout_grad(X, mask)
