"""Chains of convolutions give the bits of their links one after the other, whichever way they go."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import convlet as cl
from convlet import _core, models, nn, ops
from convlet.nn.fusion import Step, chain, run
from convlet.ops import ConvLink

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Array = np.ndarray
ACTIVATIONS: tuple[Any, ...] = ("relu6", "none", "hardswish", "silu", "relu")


class Filter(NamedTuple):
    """One kernel for each channel."""

    kernel: tuple[int, int]
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1


# Channels in, height and width, then the links: a number is a 1x1 convolution to so many channels.
CHAINS: dict[str, tuple[int, tuple[int, int], list[int | Filter]]] = {
    "inverted residual": (6, (23, 17), [36, Filter((3, 3), 1, 1), 6]),
    "of stride 2": (16, (24, 24), [96, Filter((3, 3), 2, 1), 24]),
    "5x5": (5, (19, 31), [33, Filter((5, 5), 1, 2), 17]),
    "5x5 of stride 2, TensorFlow's border": (
        8,
        (28, 28),
        [48, Filter((5, 5), 2, (1, 1, 2, 2)), 12],
    ),
    "dilated": (4, (21, 20), [40, Filter((3, 3), 1, 2, 2), 9]),
    "all asymmetric": (3, (29, 18), [34, Filter((5, 2), (1, 3), (2, 0, 0, 1), (2, 1)), 7]),
    "a stride beyond the kernel": (7, (26, 22), [32, Filter((2, 2), (5, 3)), 8]),
    "borders beyond the image": (4, (5, 6), [35, Filter((3, 3), 1, (4, 3, 5, 0)), 8]),
    "no mixing after": (9, (25, 14), [40, Filter((3, 3), 1, 1)]),
    "no widening before": (48, (27, 15), [Filter((3, 3), 1, 1), 11]),
    "mixing twice": (12, (18, 19), [40, 20]),
    "filters twice": (33, (31, 9), [Filter((3, 3), 2, 1), Filter((5, 5), 1, 2), 10]),
    "more links than go together": (
        *(8, (22, 13)),
        [32, Filter((3, 3), 1, 1), 32, Filter((3, 3), 2, 1), 40, Filter((3, 3), 1, 1), 8],
    ),
    "one row": (6, (1, 240), [37, Filter((3, 3), 1, 1), 6]),
    "one column": (6, (240, 1), [37, Filter((3, 3), 1, 1), 6]),
    "one channel": (1, (33, 35), [17, Filter((3, 3), 1, 1), 1]),
}
by_chain = pytest.mark.parametrize("name", CHAINS)


def drawn(
    name: str, images: int, rng: np.random.Generator, kept: bool = False
) -> tuple[Array, list[ConvLink]]:
    channels, size, parts = CHAINS[name]
    x = rng.standard_normal((images, channels, *size), np.float32)
    links = []
    for index, part in enumerate(parts):
        out = channels if isinstance(part, Filter) else part
        kernel = part.kernel if isinstance(part, Filter) else (1, 1)
        depth = 1 if isinstance(part, Filter) else channels
        weight = rng.standard_normal((out, depth, *kernel), np.float32)
        geometry: dict[str, Any] = {}
        if isinstance(part, Filter):
            geometry = {**part._asdict(), "groups": out}
            del geometry["kernel"]
        link = ConvLink(weight / math.sqrt(depth * math.prod(kernel)), **geometry)
        if index % 3 != 1:
            link = link._replace(bias=rng.standard_normal(out, np.float32))
        if index % 2 == 0:
            link = link._replace(scale=rng.random(out, np.float32) + 0.5)
        if kept:
            link = link._replace(packed=ops.PackedWeight(), version=index)
        links.append(link._replace(activation=ACTIVATIONS[index % 5]))
        channels = out
    return x, links


def one_by_one(x: Array, links: Sequence[ConvLink], residual: Array | None = None) -> Array:
    for index, link in enumerate(links):
        more = residual if index == len(links) - 1 else None
        x = ops.conv2d(
            *(x, link.weight, link.bias, link.stride, link.padding, link.dilation, link.groups),
            scale=link.scale,
            activation=link.activation,
            residual=more,
        )
    return x


def enough_images(name: str, rng: np.random.Generator) -> int:
    """So many that what is between two links does not fit the L2, a few more than one thread's."""
    x, links = drawn(name, 1, rng)
    most = max(one_by_one(x, links[:count]).size for count in range(1, len(links)))
    return _core.l2_floats() // most + 2


@by_chain
def test_the_bits_are_those_of_the_links(
    isa: str, name: str, set_threads: Callable[[int], None], rng: np.random.Generator
) -> None:
    for images in (1, enough_images(name, rng)):
        x, links = drawn(name, images, rng)
        y = one_by_one(x, links)
        residual = rng.standard_normal(y.shape, np.float32)
        added = one_by_one(x, links, residual)
        assert np.count_nonzero(added) > added.size // 8
        for threads in (1, 2, 5, 64):
            set_threads(threads)
            np.testing.assert_array_equal(ops.conv2d_chain(x, links), y)
            np.testing.assert_array_equal(ops.conv2d_chain(x, links, residual=residual), added)


@by_chain
def test_kept_weights_change_no_bit(isa: str, name: str, rng: np.random.Generator) -> None:
    x, links = drawn(name, enough_images(name, rng), rng, kept=True)
    y = one_by_one(x, links)
    for _ in range(2):
        np.testing.assert_array_equal(ops.conv2d_chain(x, links), y)
    links[0].weight[0] *= 2
    links[0] = links[0]._replace(version=100)
    np.testing.assert_array_equal(ops.conv2d_chain(x, links), one_by_one(x, links))


def test_a_tall_image_is_cut_into_parts(isa: str, set_threads: Callable[[int], None]) -> None:
    # A single one, so that tasks begin in the middle of it, and bands leave rows for the next.
    rng = np.random.default_rng(2)
    height = _core.l2_floats() // (50 * 48) + 300
    x = rng.standard_normal((1, 8, height, 50), np.float32)
    for stride, padding in ((1, 1), (2, 1), (3, 0)):
        links = [
            ConvLink(rng.standard_normal((48, 8, 1, 1), np.float32), activation="relu"),
            ConvLink(rng.standard_normal((48, 1, 3, 3), np.float32), None, stride, padding, 1, 48),
            ConvLink(rng.standard_normal((8, 48, 1, 1), np.float32)),
        ]
        y = one_by_one(x, links)
        for threads in (1, 3, 64):
            set_threads(threads)
            np.testing.assert_array_equal(ops.conv2d_chain(x, links), y)


def test_what_is_between_the_links_takes_no_memory() -> None:
    rng = np.random.default_rng(1)
    images = enough_images("inverted residual", rng)
    x, links = drawn("inverted residual", images, rng)
    between = one_by_one(x, links[:1]).nbytes

    def taken() -> int:
        _core.empty_cache()
        ops.conv2d_chain(x, links)
        return int(_core.memory_stats()["cached_bytes"])

    banded = taken()
    links[1] = links[1]._replace(groups=1, weight=np.zeros((36, 36, 3, 3), np.float32))
    assert banded < between < taken()


def test_other_convolutions_may_be_links(isa: str) -> None:
    rng = np.random.default_rng(4)

    def link(out: int, depth: int, kernel: int, **geometry: Any) -> ConvLink:
        weight = rng.standard_normal((out, depth, kernel, kernel), np.float32)
        return ConvLink(
            weight / np.float32(kernel), rng.standard_normal(out, np.float32), **geometry
        )

    links = [
        link(32, 3, 3, stride=2, padding=1, activation="relu"),
        link(32, 1, 3, padding=1, groups=32, activation="relu6"),
        link(24, 32, 1),
        link(24, 12, 3, padding=1, groups=2, activation="silu"),
        link(40, 24, 1, activation="relu"),
        link(16, 40, 3, padding=1),
    ]
    images = _core.l2_floats() // (32 * 20 * 20) + 1
    for count, n in itertools.product((1, 3, 6), (1, images)):
        x = rng.standard_normal((n, 3, 40, 39), np.float32)
        y = ops.conv2d_chain(x, links[:count])
        np.testing.assert_array_equal(y, one_by_one(x, links[:count]))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_chain(data: st.DataObject) -> None:
    draw = data.draw
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    channels = draw(st.sampled_from([1, 3, 17, 32]))
    size = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    links, shape = [], size
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.booleans()):
            out = draw(st.sampled_from([1, 3, 17, 40, 64]))
            links.append(ConvLink(rng.standard_normal((out, channels, 1, 1), np.float32)))
            channels = out
            continue
        pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
        kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
        stride, dilation = draw(pairs), draw(pairs)
        border = draw(st.tuples(*[st.integers(0, 3)] * 4))
        after = [
            (n + border[i] + border[i + 2] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
            for i, n in enumerate(shape)
        ]
        if min(after) < 1:
            continue
        weight = rng.standard_normal((channels, 1, *kernel), np.float32)
        links.append(ConvLink(weight, None, stride, border, dilation, channels, "relu"))
        shape = (after[0], after[1])
    if not links:
        return
    x = rng.standard_normal((1, links[0].weight.shape[1] * links[0].groups, *size), np.float32)
    most = max(one_by_one(x, links[:count]).size for count in range(1, len(links) + 1))
    images = draw(st.sampled_from([0, 1, min(300, _core.l2_floats() // most + 1)]))
    x = np.tile(x, (images, 1, 1, 1)) * rng.random((images, 1, 1, 1), np.float32)
    np.testing.assert_array_equal(ops.conv2d_chain(x, links), one_by_one(x, links))


def test_a_norm_is_the_scale_and_shift_of_batch_norm(isa: str) -> None:
    rng = np.random.default_rng(8)
    x, links = drawn("inverted residual", 1, rng)
    for index, (with_weight, with_bias) in enumerate(((True, True), (False, True), (True, False))):
        link = links[index]
        out = link.weight.shape[0]
        mean, weight, bias = rng.standard_normal((3, out), np.float32)
        variance = rng.random(out, np.float32) + np.float32(0.1)
        given: Any = (
            mean,
            variance,
            weight if with_weight else None,
            bias if with_bias else None,
            1e-3,
        )
        scale, shift = ops.batch_norm_scale_shift(*given, before=link.bias)
        apart = [*links]
        links[index] = link._replace(scale=None, norm=given)
        apart[index] = link._replace(scale=scale, bias=shift)
        np.testing.assert_array_equal(ops.conv2d_chain(x, links), ops.conv2d_chain(x, apart))
        links = apart


def test_nan_and_infinity_pass_as_link_by_link() -> None:
    rng = np.random.default_rng(7)
    x, links = drawn("inverted residual", enough_images("inverted residual", rng), rng)
    x[0, 0, 5, 5], x[1, 1, 0, 0], x[-1, -1, -1, -1] = np.nan, np.inf, -np.inf
    y = ops.conv2d_chain(x, links)
    np.testing.assert_array_equal(y, one_by_one(x, links))
    assert not np.isfinite(y).all()


def good(**changed: Any) -> ConvLink:
    return ConvLink(np.ones((4, 2, 1, 1), np.float32))._replace(**changed)


NORM: Any = (*np.ones((4, 4), np.float32), 1e-5)
BAD: list[tuple[list[ConvLink], Any, type[Exception], str]] = [
    ([], None, ValueError, "conv2d_chain: links must be at least 1, got 0"),
    ([good(), good()], None, ValueError, "conv2d_chain, link 1: .*channels"),
    ([good(weight=np.ones((4, 2, 1, 1)))], None, TypeError, "link 0: weight must be float32"),
    ([good(bias=np.ones(3, np.float32))], None, ValueError, "conv2d_chain, link 0: bias"),
    ([good(scale=np.ones(5, np.float32))], None, ValueError, "conv2d_chain, link 0: scale"),
    ([good(stride=0)], None, ValueError, "conv2d_chain, link 0: stride"),
    ([good(padding=1.5)], None, TypeError, "conv2d_chain, link 0: padding"),
    ([good(groups=3)], None, ValueError, "conv2d_chain, link 0: groups"),
    ([good(activation="tanh")], None, ValueError, "link 0: activation must be .*'tanh'"),
    (
        [good(norm=3)],
        None,
        TypeError,
        r"link 0: norm must be \(mean, variance, weight, bias, eps\)",
    ),
    ([good(norm=NORM, scale=NORM[0])], None, ValueError, "link 0: scale must be None where"),
    ([good(norm=(*NORM[:4], "0"))], None, TypeError, "link 0: norm's eps must be a number"),
    ([good(norm=(NORM[0][1:], *NORM[1:]))], None, ValueError, "link 0: norm's mean"),
    ([good(norm=(*NORM[:2], NORM[2].astype(float), *NORM[3:]))], None, TypeError, "norm's weight"),
    ([good(packed=3)], None, TypeError, "link 0: packed must be a PackedWeight"),
    ([good(version="new")], None, TypeError, "link 0: version must be an int"),
    ([good()], np.ones((1, 4, 3, 4), np.float32), ValueError, "conv2d_chain: residual"),
    ([good()], np.ones((1, 4, 3, 3)), TypeError, "conv2d_chain: residual must be float32"),
]


@pytest.mark.parametrize(("links", "residual", "error", "message"), BAD)
def test_bad_arguments_are_refused_by_name(
    links: list[ConvLink], residual: Any, error: type[Exception], message: str
) -> None:
    x = np.ones((1, 2, 3, 3), np.float32)
    requests = _core.memory_stats()["requests"]
    with pytest.raises(error, match=message):
        ops.conv2d_chain(x, links, residual=residual)
    assert _core.memory_stats()["requests"] == requests


# --- layers ------------------------------------------------------------------------------------------


def norm_of(channels: int, rng: np.random.Generator) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.weight is not None
    norm.running_mean[...] = rng.standard_normal(channels)
    norm.running_var[...] = rng.random(channels) + 0.5
    norm.weight.data[...] = rng.standard_normal(channels)
    return norm.eval()


def test_steps_in_evaluation_are_what_they_are_apart() -> None:
    rng = np.random.default_rng(3)
    steps = [
        Step(nn.Conv2d(6, 30, 1, bias=False), norm_of(30, rng), "relu6"),
        Step(nn.Conv2d(30, 30, 3, 1, 1, groups=30), norm_of(30, rng), "hardswish"),
        Step(nn.Conv2d(30, 6, 1), norm_of(6, rng)),
    ]
    x = cl.Tensor(rng.standard_normal((2, 6, 9, 8), np.float32))
    with cl.no_grad():
        y = x
        for conv, norm, activation, _ in steps[:2]:
            y = nn.conv_norm(conv, norm, y, activation=activation)
        y = nn.conv_norm(steps[2].conv, steps[2].norm, y, residual=x)
        np.testing.assert_array_equal(chain(steps, x, x).data, y.data)
        seen: list[int] = []
        with steps[1].conv.register_forward_hook(lambda *_: seen.append(1)):
            watched = chain(steps, x, x)
        assert seen == [1]
    recorded = chain(steps, x, x)
    assert recorded.node is not None
    for other in (watched, recorded):
        np.testing.assert_allclose(other.data, y.data, rtol=1e-4, atol=1e-4)


def test_run_goes_into_sequences_that_only_run_and_nobody_watches() -> None:
    rng = np.random.default_rng(3)

    class Doubling(nn.Sequential):
        def forward(self, input: Any) -> Any:
            return super().forward(input) * 2

    def block() -> tuple[nn.Module, ...]:
        return nn.Conv2d(4, 4, 1), norm_of(4, rng), nn.ReLU()

    plain, doubling, watched = nn.Sequential(*block()), Doubling(*block()), nn.Sequential(*block())
    seen: list[int] = []
    watched.register_forward_hook(lambda *_: seen.append(1))
    x = cl.Tensor(rng.standard_normal((1, 4, 3, 3), np.float32))
    for model in (nn.Sequential(plain, doubling, watched).eval(), nn.Sequential(watched, plain)):
        with cl.no_grad():
            y = x
            for part in model:
                y = part(y)
            np.testing.assert_array_equal(model(x).data, y.data)
    assert len(seen) == 4
    with pytest.raises(TypeError, match="run: a residual needs a convolution"):
        run([nn.ReLU()], x, residual=x)


@pytest.mark.parametrize("name", ["mobilenet_v2", "efficientnet_lite0", "mobilenet_v3_small"])
def test_networks_give_in_one_call_what_they_give_in_many(name: str) -> None:
    model = models.create(name, num_classes=5, seed=1).eval()
    x = cl.Tensor(np.random.default_rng(0).standard_normal((3, 3, 96, 64), np.float32))
    with cl.no_grad():
        y = model(x)
    apart = model(x)
    assert apart.node is not None
    np.testing.assert_allclose(y.data, apart.data, rtol=1e-3, atol=1e-3 * np.abs(y.data).max())
